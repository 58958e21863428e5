"""`Drain`: the server is stopping. Current work may end within a set time; the rest is cut, stored as cut, and its client is informed.

The server (`server.py`) begins it and decides when to cut; the endpoints admit nothing new from then on and pass their runs' frames through
it. Only these two parts of the application know that servers stop.
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
    """The end of one server process. Everything happens on its event loop."""

    def __init__(self) -> None:
        self.begun = False  #: nothing new is taken
        self.cutting = False  #: the remaining work is being cut
        self._listeners: set[Callable[[], None]] = set()
        self._steps: set[_Step] = set()

    def admit(self) -> None:
        """Let something new in.

        Raises:
            DrainingError: the server stops.
        """
        if self.begun:
            raise DrainingError

    def begin(self) -> None:
        """Take nothing new, and tell who listens. Idempotent."""
        if self.begun:
            return
        self.begun = True
        for listener in tuple(self._listeners):
            listener()

    def cut(self) -> int:
        """Cut the remaining work, and return how many runs that is. Idempotent."""
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
        """Call back when the drain begins, and when runs are cut, for the block."""
        self._listeners.add(listener)
        try:
            yield
        finally:
            self._listeners.discard(listener)

    async def pass_on(self, frames: AsyncGenerator[bytes, None], ending: RunEnding) -> AsyncGenerator[bytes, None]:
        """Yield a run's frames unchanged and unbuffered.

        Args:
            frames: of the run; closed at the end.
            ending: of the run.

        Raises:
            RunCutError: the run was cut; its stream is closed by then, and the run kept.
            Exception: of the run.
        """
        step = _Step(ending, cut=self.cutting)
        self._steps.add(step)
        try:
            async with aclosing(frames):
                while (frame := await step.run(anext(frames, None))) is not None:
                    yield frame
        except _EndedBeforeError:
            return
        finally:
            self._steps.discard(step)

    async def unless_cut(self, work: Awaitable[T]) -> T:
        """Return what the work returns: what comes before a run.

        Raises:
            RunCutError: it was cut.
            Exception: of the work.
        """
        step = _Step(None, cut=self.cutting)
        self._steps.add(step)
        try:
            return await step.run(work)
        finally:
            self._steps.discard(step)


class _EndedBeforeError(Exception):
    """The run had ended when it was to be cut."""


class _Step:
    """Work that can be cut: immediately while it waits for the backend, and after the wait while it waits for its client.

    Args:
        ending: of the run; None: there is no run yet.
        cut: whether everything is being cut already.
    """

    def __init__(self, ending: RunEnding | None, *, cut: bool) -> None:
        self.ending = ending
        self._task: asyncio.Task[object] | None = None
        self._cut = asyncio.Event()
        if cut:
            self.cut()

    def cut(self) -> None:
        """Cut it."""
        self._cut.set()
        if self.ending is not None:
            self.ending.cut()
        if self._task is not None:
            self._task.cancel()

    async def run(self, work: Awaitable[T]) -> T:
        """Return what the work returns, in this task.

        Raises:
            RunCutError: it was cut.
            _EndedBeforeError: it was cut, but its run had ended before.
            asyncio.CancelledError: somebody else cancelled the task.
        """
        if self._cut.is_set():
            if asyncio.iscoroutine(work):
                work.close()
            raise RunCutError
        self._task = task = asyncio.current_task()
        try:
            return await work
        except asyncio.CancelledError:
            # Another task may have cancelled it, too: that cancellation takes precedence.
            if not self._cut.is_set() or task is None or task.uncancel() > 0:
                raise
            if self.ending is not None and self.ending.outcome not in (None, "cut"):
                raise _EndedBeforeError from None
            raise RunCutError from None
        finally:
            self._task = None
