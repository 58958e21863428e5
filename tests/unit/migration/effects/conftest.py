import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from migration.effects import perform
from migration.effects.journals.recording import Recording
from migration.effects.journals.replaying import ReplayJournal
from migration.effects.ports import activate, deactivate
from migration.model import Effect, Event, Origin, RunRequest


@dataclass
class Outside:
    """Answers every call, and remembers that it was called."""

    replies: list[bytes | BaseException] = field(default_factory=list)
    calls: int = 0

    async def call(self) -> bytes:
        return self.call_now()

    def call_now(self) -> bytes:
        self.calls += 1
        reply = self.replies.pop(0) if self.replies else b"%d" % self.calls
        if isinstance(reply, BaseException):
            raise reply
        return reply


@dataclass
class SteppedClock:
    """Each reading is one second later."""

    now: float = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


@dataclass
class Work:
    """An engine's run: awaits the given function, then ends with one event."""

    body: Callable[[], Awaitable[object]]

    async def run(self) -> AsyncGenerator[Event, None]:
        await self.body()
        yield Event(kind="agent_completed", lane="data", payload=b'{"payload":{"status":"completed"}}', at_s=0.0)


@pytest.fixture
def outside() -> Outside:
    return Outside()


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def request_() -> RunRequest:
    return RunRequest(surface="chat", tenant_id="acme", user_id="ann", thread_id="t-1", run_id="r-1", payload=b"{}", received_at=0.0)


@pytest.fixture
def tape(request_: RunRequest, clock: SteppedClock) -> Recording:
    return Recording(request_, clock=clock)


@pytest.fixture
def drive() -> Callable[[Recording, Callable[[], Awaitable[object]]], Awaitable[None]]:
    """Runs a body as an engine would be run by the facade, to its end."""

    async def driven(tape: Recording, body: Callable[[], Awaitable[object]]) -> None:
        events = Work(body).run()
        try:
            while (event := await tape.next_of(events)) is not None:
                tape.append(event)
        finally:
            await tape.close(events)

    return driven


@pytest.fixture
def ask() -> Callable[..., Awaitable[bytes]]:
    async def asked(
        outside: Outside, request: bytes = b"{}", *, lane: str = "data", name: str = "usage_summary", kind: str = "tool"
    ) -> bytes:
        return await perform(kind, name, lane=lane, request=request, call=outside.call)  # type: ignore[arg-type]  # tests pass any kind

    return asked


@pytest.fixture
def recorded(request_: RunRequest, drive) -> Callable[..., Awaitable[tuple[Effect, ...]]]:
    """Runs a body as a served run; returns its journal."""

    async def record(body: Callable[[], Awaitable[object]], clock: Callable[[], float] = time.monotonic) -> tuple[Effect, ...]:
        tape = Recording(request_, clock=clock)
        await drive(tape, body)
        return tape.record(Origin.CONTROL, "completed", None, None).journal

    return record


@pytest.fixture
def replayed() -> Callable[..., Awaitable[tuple[Any, ReplayJournal]]]:
    """Runs a body on a journal; returns what it returns, and the journal of what it asked."""

    async def replay(body: Callable[[], Awaitable[Any]], journal: tuple[Effect, ...], **options: Any) -> tuple[Any, ReplayJournal]:
        performer = ReplayJournal(journal, **options)
        token = activate(performer)
        try:
            return await body(), performer
        finally:
            deactivate(token)

    return replay
