"""An event loop in which waiting costs nothing: when every task waits for a timer, the clock jumps to it.

A replay waits for nothing outside, so only the order of its timers matters. Replies come after their recorded durations, a timeout of 25 s
and a retry after 8 s happen as in the recorded run, and all this takes the worker milliseconds.
"""

import asyncio
import contextlib
import os
import random
import selectors
import time
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, ThreadPoolExecutor
from contextvars import Context
from functools import partial
from typing import Any, Final, TypeVar, TypeVarTuple

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

#: Seconds of virtual time that one run may skip: an engine whose heartbeat waits for something that never comes would continue endlessly.
SKIP_LIMIT_S: Final = 3600.0

#: As many threads as asyncio's own executor has. Computed once, because counting processors for each run takes a system call.
_THREADS: Final = min(32, (os.cpu_count() or 1) + 4)

#: the clock of asyncio's loops, called directly because a replay calls it a hundred times
_monotonic = time.monotonic


class _JumpingSelector(selectors.DefaultSelector):
    """Returns at once instead of waiting for a timeout, and counts the seconds that it did not wait."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped_s = 0.0
        self.skip_until_s = SKIP_LIMIT_S
        self.threads_busy = 0  #: work in an executor ends in real time, so timers must not overtake it
        self.expires_at: float | None = None  #: real time: time.monotonic()
        self.on_expiry: Callable[[], object] | None = None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        left_s = None if self.expires_at is None else self.expires_at - time.monotonic()
        if left_s is not None and left_s <= 0:
            self._expire()
            return []
        if timeout == 0 and len(self.get_map()) == 1:
            # The loop has work, and watches only the file that other threads use to wake it.
            return []
        if timeout is None or (timeout > 0 and self.threads_busy):
            # A task that neither a timer nor a reply wakes is woken by the deadline.
            return super().select(min((wait for wait in (timeout, left_s) if wait is not None), default=None))
        ready = super().select(0)
        if not ready and timeout > 0:
            self.skipped_s += timeout
            if self.skipped_s > self.skip_until_s:
                self._expire()
        return ready

    def _expire(self) -> None:
        callback, self.on_expiry, self.expires_at = self.on_expiry, None, None
        self.skip_until_s = float("inf")
        if callback is not None:
            callback()


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Runs one coroutine after another, each in virtual time. `time()` is the real monotonic clock plus the skipped seconds."""

    _ready: deque[asyncio.Handle]  #: asyncio's own: what is called in the next turn
    _scheduled: list[asyncio.TimerHandle]  #: asyncio's own: a heap of timers

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        self._threads: ThreadPoolExecutor | None = None  #: the executor of this run; None: it needed none
        self._has_executor = False
        super().__init__(self._jumping)

    def time(self) -> float:
        """Return virtual monotonic seconds: computing takes time, waiting takes none."""
        return _monotonic() + self._jumping.skipped_s

    async def rest(self, seconds: float) -> None:
        """Wait as `asyncio.sleep` does. If nothing else could happen meanwhile, the clock advances without a turn of the loop."""
        if self._is_alone(seconds):
            self._jumping.skipped_s += max(0.0, seconds)
        else:
            await asyncio.sleep(seconds)

    def _is_alone(self, seconds: float) -> bool:
        """Return whether only the running task has anything to do for this many seconds."""
        jumping = self._jumping
        if self._ready or jumping.threads_busy or len(jumping.get_map()) != 1:
            return False
        task = asyncio.current_task(self)
        if task is None or task.cancelling():
            return False
        now_s, until_s = _monotonic(), jumping.skipped_s + seconds
        if until_s > jumping.skip_until_s or (jumping.expires_at is not None and now_s >= jumping.expires_at):
            return False
        return not self._scheduled or self._scheduled[0].when() > now_s + until_s

    def call_on_expiry(self, wall_s: float, callback: Callable[[], object]) -> Callable[[], None]:
        """Call a function after that many seconds of real time, or when `SKIP_LIMIT_S` of waiting were skipped.

        A second call replaces the first.

        Returns:
            A function that cancels it.
        """
        self._jumping.expires_at = time.monotonic() + wall_s
        self._jumping.on_expiry = callback
        self._jumping.skip_until_s = self._jumping.skipped_s + SKIP_LIMIT_S
        return self._cancel_expiry

    def _cancel_expiry(self) -> None:
        self._jumping.expires_at = self._jumping.on_expiry = None
        self._jumping.skip_until_s = float("inf")

    def run_in_executor(self, executor: Executor | None, func: Callable[[*_Ts], _T], *args: *_Ts) -> asyncio.Future[_T]:
        """Run the function in a thread; time does not jump until it is done. If the run has no executor, it gets one here."""
        if executor is None and not self._has_executor:
            self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="engine")
            self.set_default_executor(self._threads)
        future = super().run_in_executor(executor, func, *args)
        self._jumping.threads_busy += 1
        future.add_done_callback(self._thread_done)
        return future

    def set_default_executor(self, executor: Executor) -> None:
        """Have functions run in these threads, until the run is over."""
        super().set_default_executor(executor)  # type: ignore[arg-type]  # asyncio itself refuses what is not a pool of threads
        self._has_executor = True

    def let_threads_go(self) -> None:
        """The run is over: its threads get no further work, and the next run gets others."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
        self._threads, self._has_executor = None, False

    def _thread_done(self, _future: asyncio.Future[Any]) -> None:
        self._jumping.threads_busy -= 1

    def drive(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run to the end, even if another task raises `SystemExit`: this stops the loop, but not the work.

        Raises:
            BaseException: what the work itself raised.
            KeyboardInterrupt: the process was interrupted, or a task raised it.
        """
        task = self.create_task(work)
        while not task.done():
            with contextlib.suppress(SystemExit):
                self.run_until_complete(task)
        return task.result()

    def sweep(self, close_s: float) -> bool:
        """Cancel the tasks that are left over, and give them some seconds to end. Returns whether they did."""
        left = asyncio.all_tasks(self)
        if not left:
            return True
        for task in left:
            task.cancel()
        self.call_on_expiry(close_s, self.stop)
        with contextlib.suppress(SystemExit):
            _done, left = self.drive(asyncio.wait(left, timeout=close_s))
        self._cancel_expiry()
        return not left


class ShuffledTimeLoop(VirtualTimeLoop):
    """Changes the order of tasks that are ready at the same time: each task may be delayed by one turn of the loop.

    asyncio runs tasks in the order in which they became ready, but the events of an engine must not depend on this order.

    Args:
        seed: the same one gives the same order.
    """

    def __init__(self, seed: str) -> None:
        super().__init__()
        self._chance = random.Random(seed)  # noqa: S311 - an order that can be repeated, no secret

    def call_soon(self, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None) -> asyncio.Handle:
        """Call back in the next turn; a task's next step may be called one turn later."""
        if isinstance(getattr(callback, "__self__", None), asyncio.Task) and self._chance.getrandbits(1):
            return super().call_soon(partial(super().call_soon, callback, *args, context=context))
        return super().call_soon(callback, *args, context=context)
