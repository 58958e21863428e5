"""Open WebSockets: limits their number for each user. Only this module reads from and writes to them."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

_logger = logging.getLogger(__name__)

Offer = Callable[[bytes], bool]
"""Sends a text and returns True; or returns False, if sending would have to wait or is not possible."""

OFFER: Final = "netra.offer"
"""The name of the extension of an ASGI scope whose key "text" contains an `Offer`. The server's own WebSocket protocol sets it."""


def offer_of(scope: Mapping[str, Any]) -> Offer | None:
    """Return the `Offer` for the WebSocket of this scope; None: its server has none."""
    offer: Offer | None = (scope.get("extensions") or {}).get(OFFER, {}).get("text")
    return offer


class TooManyConnectionsError(Exception):
    """The user has as many connections as allowed."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit}/{limit} connections of this user are open; close one first")
        self.limit = limit


class Connections:
    """Counts the connections of each user to this process.

    Args:
        per_user: how many connections a user may have at once.
    """

    def __init__(self, per_user: int) -> None:
        self._per_user = per_user
        self._open: Counter[Hashable] = Counter()

    def __len__(self) -> int:
        """Return how many connections are open."""
        return self._open.total()

    @contextmanager
    def place(self, user: Hashable) -> Iterator[None]:
        """Hold one of the user's places during the block.

        Raises:
            TooManyConnectionsError: all places are taken.
        """
        if self._open[user] >= self._per_user:
            raise TooManyConnectionsError(self._per_user)
        self._open[user] += 1
        try:
            yield
        finally:
            self._open[user] -= 1
            if not self._open[user]:
                del self._open[user]


class Connection:
    """One accepted socket. Nothing is queued here: the sender waits until the socket accepts the frame. So a slow client delays its own
    runs only, and the server's write buffer bounds the memory.

    Any number of tasks may send; only one may receive.

    Args:
        socket: an accepted socket.
        send_timeout_s: seconds after which a client that reads nothing counts as disconnected.
        offer: sends a text without waiting, if possible; None: texts are only sent by the socket.
    """

    def __init__(self, socket: WebSocket, *, send_timeout_s: float, offer: Offer | None = None) -> None:
        self._socket = socket
        self._offer = offer
        self._send_timeout_s = send_timeout_s
        self._receiving: asyncio.Timeout | None = None
        self._woken = False
        self.stalled = False  #: the client did not read in time

    async def receive(self, until: float) -> bytes:
        """Return the next message, text or binary.

        Args:
            until: a time of the event loop's clock.

        Raises:
            TimeoutError: no message came until then, the client stalled, or `wake` was called.
            WebSocketDisconnect: the client has disconnected.
        """
        if self.stalled or self._woken:
            self._woken = False
            raise TimeoutError
        try:
            async with asyncio.timeout_at(until) as self._receiving:
                message = await self._socket.receive()
        except TimeoutError:
            self._woken = False
            raise
        finally:
            self._receiving = None
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005), message.get("reason"))
        text: str | None = message.get("text")
        return text.encode() if text is not None else message.get("bytes") or b""

    async def send(self, frame: bytes) -> None:
        """Send a JSON object as a text frame, as soon as the socket accepts it.

        Raises:
            WebSocketDisconnect: the client has disconnected or does not read, or the server has closed the connection.
        """
        if self.stalled or self._socket.application_state is not WebSocketState.CONNECTED:
            raise WebSocketDisconnect(1006)
        if self._offer is not None and self._offer(frame):
            return
        # Only waiting needs a timer: a timer for every frame would cost more than the frame.
        try:
            async with asyncio.timeout(self._send_timeout_s):
                await self._socket.send({"type": "websocket.send", "text": frame.decode()})
        except TimeoutError:
            self.stalled = True
            self.wake()  # so that the receiver closes the connection
            raise WebSocketDisconnect(1006, "the client does not read") from None

    async def close(self, code: int, reason: str) -> None:
        """Close the connection.

        Does nothing when the client has already disconnected, and does not wait for a client that does not read.
        """
        if self._socket.application_state is not WebSocketState.CONNECTED:
            return
        try:
            async with asyncio.timeout(0 if self.stalled else self._send_timeout_s):
                await self._socket.close(code, reason)
        except (TimeoutError, WebSocketDisconnect):
            _logger.info("a client had disconnected before the server closed the connection", extra={"close_code": int(code)})

    def wake(self) -> None:
        """Let the current or next call of `receive` raise a TimeoutError. No message is lost."""
        self._woken = True
        if self._receiving is not None:
            self._receiving.reschedule(asyncio.get_running_loop().time())
