"""uvicorn's protocols for this server: they do not wait for silent clients, do not log a client's errors as defects of the server, and send
the frames of one iteration of the event loop together.
"""

import asyncio
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState

from netra_backend.app.websocket.connections import OFFER

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent
    from websockets.http11 import Request

#: Time limit for the head of a request, in seconds.
HEAD_S: Final = 10.0
#: Seconds after connecting during which a client's first request is expected.
FRESH_S: Final = 1.0
#: Largest number of a process's connections that wait for a head; with one more, the connection that has waited longest is closed.
SILENT: Final = 1000
HTTP_SWITCHING: Final = 101
#: At most this many bytes of frames wait for the end of an iteration.
TOGETHER: Final = 64 * 2**10


class HttpProtocol(HttpToolsProtocol):
    """HTTP/1.1, with limits on connections without a complete request head: on their number, and on the time that each may take."""

    head_s = HEAD_S
    silent = SILENT
    fresh_s = FRESH_S
    _owing: dict["HttpProtocol", None] = {}  # noqa: RUF012 - of the whole process, oldest first
    _timer: asyncio.TimerHandle | None = None
    _made_at = 0.0
    _asked = False

    @property
    def fresh(self) -> bool:
        """Whether the client has just connected, so that its first request may be on its way and must get an answer."""
        return self in self._owing and not self._asked and self.loop.time() - self._made_at < self.fresh_s

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        """Accept a connection, and wait for the head of its first request."""
        super().connection_made(transport)
        self._made_at = self.loop.time()
        self._owe()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection, and end the reference cycle that would keep it in memory."""
        self._paid()
        super().connection_lost(exc)
        self.parser = None  # type: ignore[assignment]  # nothing is received any more

    def data_received(self, data: bytes) -> None:
        """Accept bytes. The first ones after an answer begin the head of the next request."""
        if self._timer is None and (self.cycle is None or self.cycle.response_complete):
            self._owe()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """The head is complete."""
        self._asked = True
        self._paid()
        super().on_headers_complete()

    def handle_websocket_upgrade(self) -> None:
        """Stop waiting for a head, because the connection is a WebSocket from now on."""
        self._paid()
        super().handle_websocket_upgrade()
        self.parser = None  # type: ignore[assignment]  # another protocol receives from now on

    def _owe(self) -> None:
        if len(self._owing) >= self.silent:
            next(iter(self._owing))._close()  # noqa: SLF001 - one of our own
        self._owing[self] = None
        self._timer = self.loop.call_later(self.head_s, self._close)

    def _paid(self) -> None:
        self._owing.pop(self, None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _close(self) -> None:
        self._paid()
        if not self.transport.is_closing():
            self.transport.close()


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """WebSockets on which nothing that a client does is logged as an error.

    A run sends many small frames, often several in one iteration of the event loop, and a system call for each would cost more than the
    frame. So `offer` adds frames to the protocol's own output, which is written at the end of the iteration, or before anything else is
    written.
    """

    _together = 0  #: bytes of offered frames that were not written yet
    _flushing: asyncio.Handle | None = None

    def handle_connect(self, event: "Request") -> None:
        """Pass the handshake on to the application, with `offer`."""
        super().handle_connect(event)
        if self.response.status_code == HTTP_SWITCHING:
            self.scope["extensions"] = {**(self.scope.get("extensions") or {}), OFFER: {"text": self.offer}}

    def offer(self, text: bytes) -> bool:
        """Send a text with this iteration of the event loop. Return False if the text must wait, or if the socket no longer accepts it."""
        if not self.writable.is_set() or self.disconnected or self.close_sent or not self.handshake_complete:
            return False
        try:
            self.conn.send_text(text)
        except InvalidState:
            return False
        self._together += len(text)
        if self._together >= TOGETHER:
            self._flush()
        elif self._flushing is None:
            self._flushing = self.loop.call_soon(self._flush)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection, and the frames that it did not get."""
        if self._flushing is not None:
            self._flushing.cancel()
        super().connection_lost(exc)

    def _flush(self) -> None:
        self._together, self._flushing = 0, None
        output = self.conn.data_to_send()  # this is empty if the frames were already written before something else
        if output and not self.transport.is_closing():
            self.transport.write(b"".join(output))

    def send_receive_event_to_app(self) -> None:
        """Pass a message on. Text that is not UTF-8 is passed on as bytes, so that its sender gets an error."""
        if self.curr_msg_data_type == "text" and not _is_text(b"".join(self.frames)):
            self.curr_msg_data_type = "bytes"
        super().send_receive_event_to_app()

    def on_task_complete(self, task: "asyncio.Task[None]") -> None:
        """Called when the application is done with the connection: end the reference cycle between both."""
        super().on_task_complete(task)
        self.scope.clear()  # type: ignore[attr-defined]  # a dictionary with typed keys

    async def send(self, message: "ASGISendEvent") -> None:
        """Send a message. When the socket was closed because of the client's data, report the client as disconnected instead of failing."""
        if self.close_sent and self.initial_response is None:
            raise ClientDisconnected
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not _goes_on(message):
            self.handshake_complete = True  # a refusal also completes the handshake


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _goes_on(message: Any) -> bool:  # noqa: ANN401 - one kind of an ASGI message
    return bool(message.get("more_body", False))
