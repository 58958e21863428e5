"""A user, a sink, and an event loop whose time passes at once."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from netra_backend.app.services.user_execution_context import UserExecutionContext


class ListSink:
    """Takes every frame; while `open` is False none, and its room comes with `opened`."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.open = True
        self.opened = asyncio.Event()

    def offer(self, frame: bytes, /) -> bool:
        if self.open:
            self.frames.append(frame)
        return self.open

    async def room(self) -> None:
        await self.opened.wait()


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """When nothing is ready, it is already as late as the next timer."""

    def __init__(self) -> None:
        super().__init__()
        self._now_s = 0.0

    def time(self) -> float:
        return self._now_s

    def _run_once(self) -> None:
        waiting = [timer.when() for timer in self._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]  # asyncio's own
        if not self._ready:  # type: ignore[attr-defined]  # asyncio's own
            if not waiting:
                raise RuntimeError("all tasks wait for each other, for ever")
            self._now_s = max(self._now_s, min(waiting))
        super()._run_once()  # type: ignore[misc]  # asyncio's own


@pytest.fixture
def virtual() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine on a loop whose time passes at once."""

    def run(work: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            return runner.run(work)

    return run


@pytest.fixture
def user() -> UserExecutionContext:
    return UserExecutionContext(tenant_id="acme", user_id="ann", thread_id="thread-7", run_id="run-7")


@pytest.fixture
def sink() -> ListSink:
    return ListSink()
