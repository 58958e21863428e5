"""The server's WebSocket protocol writes the frames of one iteration of the event loop together."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from uvicorn.server import ServerState
from websockets.client import ClientProtocol
from websockets.frames import Frame
from websockets.uri import parse_uri

from netra_backend.app.protocols import TOGETHER, WebSocketProtocol
from netra_backend.app.websocket.connections import offer_of

App = Callable[[dict[str, Any], Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]


class Wire(asyncio.Transport):
    """Takes what the protocol writes, and hands it to a client."""

    def __init__(self) -> None:
        super().__init__()
        self.client = ClientProtocol(parse_uri("ws://localhost/"))
        self.writes: list[bytes] = []
        self.closing = False

    def write(self, data: Any) -> None:
        self.writes.append(bytes(data))
        self.client.receive_data(data)

    def texts(self) -> list[bytes]:
        return [bytes(event.data) for event in self.client.events_received() if isinstance(event, Frame) and event.opcode == 1]

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


@asynccontextmanager
async def connected(app: App) -> AsyncIterator[tuple[WebSocketProtocol, Wire]]:
    """Connect a client to a protocol that serves this application."""
    config = uvicorn.Config(app, ws_per_message_deflate=False, log_config=None)  # type: ignore[arg-type]  # an ASGI application
    config.load()
    protocol, wire = WebSocketProtocol(config, ServerState(), {}), Wire()
    protocol.connection_made(wire)
    wire.client.send_request(wire.client.connect())
    protocol.data_received(b"".join(wire.client.data_to_send()))
    yield protocol, wire
    protocol.connection_lost(None)
    await asyncio.gather(*protocol.tasks)


def sending(*texts: bytes, close: bool = False) -> tuple[App, list[bool], asyncio.Event]:
    """Return an application that offers these texts at once, what it was answered, and when it is done."""
    answers, done = list[bool](), asyncio.Event()

    async def app(scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
        offer = offer_of(scope)
        assert offer is not None
        assert not offer(b"too early")
        await receive()
        await send({"type": "websocket.accept"})
        answers.extend(map(offer, texts))
        if close:
            await send({"type": "websocket.close", "code": 1012})
            answers.append(offer(b"too late"))
        done.set()
        while (await receive())["type"] != "websocket.disconnect":
            pass

    return app, answers, done


async def test_texts_of_one_iteration_are_one_write() -> None:
    app, answers, done = sending(b"one", b"two", b"three")
    async with connected(app) as (_, wire):
        await done.wait()
        await asyncio.sleep(0)
        assert answers == [True, True, True]
        assert len(wire.writes) == 2  # the handshake and the texts
        assert wire.texts() == [b"one", b"two", b"three"]


async def test_a_close_comes_after_the_texts_before_it_and_ends_the_offers() -> None:
    app, answers, done = sending(b"one", b"two", close=True)
    async with connected(app) as (_, wire):
        await done.wait()
        assert answers == [True, True, False]
        assert wire.texts() == [b"one", b"two"]
        assert wire.client.close_rcvd is not None
        assert wire.client.close_rcvd.code == 1012


async def test_what_waits_for_the_end_of_an_iteration_is_bounded() -> None:
    app, _, done = sending(*[b"x" * (TOGETHER // 2)] * 5)
    async with connected(app) as (_, wire):
        await done.wait()
        await asyncio.sleep(0)
        assert [len(write) // (TOGETHER // 2) for write in wire.writes] == [0, 2, 2, 1]  # texts; the first write is the handshake
        assert len(wire.texts()) == 5


async def test_nothing_is_taken_while_the_client_does_not_read() -> None:
    app, _, done = sending()
    async with connected(app) as (protocol, _):
        await done.wait()
        protocol.pause_writing()
        assert not protocol.offer(b"later")
        protocol.resume_writing()
        assert protocol.offer(b"now")


async def test_a_connection_that_is_lost_is_not_kept_by_its_scope() -> None:
    app, _, done = sending()
    async with connected(app) as (protocol, _):
        await done.wait()
        assert protocol.offer(b"lost")
    assert offer_of(protocol.scope) is None
    assert not protocol.offer(b"too late")
