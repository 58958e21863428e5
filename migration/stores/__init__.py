"""Finished runs in two stores, legacy and user: written by plan, retried from an outbox, read completely, copied from one to the other.

`FinishedRuns` combines what a server needs: `DualWriter` writes, `Delivery` retries, `ThreadReader` reads. `Backfill` copies and verifies,
`Coverage` knows which store lacks runs of which tenants, and `check_history` lets no tenant enter a stage without its history. `Tombstones`
counts which engines ran, by day, and `watch_now` returns the counts.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from migration.stores.adapter import AdaptedScan, AdaptedStore, Shape
    from migration.stores.backfill import Backfill, Progress, TenantResult
    from migration.stores.coverage import Coverage, Gap
    from migration.stores.database import StoresDatabase
    from migration.stores.delivery import Delivery, Retry
    from migration.stores.gate import check_history
    from migration.stores.outbox import Lag, Outbox
    from migration.stores.run import PersonalData, RunKey, RunScan, RunStore, RunStores, StoredRun, StoresOpener, key_of
    from migration.stores.runs import FinishedRuns
    from migration.stores.threads import ThreadReader, ThreadView
    from migration.stores.tombstones import Ran, Tombstones
    from migration.stores.watch import RanOn, Watch, watch_now
    from migration.stores.writer import DualWriter

__all__ = [
    "AdaptedScan",
    "AdaptedStore",
    "Backfill",
    "Coverage",
    "Delivery",
    "DualWriter",
    "FinishedRuns",
    "Gap",
    "Lag",
    "Outbox",
    "PersonalData",
    "Progress",
    "Ran",
    "RanOn",
    "Retry",
    "RunKey",
    "RunScan",
    "RunStore",
    "RunStores",
    "Shape",
    "StoredRun",
    "StoresDatabase",
    "StoresOpener",
    "TenantResult",
    "ThreadReader",
    "ThreadView",
    "Tombstones",
    "Watch",
    "check_history",
    "key_of",
    "watch_now",
]

#: The module of each name: imported on first use, since a command line needs few of them.
_MODULES = {
    "AdaptedScan": "adapter",
    "AdaptedStore": "adapter",
    "Backfill": "backfill",
    "Coverage": "coverage",
    "Delivery": "delivery",
    "DualWriter": "writer",
    "FinishedRuns": "runs",
    "Gap": "coverage",
    "Lag": "outbox",
    "Outbox": "outbox",
    "PersonalData": "run",
    "Progress": "backfill",
    "Ran": "tombstones",
    "RanOn": "watch",
    "Retry": "delivery",
    "RunKey": "run",
    "RunScan": "run",
    "RunStore": "run",
    "RunStores": "run",
    "Shape": "adapter",
    "StoredRun": "run",
    "StoresDatabase": "database",
    "StoresOpener": "run",
    "TenantResult": "backfill",
    "ThreadReader": "threads",
    "ThreadView": "threads",
    "Tombstones": "tombstones",
    "Watch": "watch",
    "check_history": "gate",
    "key_of": "run",
    "watch_now": "watch",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    """Import a name of this package."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
