"""Records the begin and the end of writes that leave a store out, because a backfill of this store must know them.

It needs less than two commits for each write.

If a tenant's runs follow each other closely, one begin and one end are recorded for all of them. In between, the recorded gap has more
begins than ends, so no backfill can remove it.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from migration.errors import OutboxError
from migration.stages import Store
from migration.stores.coverage import Coverage

logger = logging.getLogger(__name__)

#: Writes follow each other closely if the next one begins within these seconds after an end was recorded.
_SOON_S: Final = 1.0
#: This is much shorter than the time after which a backfill assumes that a crash prevented the end from being recorded (`coverage.py`).
_LONGEST_S: Final = 5.0
_REMEMBERED: Final = 10_000

_Key = tuple[str, str, Store]  #: surface, tenant, the store that is left out


@dataclass(slots=True, eq=False)
class _Stretch:
    """Writes that have one begin and one end."""

    begun: asyncio.Future[None]  #: done when the begin is recorded
    until: float
    lingers: bool
    writes: int = 0  #: number of writes that have not ended
    timer: asyncio.TimerHandle | None = None


class Omissions:
    """Records which writes leave a store out.

    Args:
        coverage: records when a store is first left out, and when it no longer is.
        linger_s: seconds that the end waits for further writes of the same tenant; 0: every write has its own begin and end.
        clock: monotonic seconds.
    """

    def __init__(self, coverage: Coverage, *, linger_s: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._coverage, self._linger_s, self._clock = coverage, linger_s, clock
        self._open: dict[_Key, _Stretch] = {}
        self._ended: dict[_Key, float] = {}
        self._ending: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def leaving_out(self, surface: str, tenant_id: str, store: Store) -> AsyncIterator[None]:
        """Record that a run is written without this store: the begin before the block, and the end after it or a little later.

        Raises:
            OutboxError: begin or end cannot be recorded. If the begin cannot be recorded, the block is not entered; if the end cannot be
                recorded, a backfill waits ten minutes for it.
        """
        key = (surface, tenant_id, store)
        stretch = self._joined(key)
        try:
            await asyncio.shield(stretch.begun)
            yield
        finally:
            stretch.writes -= 1
            if not stretch.writes:
                await self._left(key, stretch)

    async def aclose(self) -> None:
        """Record the ends that are not recorded yet. Idempotent."""
        for key, stretch in list(self._open.items()):
            if stretch.timer is not None:
                stretch.timer.cancel()
                self._end_later(key, stretch)
        await asyncio.gather(*self._ending)

    def _joined(self, key: _Key) -> _Stretch:
        now, stretch = self._clock(), self._open.get(key)
        if stretch is None or now >= stretch.until:
            begun = asyncio.ensure_future(self._coverage.begin_without(*key))
            # a failure is also raised to the writes that wait for this
            begun.add_done_callback(lambda done: done.cancelled() or done.exception())
            soon = stretch is not None or now - self._ended.get(key, -_SOON_S) < _SOON_S
            if stretch is not None and stretch.timer is not None:
                stretch.timer.cancel()
                self._end_later(key, stretch)
            stretch = self._open[key] = _Stretch(begun, now + _LONGEST_S, soon and self._linger_s > 0)
        if stretch.timer is not None:
            stretch.timer.cancel()
            stretch.timer = None
        stretch.writes += 1
        return stretch

    async def _left(self, key: _Key, stretch: _Stretch) -> None:
        """Handle the end of the last write in progress of a group."""
        if stretch.begun.done() and not stretch.begun.cancelled() and stretch.begun.exception() is not None:
            self._forget(key, stretch)
        elif stretch.lingers and self._open.get(key) is stretch and self._clock() < stretch.until:
            stretch.timer = asyncio.get_running_loop().call_later(self._linger_s, self._end_later, key, stretch)
        else:
            await self._end(key, stretch)

    def _end_later(self, key: _Key, stretch: _Stretch) -> None:
        stretch.timer = None
        self._forget(key, stretch)
        task = asyncio.create_task(self._end_unasked(key, stretch), name="end-of-writes-without-a-store")
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _end_unasked(self, key: _Key, stretch: _Stretch) -> None:
        try:
            await self._end(key, stretch)
        except OutboxError as error:
            logger.warning("the end of writes without the %s store could not be recorded; a backfill waits ten minutes: %s", key[2], error)

    async def _end(self, key: _Key, stretch: _Stretch) -> None:
        self._forget(key, stretch)
        if len(self._ended) >= _REMEMBERED:
            self._ended.clear()
        try:
            await self._coverage.end_without(*key)
        finally:
            self._ended[key] = self._clock()

    def _forget(self, key: _Key, stretch: _Stretch) -> None:
        if self._open.get(key) is stretch:
            del self._open[key]
