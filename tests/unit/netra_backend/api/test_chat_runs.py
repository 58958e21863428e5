import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.websockets import WebSocketDisconnect

from netra_backend.app.api.chat_messages import Chat
from netra_backend.app.api.chat_runs import ChatRuns
from netra_backend.app.api.ports import NoRuns
from netra_backend.app.draining import Drain
from netra_backend.app.services.runs.history import StoredHistory
from netra_backend.app.services.tokens import Identity

PATIENCE_S = 10.0


class FakeConnection:
    """Keeps what is sent. Holds back frames of one type until `release`; of another type, the client is gone when they come."""

    def __init__(self) -> None:
        self.sent, self.holding, self.release = asyncio.Queue[Any](), asyncio.Event(), asyncio.Event()
        self.hold_at = self.gone_at = ""

    async def send(self, frame: bytes) -> None:
        message = json.loads(frame)
        if message["type"] == self.gone_at:
            raise WebSocketDisconnect
        if message["type"] == self.hold_at:
            self.holding.set()
            await self.release.wait()
        self.sent.put_nowait(message)

    async def until(self, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            while (message := await self.sent.get())["type"] != kind:
                pass
        return dict(message)


class FakeThreads:
    async def ensure(self, *_: str) -> None: ...


class FakeExecution:
    def __init__(self) -> None:
        self.release, self.contexts, self.closed = asyncio.Event(), list[Any](), asyncio.Event()
        self.streams: list[AsyncGenerator[bytes, None]] = []

    def stream(self, _surface: str, context: Any, _payload: Any) -> AsyncGenerator[bytes, None]:
        self.contexts.append(context)
        # Kept, so that no garbage collector closes what the API forgot to close.
        self.streams.append(self._frames())
        return self.streams[-1]

    async def _frames(self) -> AsyncGenerator[bytes, None]:
        try:
            yield b'{"type":"agent_started"}'
            await self.release.wait()
        finally:
            self.closed.set()


@pytest.fixture
def connection() -> FakeConnection:
    return FakeConnection()


@pytest.fixture
def execution() -> FakeExecution:
    return FakeExecution()


@pytest.fixture
async def runs(connection: Any, execution: Any) -> AsyncIterator[ChatRuns]:
    identity = Identity(tenant_id="acme", user_id="ann", expires_at=datetime.max.replace(tzinfo=UTC))
    runs = ChatRuns(
        execution=execution,
        threads=FakeThreads(),
        history=StoredHistory(NoRuns()),
        connection=connection,
        identity=identity,
        connection_id="socket-1",
        limit=2,
        drain=Drain(),
        ended=lambda: None,
    )
    yield runs
    await runs.aclose()


async def test_a_cancellation_that_comes_too_late_does_not_cut_off_the_last_message(
    runs: ChatRuns, connection: Any, execution: Any
) -> None:
    connection.hold_at = "run_finished"
    execution.release.set()
    runs.start(Chat("Hello"))
    run_id = (await connection.until("run_accepted"))["run_id"]
    await connection.holding.wait()
    assert not runs.cancel(run_id)
    connection.release.set()
    assert (await connection.until("run_finished"))["outcome"] == "completed"


async def test_cancelling_twice_cancels_once(runs: ChatRuns, connection: Any) -> None:
    runs.start(Chat("Hello"))
    run_id = (await connection.until("run_accepted"))["run_id"]
    await connection.until("agent_started")
    assert [runs.cancel(run_id), runs.cancel(run_id)] == [True, False]
    assert (await connection.until("run_finished"))["outcome"] == "cancelled"


async def test_closing_waits_until_every_stream_is_closed(runs: ChatRuns, connection: Any, execution: Any) -> None:
    runs.start(Chat("Hello"))
    await connection.until("agent_started")
    await runs.aclose()
    assert execution.closed.is_set()
    assert len(runs) == 0


async def test_a_client_that_leaves_while_a_frame_is_sent_closes_the_stream(runs: ChatRuns, connection: Any, execution: Any) -> None:
    connection.gone_at = "agent_started"
    runs.start(Chat("Hello"))
    async with asyncio.timeout(PATIENCE_S):
        await execution.closed.wait()


async def test_a_run_cancelled_while_a_frame_waits_is_closed_and_finished(runs: ChatRuns, connection: Any, execution: Any) -> None:
    connection.hold_at = "agent_started"
    runs.start(Chat("Hello"))
    run_id = (await connection.until("run_accepted"))["run_id"]
    await connection.holding.wait()
    runs.cancel(run_id)
    assert (await connection.until("run_finished"))["outcome"] == "cancelled"
    assert execution.closed.is_set()


async def test_a_run_under_way_takes_a_place_and_gives_it_back(runs: ChatRuns, connection: Any, execution: Any) -> None:
    for message in ("one", "two"):
        runs.start(Chat(message))
    assert runs.full
    execution.release.set()
    for _ in range(2):
        await connection.until("run_finished")
    await asyncio.sleep(0)
    assert not runs.full


async def test_a_runs_context_is_cleaned_up_when_the_run_ends(runs: ChatRuns, connection: Any, execution: Any) -> None:
    cleaned = asyncio.Event()
    runs.start(Chat("Hello"))
    await connection.until("agent_started")
    execution.contexts[0].on_cleanup(cleaned.set)
    execution.release.set()
    await connection.until("run_finished")
    assert cleaned.is_set()


async def test_a_context_names_the_connection(runs: ChatRuns, connection: Any, execution: Any) -> None:
    runs.start(Chat("Hello"))
    await connection.until("agent_started")
    assert execution.contexts[0].websocket_client_id == "socket-1"
