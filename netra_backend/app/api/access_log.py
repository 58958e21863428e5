"""The access log: which route was asked, how it was answered, how long that took. No address, path or query: they hold people's data."""

import logging
import time
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_logger = logging.getLogger(__name__)

_UNKNOWN: Final = "(no route)"


class AccessLog:
    """Logs a line a request when it is over, with the route's template for the path. Of a WebSocket the line comes when it is answered.

    Args:
        app: the application to wrap.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.monotonic(), 0

        async def send_noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_noted)
        finally:
            log_request(scope, status, time.monotonic() - began)


def log_request(scope: Scope, status: int, seconds: float) -> None:
    """Log one request.

    Args:
        scope: of the connection, after it was routed.
        status: of the answer; 0: the client went away before there was one.
        seconds: that it took.
    """
    route = getattr(scope.get("route"), "path", _UNKNOWN)
    method = scope.get("method", "WEBSOCKET")
    # Anybody may make up a method.
    known = method if method in _METHODS else "(other)"
    _logger.info("request", extra={"method": known, "route": route, "status": status, "seconds": round(seconds, 4)})


_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "WEBSOCKET"})
