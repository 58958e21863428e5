"""A server that stops: real sockets, a scripted execution behind them, and what each client is told."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from netra_backend.app.draining import Drain
from netra_backend.app.protocols import HttpProtocol
from netra_backend.app.services.user_execution_context import UserExecutionContext

PATIENCE_S = 10.0


def frame(kind: str, **payload: Any) -> bytes:
    return json.dumps({"type": kind, "agent_name": "data", "payload": payload}).encode()


class Held:
    """Runs that begin and then wait for the test."""

    def __init__(self) -> None:
        self.go_on, self.waiting = asyncio.Event(), 0

    async def __call__(self, _context: UserExecutionContext, _payload: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
        yield frame("agent_started")
        self.waiting += 1
        await self.go_on.wait()
        yield frame("run_result", status="completed", result={"answer": "42"})


@pytest.fixture
def held() -> Held:
    return Held()


async def until(true: Any) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not true():  # noqa: ASYNC110 - it happens in the server
            await asyncio.sleep(0.005)


def drain_of(chat: Any) -> Drain:
    drain: Drain = chat.app.state.gateway.drain
    return drain


async def test_a_chat_under_way_is_told_ends_and_is_hung_up_on_with_1012(start_chat: Any, held: Held) -> None:
    async with start_chat() as chat, chat.client() as client:
        chat.execution.script = held
        await client.send(type="chat", message="Hello")
        await client.until("agent_started")
        chat.stop()
        assert await client.next() == {"type": "server_draining", "closes_in_s": 20.0}
        held.go_on.set()
        assert (await client.until("run_finished"))[-1]["outcome"] == "completed"
        assert (await client.closed())[0] == 1012


async def test_a_client_without_a_run_is_told_and_hung_up_on_at_once(start_chat: Any) -> None:
    async with start_chat() as chat, chat.client() as client:
        await client.send(type="ping")
        await client.until("pong")
        chat.stop()
        assert (await client.next())["type"] == "server_draining"
        assert (await client.closed())[0] == 1012


async def test_no_chat_begins_while_the_server_drains_and_the_other_messages_are_answered(start_chat: Any, held: Held) -> None:
    async with start_chat() as chat, chat.client() as client:
        chat.execution.script = held
        await client.send(type="chat", message="Hello")
        await client.until("agent_started")
        chat.stop()
        await client.until("server_draining")
        await client.send(type="chat", message="Another", request_id="q-2")
        refused = (await client.until("error"))[-1]
        assert (refused["code"], refused["retry_after_s"]) == ("unavailable", 1.0)
        await client.send(type="ping")
        await client.until("pong")
        held.go_on.set()
        await client.until("run_finished")
        assert len(chat.execution.asked) == 1


async def test_what_takes_longer_than_the_set_time_is_cut_and_told(start_chat: Any, held: Held) -> None:
    async with start_chat(drain_s=0.05) as chat, chat.client() as client:
        chat.execution.script = held
        await client.send(type="chat", message="Hello", request_id="q-1")
        await client.until("agent_started")
        chat.stop()
        told = (await client.until("run_finished"))[-2:]
        assert (told[0]["code"], told[0]["request_id"], told[1]["outcome"]) == ("unavailable", "q-1", "cut")
        assert (await client.closed())[0] == 1012
        assert chat.execution.asked[0][1].ending.outcome == "cut"


async def test_a_second_signal_cuts_at_once(start_chat: Any, held: Held) -> None:
    async with start_chat(drain_s=3600) as chat, chat.client() as client:
        chat.execution.script = held
        await client.send(type="chat", message="Hello")
        await client.until("agent_started")
        chat.stop()
        await client.until("server_draining")
        chat.stop()
        assert (await client.until("run_finished"))[-1]["outcome"] == "cut"
        assert (await client.closed())[0] == 1012


@pytest.fixture
def ask(start_chat: Any) -> Any:
    """Ask over HTTP, as a browser's page or a program does."""

    async def ask(chat: Any, path: str, body: Any, **headers: str) -> httpx.Response:
        async with httpx.AsyncClient(timeout=PATIENCE_S, trust_env=False) as client:
            return await client.post(
                f"http://{chat.address}{path}", json=body, headers={"Authorization": f"Bearer {chat.token()}", **headers}
            )

    return ask


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_an_http_run_under_way_is_answered_before_the_server_stops(start_chat: Any, held: Held, ask: Any, accept: str) -> None:
    async with start_chat() as chat:
        chat.execution.script = held
        asking = asyncio.create_task(ask(chat, "/api/agents/data/run", {"message": "Hello"}, Accept=accept))
        await until(lambda: held.waiting == 1)
        chat.stop()
        await until(lambda: drain_of(chat).begun)
        held.go_on.set()
        answer = await asking
        assert (answer.status_code, "42" in answer.text, "error" in answer.text) == (200, True, False)


