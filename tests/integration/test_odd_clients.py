"""Clients that say nothing, half of something, too much or the wrong thing: each ends by itself, and none is an error line."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from netra_backend.app.api import callers
from netra_backend.app.protocols import HttpProtocol

PATIENCE_S = 10.0


@pytest.fixture(autouse=True)
def no_error_lines(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.DEBUG)
    yield
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


async def closed_by_server(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(PATIENCE_S):
        return await reader.read()


@pytest.mark.parametrize("said", [b"", b"GET /health HT", b"POST /api/agents/data/run HTTP/1.1\r\nHost: netra\r\nX-Half"])
async def test_a_client_that_does_not_send_a_whole_head_is_hung_up_on(chat: Any, monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    monkeypatch.setattr(HttpProtocol, "head_s", 0.1)
    reader, writer = await asyncio.open_connection(*chat.address.split(":"))
    writer.write(said)
    assert await closed_by_server(reader) == b""
    writer.close()


async def test_a_second_request_may_not_stay_half_either(chat: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HttpProtocol, "head_s", 0.2)
    reader, writer = await asyncio.open_connection(*chat.address.split(":"))
    writer.write(b"GET /health HTTP/1.1\r\nHost: netra\r\n\r\n")
    assert b"200" in await reader.readuntil(b"\r\n\r\n")
    writer.write(b"GET /hea")
    assert b"alive" in await closed_by_server(reader)
    writer.close()


async def test_of_too_many_silent_clients_the_oldest_makes_room(chat: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HttpProtocol, "silent", 3)
    clients = []
    for _ in range(4):
        clients.append(await asyncio.open_connection(*chat.address.split(":")))
        await asyncio.sleep(0.02)
    assert await closed_by_server(clients[0][0]) == b""
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_S) as client:
        assert (await client.get(f"http://{chat.address}/health")).status_code == 200
    for _, writer in clients:
        writer.close()


async def test_text_that_is_not_utf8_is_bad_json(chat: Any) -> None:
    async with chat.client() as client:
        await client.socket.send(b"\xff\xfe not text", text=True)
        assert (await client.until("error"))[-1]["code"] == "bad_json"
        await client.send(type="ping")
        await client.until("pong")


async def test_a_refused_handshake_is_no_error_line(chat: Any) -> None:
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Origin": "http://evil.example"}):
        with pytest.raises(InvalidStatus):
            async with chat.client(additional_headers=headers):
                pass


async def test_a_message_that_is_too_long_in_the_middle_of_a_run_is_no_defect_of_the_server(start_chat: Any) -> None:
    go_on, ended = asyncio.Event(), asyncio.Event()

    async def script(_context: Any, _payload: Any) -> AsyncGenerator[bytes, None]:
        try:
            yield b'{"type":"agent_started"}'
            while not go_on.is_set():
                await asyncio.sleep(0.005)
                yield b'{"type":"agent_thinking"}'
        finally:
            ended.set()

    async with start_chat(max_message_bytes=1024) as chat, chat.client() as client:
        chat.execution.script = script
        await client.send(type="chat", message="Hello")
        await client.until("agent_started")
        await client.send(type="chat", message="x" * 5000)
        with pytest.raises(ConnectionClosed):
            await client.until("never")
        assert client.socket.close_code == 1009
        async with asyncio.timeout(PATIENCE_S):
            await ended.wait()


async def test_a_body_that_does_not_come_is_a_bad_request_when_its_time_is_over(chat: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert callers._BODY_S == 30
    monkeypatch.setattr(callers, "_BODY_S", 0.1)
    reader, writer = await asyncio.open_connection(*chat.address.split(":"))
    head = f"POST /api/agents/data/run HTTP/1.1\r\nHost: netra\r\nAuthorization: Bearer {chat.token()}\r\nContent-Length: 100\r\n\r\n"
    writer.write(head.encode() + b'{"message": "He')
    async with asyncio.timeout(PATIENCE_S):
        answer = await reader.readuntil(b"0.1 s")
    assert answer.startswith(b"HTTP/1.1 422 ")
    assert b"the body did not arrive within" in answer
    writer.close()
