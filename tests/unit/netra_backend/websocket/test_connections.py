import asyncio
from typing import Any

import pytest
from starlette.websockets import WebSocketDisconnect, WebSocketState

from netra_backend.app.websocket.connections import Connection, Connections, TooManyConnectionsError


class FakeSocket:
    """Takes frames while `writable` is set, and closes like Starlette's."""

    def __init__(self) -> None:
        self.application_state = WebSocketState.CONNECTED
        self.writable, self.incoming = asyncio.Event(), asyncio.Queue[Any]()
        self.sent: list[Any] = []
        self.writable.set()

    async def receive(self) -> Any:
        return await self.incoming.get()

    async def send(self, message: Any) -> None:
        await self.writable.wait()
        self.sent.append(message)

    async def close(self, code: int, reason: str) -> None:
        self.application_state = WebSocketState.DISCONNECTED
        await self.send({"type": "websocket.close", "code": code, "reason": reason})


@pytest.fixture
def socket() -> Any:
    return FakeSocket()


@pytest.fixture
def connection(socket: Any) -> Connection:
    return Connection(socket, send_timeout_s=0.02)


def later() -> float:
    return asyncio.get_running_loop().time() + 3600


@pytest.mark.parametrize(
    ("message", "raw"), [({"text": "é"}, "é".encode()), ({"bytes": b"{}"}, b"{}"), ({"text": None, "bytes": b"{}"}, b"{}")]
)
async def test_text_and_binary_messages_are_bytes(connection: Connection, socket: Any, message: dict[str, Any], raw: bytes) -> None:
    socket.incoming.put_nowait({"type": "websocket.receive", **message})
    assert await connection.receive(later()) == raw


async def test_a_client_that_left_is_a_disconnect(connection: Connection, socket: Any) -> None:
    socket.incoming.put_nowait({"type": "websocket.disconnect", "code": 1001})
    with pytest.raises(WebSocketDisconnect) as raised:
        await connection.receive(later())
    assert raised.value.code == 1001


async def test_a_client_that_reads_nothing_wakes_the_receiver(connection: Connection, socket: Any) -> None:
    socket.writable.clear()
    receiving = asyncio.create_task(connection.receive(later()))
    with pytest.raises(WebSocketDisconnect):
        await connection.send(b"{}")
    done, _ = await asyncio.wait({receiving}, timeout=10)
    assert connection.stalled
    assert [type(task.exception()) for task in done] == [TimeoutError]


async def test_nothing_is_sent_after_a_stall(connection: Connection, socket: Any) -> None:
    socket.writable.clear()
    with pytest.raises(WebSocketDisconnect):
        await connection.send(b"{}")
    socket.writable.set()
    with pytest.raises(WebSocketDisconnect):
        await connection.send(b"{}")
    assert socket.sent == []


async def test_a_stalled_client_is_hung_up_on_without_waiting(socket: Any) -> None:
    connection = Connection(socket, send_timeout_s=0.02)
    socket.writable.clear()
    with pytest.raises(WebSocketDisconnect):
        await connection.send(b"{}")
    connection._send_timeout_s = 3600.0
    async with asyncio.timeout(10):
        await connection.close(1008, "slow")


async def test_hanging_up_twice_is_hanging_up_once(connection: Connection, socket: Any) -> None:
    await connection.close(1008, "first")
    await connection.close(1011, "second")
    assert [message["code"] for message in socket.sent] == [1008]


async def test_nothing_is_sent_after_hanging_up(connection: Connection, socket: Any) -> None:
    await connection.close(1008, "bye")
    with pytest.raises(WebSocketDisconnect):
        await connection.send(b"{}")


def test_places_are_counted_by_user_and_given_back() -> None:
    connections = Connections(per_user=1)
    with connections.place("ann"), connections.place("bob"):
        assert len(connections) == 2
        with pytest.raises(TooManyConnectionsError, match="1/1 connections"), connections.place("ann"):
            pass
    assert len(connections) == 0
    with connections.place("ann"):
        assert len(connections) == 1


async def test_a_frame_that_need_not_wait_is_offered_and_any_other_waits_its_turn(socket: Any) -> None:
    room, offered = [True, False], []

    def offer(frame: bytes) -> bool:
        offered.append(frame)
        return room.pop(0)

    connection = Connection(socket, send_timeout_s=10.0, offer=offer)
    await connection.send(b"1")
    await connection.send(b"2")
    assert (offered, socket.sent) == ([b"1", b"2"], [{"type": "websocket.send", "text": "2"}])


async def test_nothing_is_offered_to_a_client_that_left(socket: Any) -> None:
    connection = Connection(socket, send_timeout_s=10.0, offer=lambda _: pytest.fail("offered"))
    socket.application_state = WebSocketState.DISCONNECTED
    with pytest.raises(WebSocketDisconnect):
        await connection.send(b"{}")
