"""Runs over a real WebSocket: accepted, streamed, finished, interleaved, cancelled, abandoned."""

import asyncio
import gc
import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import pytest

from netra_backend.app.api.chat import ChatSession
from netra_backend.app.api.chat_runs import ChatRuns
from netra_backend.app.api.gateway import ChatLimits
from netra_backend.app.errors import CapacityError, ModelUnavailableError, UserLimitExceededError
from netra_backend.app.protocols import HttpProtocol, WebSocketProtocol
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket.connections import Connection

PATIENCE_S = 10.0


def frame_of(context: Any, kind: str) -> bytes:
    return json.dumps({"type": kind, "run_id": context.run_id}).encode()


class Held:
    """A run that yields one frame, then waits to be released; it notes when its stream was closed."""

    def __init__(self) -> None:
        self.release, self.closed = asyncio.Event(), asyncio.Event()

    async def __call__(self, context: Any, _payload: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
        try:
            yield frame_of(context, "agent_started")
            await self.release.wait()
            yield frame_of(context, "agent_completed")
        finally:
            self.closed.set()


def in_turn(*scripts: Any) -> Any:
    """The first run follows the first script, and so on."""
    left = iter(scripts)

    def script(context: Any, payload: Any) -> Any:
        return next(left)(context, payload)

    return script


async def test_a_chat_is_accepted_streamed_and_finished(chat: Any) -> None:
    async with chat.client() as client:
        await client.send(type="chat", message="Where can I save?", request_id="q-1")
        accepted, started, completed, finished = await client.until("run_finished")
    run_id = accepted["run_id"]
    assert accepted == {"type": "run_accepted", "run_id": run_id, "thread_id": accepted["thread_id"], "request_id": "q-1"}
    assert (started["type"], completed["payload"]) == ("agent_started", {"answer": "Where can I save?"})
    assert finished == {"type": "run_finished", "run_id": run_id, "outcome": "completed"}


async def test_frames_arrive_as_text_byte_for_byte(chat: Any) -> None:
    odd = '{ "type" :"agent_started",  "note": "Grüße, \\u00e9, 漢字" }'

    async def script(_context: Any, _payload: Any) -> AsyncGenerator[bytes, None]:
        yield odd.encode()

    chat.execution.script = script
    async with chat.client() as client:
        await client.send(type="chat", message="Hello")
        await client.next()
        assert await client.raw() == odd


async def test_the_execution_gets_the_users_context_and_the_payload(chat: Any) -> None:
    async with chat.client(tenant="globex", user="bob") as client:
        await client.send(type="chat", message="Hello", thread_id="thread-7", agent="assistant")
        accepted = (await client.until("run_finished"))[0]
    [(surface, context, payload)] = chat.execution.asked
    assert (surface, context.tenant_id, context.user_id, context.thread_id) == ("chat", "globex", "bob", "thread-7")
    assert (context.run_id, context.request_id) == (accepted["run_id"], accepted["request_id"])
    assert payload == {"message": "Hello", "agent": "assistant", "history": []}


async def test_the_history_of_the_thread_is_part_of_the_payload(start_chat: Any) -> None:
    class Remembering:
        async def history(self, context: Any) -> list[dict[str, Any]]:
            return [{"role": "user", "content": f"earlier, in {context.thread_id}"}]

    async with start_chat({"history": Remembering()}) as chat, chat.client() as client:
        await client.send(type="chat", message="Hello", thread_id="thread-7")
        await client.until("run_finished")
        assert chat.execution.asked[0][2]["history"] == [{"role": "user", "content": "earlier, in thread-7"}]


async def test_two_runs_of_one_connection_interleave(chat: Any) -> None:
    first, second = Held(), Held()
    chat.execution.script = in_turn(first, second)
    async with chat.client() as client:
        await client.send(type="chat", message="one")
        one = (await client.until("agent_started"))[0]["run_id"]
        await client.send(type="chat", message="two")
        two = (await client.until("agent_started"))[0]["run_id"]
        second.release.set()
        assert {message["run_id"] for message in await client.until("run_finished")} == {two}
        first.release.set()
        assert {message["run_id"] for message in await client.until("run_finished")} == {one}


async def test_a_cancelled_run_is_closed_and_finished_as_cancelled(chat: Any) -> None:
    held = Held()
    chat.execution.script = held
    async with chat.client() as client:
        await client.send(type="chat", message="Hello")
        run_id = (await client.until("agent_started"))[0]["run_id"]
        await client.send(type="cancel", run_id=run_id)
        assert await client.next() == {"type": "run_finished", "run_id": run_id, "outcome": "cancelled"}
        assert held.closed.is_set()


async def test_after_a_cancelled_run_the_connection_goes_on(chat: Any) -> None:
    held = Held()
    chat.execution.script = held
    async with chat.client() as client:
        await client.send(type="chat", message="Hello")
        await client.send(type="cancel", run_id=(await client.until("agent_started"))[0]["run_id"])
        await client.until("run_finished")
        held.release.set()
        await client.send(type="chat", message="Hello again")
        assert (await client.until("run_finished"))[-1]["outcome"] == "completed"


async def test_a_run_cannot_be_cancelled_from_another_connection(chat: Any) -> None:
    held = Held()
    chat.execution.script = held
    async with chat.client() as owner, chat.client(tenant="globex", user="eve") as stranger:
        await owner.send(type="chat", message="Hello")
        run_id = (await owner.until("agent_started"))[0]["run_id"]
        await stranger.send(type="cancel", run_id=run_id)
        assert (await stranger.next())["code"] == "unknown_run"
        held.release.set()
        assert (await owner.until("run_finished"))[-1]["outcome"] == "completed"


async def test_a_client_that_leaves_closes_the_streams_of_its_runs(chat: Any) -> None:
    runs = [Held(), Held()]
    chat.execution.script = in_turn(*runs)
    async with chat.client() as client:
        for message in ("one", "two"):
            await client.send(type="chat", message=message)
            await client.until("agent_started")
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*(run.closed.wait() for run in runs))


