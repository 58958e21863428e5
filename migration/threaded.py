"""A migration in a program without an event loop: the loop has a thread of its own, and any thread may have runs served."""

import asyncio
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any, Final

from migration.composition import Migration
from migration.model import Event

_END: Final = object()
_START_S: Final = 60.0


class ThreadedMigration:
    """What `in_thread` gives: any thread may call it.

    Args:
        migration: runs on `loop`.
        loop: runs in another thread.
    """

    def __init__(self, migration: Migration, loop: asyncio.AbstractEventLoop) -> None:
        self._migration, self._loop = migration, loop

    def run(self, surface: str, payload: Any, **who: Any) -> Generator[Event, None, None]:  # noqa: ANN401 - as of `Migration.run`
        """Yield a run's events as they come. Arguments and errors as of `Migration.run`; closing the generator stops the engine."""
        events: SimpleQueue[Any] = SimpleQueue()
        running = asyncio.run_coroutine_threadsafe(self._pump(events, surface, payload, who), self._loop)
        try:
            while (event := events.get()) is not _END:
                yield event
            running.result()
        finally:
            running.cancel()

    def drained(self, timeout_s: float) -> bool:
        """Wait until no run waits for its shadow; False when that took longer."""
        return asyncio.run_coroutine_threadsafe(self._migration.drained(timeout_s), self._loop).result()

    async def _pump(self, events: "SimpleQueue[Any]", surface: str, payload: Any, who: dict[str, Any]) -> None:  # noqa: ANN401 - as above
        served = self._migration.run(surface, payload, **who)
        try:
            async for event in served:
                events.put(event)
        finally:
            try:
                await served.aclose()
            finally:
                events.put(_END)


@contextmanager
def in_thread(make: Callable[[], Migration]) -> Iterator[ThreadedMigration]:
    """Run a migration on a loop in a thread of its own until the end of the block.

    Args:
        make: composes it, in that thread: usually `compose`.

    Raises:
        ConfigurationError: as of `compose`.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="migration", daemon=True)
    thread.start()

    async def begin() -> Migration:
        return await make().__aenter__()

    try:
        migration = asyncio.run_coroutine_threadsafe(begin(), loop).result(_START_S)
        try:
            yield ThreadedMigration(migration, loop)
        finally:
            asyncio.run_coroutine_threadsafe(migration.aclose(), loop).result(_START_S)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_START_S)
        loop.close()