async def test_an_http_run_that_is_cut_is_answered_with_503_and_when_to_try_again(start_chat: Any, held: Held, ask: Any) -> None:
    async with start_chat(drain_s=0.05) as chat:
        chat.execution.script = held
        asking = asyncio.create_task(ask(chat, "/api/agents/data/run", {"message": "Hello"}))
        await until(lambda: held.waiting == 1)
        chat.stop()
        answer = await asking
        assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "unavailable", "1")


async def test_events_that_are_cut_end_with_an_event_that_says_so(start_chat: Any, held: Held, ask: Any) -> None:
    async with start_chat(drain_s=0.05) as chat:
        chat.execution.script = held
        asking = asyncio.create_task(ask(chat, "/api/agents/data/run", {"message": "Hello"}, Accept="text/event-stream"))
        await until(lambda: held.waiting == 1)
        chat.stop()
        *_, last = (await asking).text.strip().split("\n\n")
        assert (last.split("\n")[0], json.loads(last.partition("data: ")[2])["code"]) == ("event: error", "unavailable")


async def test_a_batch_that_is_cut_says_of_each_item_how_it_ended(start_chat: Any, held: Held, ask: Any) -> None:
    async with start_chat(drain_s=0.05) as chat:
        chat.execution.script = held
        items = [{"message": "one"}, {"message": "two"}, {"message": "three"}]
        asking = asyncio.create_task(ask(chat, "/api/batch", {"items": items}))
        await until(lambda: held.waiting == 1)
        chat.stop()
        events = [block.split("\n") for block in (await asking).text.strip().split("\n\n")]
        ended = json.loads(events[-1][1].removeprefix("data: "))
        assert events[-1][0] == "event: batch_finished"
        assert (ended["cut"], ended["refused"], ended["completed"]) == (1, 2, 0)


async def test_a_request_on_a_connection_from_before_is_told_that_the_server_stops(start_chat: Any, held: Held) -> None:
    async with start_chat() as chat, chat.client() as under_way, httpx.AsyncClient(timeout=PATIENCE_S, trust_env=False) as client:
        chat.execution.script = held
        await under_way.send(type="chat", message="Hello")
        await under_way.until("agent_started")
        address, headers = f"http://{chat.address}", {"Authorization": f"Bearer {chat.token()}"}
        assert (await client.get(f"{address}/health")).status_code == 200
        chat.stop()
        await under_way.until("server_draining")
        ready = await client.get(f"{address}/ready", headers=headers)
        assert (ready.status_code, ready.json()["components"]["server"], ready.headers["connection"]) == (503, "it is stopping", "close")
        with pytest.raises(httpx.ConnectError):
            await client.post(f"{address}/api/agents/data/run", json={"message": "Hello"}, headers=headers)
        held.go_on.set()
        await under_way.until("run_finished")


async def test_a_handshake_that_comes_too_late_is_denied_with_503(chat: Any) -> None:
    drain_of(chat).begin()
    with pytest.raises(InvalidStatus) as denied:
        async with chat.client():
            pass
    assert denied.value.response.status_code == 503
    assert json.loads(denied.value.response.body or b"")["code"] == "unavailable"


async def test_a_client_that_had_just_connected_gets_an_answer(start_chat: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HttpProtocol, "fresh_s", PATIENCE_S)
    async with start_chat() as chat:
        reader, writer = await asyncio.open_connection(*chat.address.split(":"))
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_S) as client:
            await client.get(f"http://{chat.address}/health")  # after which the one before is accepted, too
        chat.stop()
        await until(lambda: drain_of(chat).begun)
        writer.write(b"GET /health HTTP/1.1\r\nHost: netra\r\nConnection: close\r\n\r\n")
        async with asyncio.timeout(PATIENCE_S):
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()
