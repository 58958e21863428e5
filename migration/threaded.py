"""A migration in a program without an event loop: the loop runs in its own thread, and any thread may have runs served."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any, Final

from migration.composition import Migration
from migration.model import Event

_END: Final = object()
_START_S: Final = 60.0
_END_S: Final = 60.0
#: Seconds that the engines of current runs have to end at the end of the block.
_CANCEL_S: Final = 5.0
_AHEAD: Final = 64  #: number of events that a run may be ahead of the reading thread
_RUN: Final = "run of a thread"


class ThreadedMigration:
    """The result of `in_thread`: any thread may call it.

    Args:
        migration: a migration that runs on `loop`.
        loop: an event loop that runs in another thread.
    """

    def __init__(self, migration: Migration, loop: asyncio.AbstractEventLoop) -> None:
        self._migration, self._loop = migration, loop

    def run(self, surface: str, payload: Any, **who: Any) -> Generator[Event, None, None]:  # noqa: ANN401 - as of `Migration.run`
        """Yield a run's events as they arrive. Arguments and errors are those of `Migration.run`; closing the generator stops the engine.

        Raises:
            CancelledError: from `concurrent.futures`: the block of `in_thread` ended before the run.
        """
        events: SimpleQueue[Any] = SimpleQueue()
        room = asyncio.Semaphore(_AHEAD)
        running = asyncio.run_coroutine_threadsafe(self._pump(events, room, surface, payload, who), self._loop)
        try:
            while (event := events.get()) is not _END:
                with contextlib.suppress(RuntimeError):  # the loop is closed: earlier events can still be read
                    self._loop.call_soon_threadsafe(room.release)
                yield event
            running.result()
        finally:
            running.cancel()

    def drained(self, timeout_s: float) -> bool:
        """Wait until no run waits for its shadow; return False if that takes longer than `timeout_s`."""
        waiting = asyncio.run_coroutine_threadsafe(self._migration.drained(timeout_s), self._loop)
        try:
            return waiting.result(timeout_s + _CANCEL_S)
        except TimeoutError:  # also raised if the loop stops before the result is there
            waiting.cancel()
            return False

    async def _pump(
        self,
        events: "SimpleQueue[Any]",
        room: asyncio.Semaphore,
        surface: str,
        payload: Any,  # noqa: ANN401 - as above
        who: dict[str, Any],
    ) -> None:
        served = self._migration.run(surface, payload, **who)
        if (task := asyncio.current_task()) is not None:
            task.set_name(_RUN)
        try:
            async for event in served:
                await room.acquire()
                events.put(event)
        finally:
            try:
                await served.aclose()
            finally:
                events.put(_END)


@contextmanager
def in_thread(make: Callable[[], Migration]) -> Iterator[ThreadedMigration]:
    """Run a migration on a loop in a separate thread until the end of the block. Runs that have not ended at the end of the block are
    cancelled.

    Args:
        make: makes the migration in that thread; usually `compose`.

    Raises:
        ConfigurationError: see `compose`.
        TimeoutError: the migration did not start or end within a minute.
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
            asyncio.run_coroutine_threadsafe(_break_off(), loop).result(_END_S)
            asyncio.run_coroutine_threadsafe(migration.aclose(), loop).result(_END_S)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_END_S)
        if not thread.is_alive():
            loop.close()


async def _break_off() -> None:
    """Cancel the remaining runs, so that the threads that read them are woken; a stopped loop could not wake them."""
    runs = [task for task in asyncio.all_tasks() if task.get_name() == _RUN]
    for task in runs:
        task.cancel()
    if runs:
        await asyncio.wait(runs, timeout=_CANCEL_S)
