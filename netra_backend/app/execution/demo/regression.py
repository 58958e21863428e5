"""The regression that the demo plants: a candidate of tool calls that does not report that the tool has finished.

The first build of the demo is shadowed by these engines (`NETRA_MIGRATION_ENGINES`); the second build has the real ones.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from migration import Engine, Event, Origin, RunRequest
from netra_backend.app.execution.engines import fresh_engine

RAMPED: Final = "tools"
ENGINES: Final = f"{__name__}:engines"


class Forgetful:
    """An engine without its `tool_completed` events.

    Args:
        engine: the engine.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def run(self, request: RunRequest, /) -> AsyncGenerator[Event, None]:
        """Yield all other events."""
        async with aclosing(self._engine.run(request)) as events:
            async for event in events:
                if event.kind != "tool_completed":
                    yield event


def engines(surface: str, origin: Origin, /) -> Engine:
    """Return a new engine.

    Raises:
        UnknownSurfaceError: see `fresh_engine`.
    """
    engine = fresh_engine(surface, origin)
    return Forgetful(engine) if (surface, origin) == (RAMPED, Origin.CANDIDATE) else engine
