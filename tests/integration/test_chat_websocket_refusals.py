"""What the server refuses over a real WebSocket, and how it says so: never with a stack trace."""

import asyncio
import dataclasses
import json
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from netra_backend.app.api.gateway import ChatLimits


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def hold(context: Any, _payload: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
    yield json.dumps({"type": "agent_started", "run_id": context.run_id}).encode()
    await asyncio.Event().wait()


async def refused(chat: Any, **options: Any) -> tuple[int, dict[str, Any]]:
    """The status and body that the handshake was answered with."""
    with pytest.raises(InvalidStatus) as raised:
        async with chat.client(**options):
            pass
    response = raised.value.response
    return response.status_code, json.loads(response.body)


@pytest.mark.parametrize("header", ["Bearer not.a.token", "Basic YW5uOnNlY3JldA==", "Bearer", ""])
async def test_a_bad_token_is_refused_before_the_upgrade(chat: Any, header: str) -> None:
    status, body = await refused(chat, additional_headers={"Authorization": header})
    assert (status, body["code"]) == (401, "unauthenticated")
    assert body["support_code"]


async def test_an_expired_token_is_refused(chat: Any) -> None:
    stale = chat.token(hours=1, now=datetime.now(UTC) - timedelta(hours=2))
    status, body = await refused(chat, additional_headers={"Authorization": f"Bearer {stale}"})
    assert (status, body["code"]) == (401, "unauthenticated")
    assert "expired" in body["message"]


async def test_a_token_in_the_address_is_not_looked_at(chat: Any) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.get(
            f"http://{chat.address}/ws/chat?token={chat.token()}",
            headers={
                "Connection": "Upgrade",
                "Upgrade": "websocket",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
            },
        )
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_no_answer_names_the_server(chat: Any) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        assert "server" not in (await http.get(f"http://{chat.address}/health")).headers
    async with chat.client() as client:
        assert "server" not in client.socket.response.headers


async def test_a_browser_sends_its_token_as_a_subprotocol(chat: Any) -> None:
    async with chat.client(additional_headers={}, subprotocols=["bearer", chat.token()], origin="http://app.acme.org") as client:
        assert client.socket.subprotocol == "bearer"
        await client.send(type="ping")
        assert await client.next() == {"type": "pong"}


async def test_a_browser_with_a_bad_token_is_told_by_an_error_and_a_close_code(chat: Any) -> None:
    async with chat.client(additional_headers={}, subprotocols=["bearer", "not.a.token"]) as client:
        assert (await client.next())["code"] == "unauthenticated"
        assert (await client.closed())[0] == 4401


@pytest.mark.parametrize("origin", ["http://evil.org", "https://app.acme.org", "http://app.acme.org.evil.org", "null"])
async def test_a_page_of_another_origin_is_refused(chat: Any, origin: str) -> None:
    status, body = await refused(chat, origin=origin)
    assert (status, body["code"]) == (403, "foreign_origin")


async def test_a_page_of_an_allowed_origin_may_connect(chat: Any) -> None:
    async with chat.client(origin="http://app.acme.org") as client:
        await client.send(type="ping")
        assert await client.next() == {"type": "pong"}


async def test_a_user_has_a_limited_number_of_connections(start_chat: Any) -> None:
    async with start_chat({"limits": ChatLimits(connections_per_user=1)}) as chat, chat.client(), chat.client(user="bob"):
        status, body = await refused(chat)
    assert (status, body["code"]) == (429, "too_many_connections")


async def test_a_closed_connection_gives_its_place_back(start_chat: Any) -> None:
    async with start_chat({"limits": ChatLimits(connections_per_user=1)}) as chat:
        for _ in range(3):
            async with chat.client() as client:
                await client.send(type="ping")
                await client.next()


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("{", "bad_json"),
        ("[]", "bad_json"),
        ("[" * 20_000, "bad_json"),
        ('{"a":' * 10_000, "bad_json"),
        (b"\xff\xfe", "bad_json"),
        ("", "bad_json"),
        ('{"type": "shutdown"}', "unknown_type"),
        ('{"type": 7}', "unknown_type"),
        ("{}", "unknown_type"),
        ('{"type": "chat"}', "invalid_message"),
        ('{"type": "chat", "message": "  "}', "invalid_message"),
        ('{"type": "chat", "message": "Hello", "agent": "root"}', "invalid_message"),
        ('{"type": "chat", "message": "Hello", "thread": "t-1"}', "invalid_message"),
        ('{"type": "chat", "message": "Hello", "thread_id": "../../etc"}', "invalid_message"),
        ('{"type": "cancel", "run_id": "nobody-has-it"}', "unknown_run"),
    ],
)
async def test_a_message_that_cannot_be_served_gets_a_typed_error_and_the_connection_goes_on(
    chat: Any, raw: str | bytes, code: str
) -> None:
    async with chat.client() as client:
        await client.socket.send(raw)
        error = await client.next()
        assert (error["type"], error["code"]) == ("error", code)
        assert error["support_code"].startswith("NS-")
        assert "Traceback" not in error["message"]
        await client.send(type="chat", message="Hello")
        assert (await client.until("run_finished"))[-1]["outcome"] == "completed"


async def test_an_oversized_message_closes_the_connection(start_chat: Any) -> None:
    async with start_chat(max_message_bytes=1024) as chat, chat.client() as client:
        await client.send(type="chat", message="x" * 1024)
        assert (await client.closed())[0] == 1009


async def test_an_oversized_message_that_the_server_lets_through_is_stopped_by_the_application(chat: Any) -> None:
    gateway = chat.app.state.gateway
    stricter = gateway.settings.model_copy(update={"max_message_bytes": 1024})
    chat.app.state.gateway = dataclasses.replace(gateway, settings=stricter)
    async with chat.client() as client:
        await client.socket.send("é" * 600)
        assert (await client.closed())[0] == 1009


