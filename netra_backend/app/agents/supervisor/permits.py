"""`Permits`: limits how many executions run at once. The others wait in order, are notified that they wait, and are refused on closing."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from netra_backend.app.errors import EngineClosedError


class Permits:
    """A fair semaphore that can be closed.

    Args:
        limit: permits, at least 1.
        notice_after_s: seconds of waiting after which a waiting execution is notified.
    """

    def __init__(self, limit: int, notice_after_s: float) -> None:
        self.limit = limit
        self._free = limit
        self._notice_after_s = notice_after_s
        self._waiting: deque[asyncio.Future[bool]] = deque()

    @asynccontextmanager
    async def held(self, on_wait: Callable[[], Awaitable[None]]) -> AsyncGenerator[float, None]:
        """Hold a permit for the block, and yield the seconds of waiting for it.

        Args:
            on_wait: awaited once, after `notice_after_s` of waiting.

        Raises:
            EngineClosedError: the permits were closed while waiting.
        """
        waited_s = await self._acquire(on_wait)
        try:
            yield waited_s
        finally:
            self._release()

    def close(self) -> None:
        """Refuse all waiting executions."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(False)

    async def _acquire(self, on_wait: Callable[[], Awaitable[None]]) -> float:
        if self._free > 0:
            self._free -= 1
            return 0.0
        loop = asyncio.get_running_loop()
        since_s = loop.time()
        turn: asyncio.Future[bool] = loop.create_future()
        self._waiting.append(turn)
        try:
            await asyncio.wait({turn}, timeout=self._notice_after_s)
            if not turn.done():
                await on_wait()
            admitted = await turn
        except BaseException:
            self._leave(turn)
            raise
        if not admitted:
            raise EngineClosedError("the engine was closed while the agent waited for its turn")
        return loop.time() - since_s

    def _leave(self, turn: asyncio.Future[bool]) -> None:
        """Leave the queue; if the permit has just been granted, pass it to the next execution."""
        if turn.done() and not turn.cancelled() and turn.result():
            self._release()
        elif turn in self._waiting:
            self._waiting.remove(turn)

    def _release(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(True)  # the permit is passed on directly, so that no new execution can take it first
                return
        self._free += 1
