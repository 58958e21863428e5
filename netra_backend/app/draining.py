"""`Drain`: how the server stops. Current work gets a set time to end; the rest is cut and stored as cut, and its clients are informed.

The server (`server.py`) begins the drain and decides when to cut. From then on the endpoints admit nothing new; they pass their runs'
frames through the drain. Only these two parts of the application know that servers stop.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import Final, TypeVar

from netra_backend.app.errors import DrainingError, RunCutError
from netra_backend.app.services.runs.ending import RunEnding

T = TypeVar("T")

DRAIN: Final = "drain"
"""The key of the application's `Drain` in the state that ASGI servers share with an application."""


class Drain:
    """The end of one server process. All calls are on the process's event loop."""

    def __init__(self) -> None:
        self.begun = False  #: True: nothing new is admitted
        self.cutting = False  #: True: the remaining work is being cut
        self._listeners: set[Callable[[], None]] = set()
        self._steps: set[_Step] = set()

    def admit(self) -> None:
        """Check that new work is admitted.

        Raises:
            DrainingError: the server is stopping.
        """
        if self.begun:
            raise DrainingError

    def begin(self) -> None:
        """Stop admitting new work, and call the listeners. Idempotent."""
        if self.begun:
            return
        self.begun = True
        for listener in tuple(self._listeners):
            listener()

    def cut(self) -> int:
        """Cut the remaining work, and return the number of runs that were cut. Idempotent."""
        self.begin()
        if self.cutting:
            return 0
        self.cutting = True
        steps = tuple(self._steps)
        for step in steps:
            step.cut()
        for listener in tuple(self._listeners):
            listener()
        return sum(step.ending is not None for step in steps)

    @contextmanager
    def listening(self, listener: Callable[[], None]) -> Iterator[None]:
        """During the block, call `listener` when the drain begins and when runs are cut."""
        self._listeners.add(listener)
        try:
            yield
        finally:
            self._listeners.discard(listener)

    async def pass_on(self, frames: AsyncGenerator[bytes, None], ending: RunEnding) -> AsyncGenerator[bytes, None]:
        """Yield a run's frames unchanged and unbuffered.

        Args:
            frames: the frames of the run; closed at the end.
            ending: the ending of the run.

        Raises:
            RunCutError: the run was cut; its stream has been closed, and the run stored.
            asyncio.CancelledError: another task cancelled this task.
            Exception: any error of the run.
        """
        step = _Step(ending, cut=self.cutting)
        self._steps.add(step)
        try:
            async with aclosing(frames):
                following = frames.__anext__
                while True:
                    step.enter()
                    try:
                        frame = await following()
                    except StopAsyncIteration:
                        return
                    except asyncio.CancelledError:
                        step.explain()
                        raise
                    finally:
                        step.leave()
                    yield frame
        except _EndedBeforeError:
            return
        finally:
            self._steps.discard(step)

    async def unless_cut(self, work: Awaitable[T]) -> T:
        """Return the result of work that comes before a run.

        Raises:
            RunCutError: the work was cut.
            Exception: any error of the work.
        """
        step = _Step(None, cut=self.cutting)
        self._steps.add(step)
        try:
            return await step.run(work)
        finally:
            self._steps.discard(step)


class _EndedBeforeError(Exception):
    """The run had already ended when it was cut."""


class _Step:
    """Work that can be cut: immediately if it is waiting for the backend; if it is waiting for its client, after that wait.

    Args:
        ending: the ending of the run; None: there is no run yet.
        cut: whether the drain is already cutting.
    """

    def __init__(self, ending: RunEnding | None, *, cut: bool) -> None:
        self.ending = ending
        self._task: asyncio.Task[object] | None = None
        self._is_cut = False
        if cut:
            self.cut()

    def cut(self) -> None:
        """Cut this work."""
        self._is_cut = True
        if self.ending is not None:
            self.ending.cut()
        if self._task is not None:
            self._task.cancel()

    async def run(self, work: Awaitable[T]) -> T:
        """Await the work in this task, and return its result.

        Raises:
            RunCutError: the work was cut.
            _EndedBeforeError: the work was cut, but its run had already ended.
            asyncio.CancelledError: another task cancelled this task.
        """
        try:
            self.enter()
        except RunCutError:
            if asyncio.iscoroutine(work):
                work.close()
            raise
        try:
            return await work
        except asyncio.CancelledError:
            self.explain()
            raise
        finally:
            self.leave()

    def enter(self) -> None:
        """Record that this task waits for the backend from here on. Raises RunCutError: the work was cut."""
        if self._is_cut:
            raise RunCutError
        self._task = asyncio.current_task()

    def leave(self) -> None:
        """Record that this task no longer waits for the backend."""
        self._task = None

    def explain(self) -> None:
        """Return if another task cancelled this task.

        Raises:
            RunCutError: the work was cut.
            _EndedBeforeError: the work was cut, but its run had already ended.
        """
        # Another task may also have cancelled this task; that cancellation takes precedence.
        if not self._is_cut or self._task is None or self._task.uncancel() > 0:
            return
        if self.ending is not None and self.ending.outcome not in (None, "cut"):
            raise _EndedBeforeError from None
        raise RunCutError from None