async def test_a_thread_of_another_user_is_refused_as_if_it_were_missing(chat: Any) -> None:
    async with chat.client() as owner, chat.client(user="eve") as stranger:
        await owner.send(type="chat", message="Hello", thread_id="thread-7")
        await owner.until("run_finished")
        await stranger.send(type="chat", message="Hello", thread_id="thread-7", request_id="q-1")
        error = await stranger.next()
        assert (error["code"], error["request_id"]) == ("foreign_thread", "q-1")
    assert len(chat.execution.asked) == 1


async def test_chats_beyond_the_rate_are_refused_until_the_time_told(start_chat: Any) -> None:
    clock = Clock()
    async with start_chat({"monotonic": clock}, rate_limit_per_minute=60, rate_limit_burst=1) as chat, chat.client() as client:
        await client.send(type="chat", message="one")
        await client.until("run_finished")
        await client.send(type="chat", message="two")
        error = await client.next()
        assert (error["code"], error["retry_after_s"]) == ("rate_limited", 1.0)
        clock.now += error["retry_after_s"]
        await client.send(type="chat", message="two")
        assert (await client.until("run_finished"))[-1]["outcome"] == "completed"


async def test_the_rate_is_the_users_over_all_connections(start_chat: Any) -> None:
    async with (
        start_chat({"monotonic": Clock()}, rate_limit_burst=1) as chat,
        chat.client() as first,
        chat.client() as second,
        chat.client(user="bob") as other,
    ):
        await first.send(type="chat", message="one")
        await first.until("run_finished")
        await second.send(type="chat", message="two")
        assert (await second.next())["code"] == "rate_limited"
        await other.send(type="chat", message="three")
        assert (await other.until("run_finished"))[-1]["outcome"] == "completed"


async def test_a_client_that_goes_on_after_refusals_is_hung_up_on(start_chat: Any) -> None:
    async with start_chat({"limits": ChatLimits(refusals_in_a_row=3)}) as chat, chat.client() as client:
        for _ in range(3):
            await client.socket.send("{")
        assert [(await client.next())["code"] for _ in range(3)] == ["bad_json"] * 3
        assert (await client.closed())[0] == 1008


async def test_an_accepted_chat_forgives_earlier_refusals(start_chat: Any) -> None:
    async with start_chat({"limits": ChatLimits(refusals_in_a_row=2)}) as chat, chat.client() as client:
        for _ in range(3):
            await client.socket.send("{")
            await client.next()
            await client.send(type="chat", message="Hello")
            assert (await client.until("run_finished"))[-1]["outcome"] == "completed"


async def test_a_connection_has_a_limited_number_of_runs(start_chat: Any) -> None:
    async with start_chat({"limits": ChatLimits(runs_per_connection=2)}) as chat:
        chat.execution.script = hold
        async with chat.client() as client:
            for message in ("one", "two"):
                await client.send(type="chat", message=message)
                await client.until("agent_started")
            await client.send(type="chat", message="three")
            assert (await client.next())["code"] == "too_many_runs"


async def test_the_connection_ends_when_its_token_expires(start_chat: Any) -> None:
    issued = datetime.now(UTC).replace(microsecond=0)
    almost = issued + timedelta(hours=1, milliseconds=-50)
    async with start_chat({"wall_clock": almost.timestamp}) as chat:
        token = chat.token(hours=1, now=issued)
        async with chat.client(additional_headers={"Authorization": f"Bearer {token}"}) as client:
            assert (await client.closed())[0] == 4401


async def test_the_runs_of_a_connection_end_with_it(start_chat: Any) -> None:
    closed = asyncio.Event()

    async def wait(context: Any, payload: Any) -> AsyncGenerator[bytes, None]:
        try:
            async for frame in hold(context, payload):
                yield frame
        finally:
            closed.set()

    async with start_chat({"limits": ChatLimits(refusals_in_a_row=1)}) as chat:
        chat.execution.script = wait
        async with chat.client() as client:
            await client.send(type="chat", message="Hello")
            await client.until("agent_started")
            await client.socket.send("{")
            assert (await client.closed())[0] == 1008
            async with asyncio.timeout(10):
                await closed.wait()


async def test_an_idle_connection_is_closed(start_chat: Any) -> None:
    async with start_chat({"limits": ChatLimits(idle_timeout_s=0.05)}) as chat, chat.client() as client:
        assert (await client.closed())[0] == 4408


async def test_a_connection_with_a_run_under_way_is_not_idle(start_chat: Any) -> None:
    release = asyncio.Event()

    async def wait(context: Any, _payload: Any) -> AsyncGenerator[bytes, None]:
        # Several times the idle timeout: the run itself must keep the connection.
        asyncio.get_running_loop().call_later(0.25, release.set)
        await release.wait()
        yield json.dumps({"type": "agent_started", "run_id": context.run_id}).encode()

    async with start_chat({"limits": ChatLimits(idle_timeout_s=0.05)}) as chat:
        chat.execution.script = wait
        async with chat.client() as client:
            await client.send(type="chat", message="Hello")
            assert (await client.until("run_finished"))[-1]["outcome"] == "completed"


async def test_a_defect_in_the_server_closes_with_1011_and_tells_only_a_support_code(chat: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_user: Any) -> float:
        raise RuntimeError("the words of a user")

    monkeypatch.setattr(chat.app.state.gateway.rate, "take", broken)
    async with chat.client() as client:
        await client.send(type="chat", message="Hello")
        code, reason = await client.closed()
    assert code == 1011
    assert (reason or "").startswith("NS-")
