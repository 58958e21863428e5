"""A strangler migration with shadow execution, for any asyncio engine that streams events and calls models and tools.

Everything here is public, as are `migration.effects` (ports), `migration.adapters` (adapters for SDKs and frameworks), `migration.testing`
and `migration.errors`; everything else may change. Read in this order:

1. `model`: the types (`RunRequest`, `Event`, `Effect`, `RunRecord`, `Comparison`, `Divergence`) and the `Engine` seam.
2. `stages`: what a stage means for one request.
3. `facade`: one request as numbered steps; each step names the package that does it.
"""

from typing import TYPE_CHECKING

from migration.fronts import front

if TYPE_CHECKING:
    from migration.composition import Migration, compose
    from migration.engines import by_field, emitter_engine, stream_engine
    from migration.model import Engine, Event, Origin, Outcome, RunRequest
    from migration.settings import MigrationSettings
    from migration.stores import KeptRuns
    from migration.threaded import ThreadedMigration, in_thread
else:
    __getattr__ = front(
        __name__,
        {
            "Engine": "model",
            "Event": "model",
            "KeptRuns": "stores",
            "Migration": "composition",
            "MigrationSettings": "settings",
            "Origin": "model",
            "Outcome": "model",
            "RunRequest": "model",
            "ThreadedMigration": "threaded",
            "by_field": "engines",
            "compose": "composition",
            "emitter_engine": "engines",
            "in_thread": "threaded",
            "stream_engine": "engines",
        },
    )

__all__ = [
    "Engine",
    "Event",
    "KeptRuns",
    "Migration",
    "MigrationSettings",
    "Origin",
    "Outcome",
    "RunRequest",
    "ThreadedMigration",
    "by_field",
    "compose",
    "emitter_engine",
    "in_thread",
    "stream_engine",
]
