"""Headers of every HTTP answer: it is not a page and must not be cached. While the server is stopping, it also closes the connection."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from netra_backend.app.draining import DRAIN

_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
)
_LAST_ANSWER: Final = (b"connection", b"close")


class AnswerHeaders:
    """Adds the headers. WebSockets pass through unchanged, without a wrapper around each frame.

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
        drain = scope.get("state", {}).get(DRAIN)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                last = (_LAST_ANSWER,) if drain is not None and drain.begun else ()
                message["headers"] = [*message["headers"], *_HEADERS, *last]
            await send(message)

        await self._app(scope, receive, send_with_headers)