async def test_a_client_that_drops_dead_closes_the_streams_of_its_runs(chat: Any) -> None:
    held = Held()
    chat.execution.script = held
    async with chat.client() as client:
        await client.send(type="chat", message="Hello")
        await client.until("agent_started")
        client.socket.transport.abort()
        async with asyncio.timeout(PATIENCE_S):
            await held.closed.wait()


async def test_stopping_the_server_closes_the_streams_of_its_runs(start_chat: Any) -> None:
    held = Held()
    async with start_chat(drain_s=0) as chat:
        chat.execution.script = held
        async with chat.client() as client:
            await client.send(type="chat", message="Hello")
            await client.until("agent_started")
            chat.stop()
            assert (await client.closed())[0] == 1012
    assert held.closed.is_set()


async def test_an_engine_that_raises_mid_stream_gives_a_typed_error_and_a_failed_run(chat: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def script(context: Any, payload: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
        yield frame_of(context, "agent_started")
        raise KeyError(f"secret words: {payload['message']}")

    chat.execution.script = script
    async with chat.client() as client:
        await client.send(type="chat", message="my diagnosis", request_id="q-1")
        accepted, _started, error, finished = await client.until("run_finished")
    assert (error["type"], error["code"], error["run_id"], error["request_id"]) == ("error", "internal", accepted["run_id"], "q-1")
    assert finished["outcome"] == "failed"
    assert "secret" not in json.dumps(error)
    [logged] = [record for record in caplog.records if getattr(record, "support_code", None) == error["support_code"]]
    assert vars(logged)["error"]["type"] == "builtins.KeyError"
    assert "diagnosis" not in json.dumps(vars(logged), default=str)


@pytest.mark.parametrize(
    ("raised", "code", "outcome", "retry_after_s"),
    [
        (UserLimitExceededError(2, 2, retry_after_s=3), "busy", "failed", 3),
        (CapacityError(9, 9), "busy", "failed", 1),
        (TimeoutError(), "timed_out", "timed_out", None),
        (ModelUnavailableError("the model refused"), "internal", "failed", None),
        (asyncio.CancelledError(), "internal", "failed", None),
    ],
)
async def test_what_an_engine_raises_decides_error_and_outcome(
    chat: Any, raised: BaseException, code: str, outcome: str, retry_after_s: float | None
) -> None:
    async def script(_context: Any, _payload: Any) -> AsyncGenerator[bytes, None]:
        raise raised
        yield b""

    chat.execution.script = script
    async with chat.client() as client:
        await client.send(type="chat", message="Hello")
        _accepted, error, finished = await client.until("run_finished")
    assert (error["code"], error.get("retry_after_s"), finished["outcome"]) == (code, retry_after_s, outcome)


async def test_a_failed_run_leaves_the_other_runs_of_its_connection_alone(chat: Any) -> None:
    held = Held()

    async def fail(_context: Any, _payload: Any) -> AsyncGenerator[bytes, None]:
        raise ValueError
        yield b""

    chat.execution.script = in_turn(held, fail)
    async with chat.client() as client:
        await client.send(type="chat", message="one")
        one = (await client.until("agent_started"))[0]["run_id"]
        await client.send(type="chat", message="two")
        assert (await client.until("run_finished"))[-1]["outcome"] == "failed"
        held.release.set()
        assert (await client.until("run_finished"))[-1] == {"type": "run_finished", "run_id": one, "outcome": "completed"}


async def test_a_client_that_reads_nothing_holds_up_its_run_and_then_loses_it(start_chat: Any) -> None:
    produced, closed = [0], asyncio.Event()

    async def flood(_context: Any, _payload: Any) -> AsyncGenerator[bytes, None]:
        try:
            while True:
                produced[0] += 1
                yield b'{"type":"agent_thinking","payload":"%s"}' % (b"x" * 2**20)
        finally:
            closed.set()

    async with start_chat({"limits": ChatLimits(send_timeout_s=0.2)}) as chat:
        chat.execution.script = flood
        async with chat.client(max_size=None, max_queue=1) as client:
            await client.send(type="chat", message="Hello")
            async with asyncio.timeout(PATIENCE_S):
                await closed.wait()
            client.socket.transport.abort()
    # Whatever was produced lies in the kernel's socket buffers, but for one frame and the server's 64 KiB.
    assert produced[0] < 32


async def test_a_ping_is_answered_while_a_run_is_under_way(chat: Any) -> None:
    chat.execution.script = Held()
    async with chat.client() as client:
        await client.send(type="chat", message="Hello")
        await client.until("agent_started")
        await client.send(type="ping")
        assert await client.next() == {"type": "pong"}


async def test_the_application_starts_and_closes_its_execution_once(start_chat: Any) -> None:
    async with start_chat() as chat:
        execution = chat.execution
        assert execution.life == ["started"]
    assert execution.life == ["started", "closed"]


async def test_a_client_that_has_left_leaves_nothing_that_only_a_collection_of_garbage_frees(chat: Any) -> None:
    def left() -> list[str]:
        kinds = (ChatSession, ChatRuns, Connection, WebSocketProtocol, HttpProtocol, UserExecutionContext)
        return [type(one).__name__ for one in gc.get_objects() if type(one) in kinds]

    gc.collect()
    gc.disable()
    before = left()  # of other tests
    try:
        async with chat.client() as client:
            await client.send(type="chat", message="Hello")
            await client.until("run_finished")
            chat.execution.asked.clear()
            assert len(left()) >= len(before) + 4
        async with asyncio.timeout(PATIENCE_S):
            while len(left()) > len(before):  # noqa: ASYNC110 - nothing tells that an object is gone
                await asyncio.sleep(0.01)
    finally:
        gc.enable()
