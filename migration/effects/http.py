"""Ports for httpx: transports whose exchanges are effects. `httpx.AsyncClient(transport=AsyncHttpPort())`; needs httpx.

On record are method, address, body and a few headers of the request, status, body and a few headers of the response: nothing that
authorises, no cookies. The run itself gets the response as it came; a replay gets what is on record, in the same pieces.
"""

from base64 import b64decode, b64encode
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import Any, Final

import httpx
import msgspec

from migration.effects.ports import perform_stream, perform_stream_now
from migration.errors import RecordedEffectError

_ASKED: Final = ("accept", "content-type")
_ANSWERED: Final = (
    "content-type", "content-encoding", "etag", "last-modified", "location", "retry-after", "x-request-id", "request-id",
)  # fmt: skip
_encode: Final = msgspec.json.encode
_decode: Final = msgspec.json.decode


class AsyncHttpPort(httpx.AsyncBaseTransport):
    """A transport for `httpx.AsyncClient`.

    Args:
        transport: reaches the outside; None: httpx's own.
        lane: who asks; None: the lane of the context.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None, *, lane: str | None = None) -> None:
        self._transport, self._lane = transport or httpx.AsyncHTTPTransport(), lane

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the response, or the recorded one.

        Raises:
            httpx.TransportError: as the transport, or as recorded.
            EffectMissingError: replaying, and the journal does not hold this request.
        """
        real: list[httpx.Response] = []

        async def call() -> AsyncIterator[bytes]:
            response = await self._transport.handle_async_request(request)
            real.append(response)
            yield _head(response)
            try:
                if isinstance(response.stream, httpx.AsyncByteStream):
                    async for piece in response.stream:
                        yield _piece(piece)
            finally:
                await response.aclose()

        asked = _request(request, await request.aread())
        pieces = perform_stream("tool", _name(request), lane=self._lane, request=asked, call=call)
        try:
            head = await anext(pieces)
        except RecordedEffectError as error:
            raise _own(error, request) from None
        return _response(head, real, _AsyncBody(pieces, request))

    async def aclose(self) -> None:
        """Close the transport."""
        await self._transport.aclose()


class HttpPort(httpx.BaseTransport):
    """A transport for `httpx.Client`; otherwise as `AsyncHttpPort`."""

    def __init__(self, transport: httpx.BaseTransport | None = None, *, lane: str | None = None) -> None:
        self._transport, self._lane = transport or httpx.HTTPTransport(), lane

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the response, or the recorded one. Raises as `AsyncHttpPort`."""
        real: list[httpx.Response] = []

        def call() -> Iterator[bytes]:
            response = self._transport.handle_request(request)
            real.append(response)
            yield _head(response)
            try:
                if isinstance(response.stream, httpx.SyncByteStream):
                    yield from map(_piece, response.stream)
            finally:
                response.close()

        pieces = perform_stream_now("tool", _name(request), lane=self._lane, request=_request(request, request.read()), call=call)
        try:
            head = next(pieces)
        except RecordedEffectError as error:
            raise _own(error, request) from None
        return _response(head, real, _Body(pieces, request))

    def close(self) -> None:
        """Close the transport."""
        self._transport.close()


class _AsyncBody(httpx.AsyncByteStream):
    def __init__(self, pieces: AsyncGenerator[bytes, None], request: httpx.Request) -> None:
        self._pieces, self._request = pieces, request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._pieces:
                yield _bytes(piece)
        except RecordedEffectError as error:
            raise _own(error, self._request) from None

    async def aclose(self) -> None:
        await self._pieces.aclose()


class _Body(httpx.SyncByteStream):
    def __init__(self, pieces: Generator[bytes, None, None], request: httpx.Request) -> None:
        self._pieces, self._request = pieces, request

    def __iter__(self) -> Iterator[bytes]:
        try:
            for piece in self._pieces:
                yield _bytes(piece)
        except RecordedEffectError as error:
            raise _own(error, self._request) from None

    def close(self) -> None:
        self._pieces.close()


def _name(request: httpx.Request) -> str:
    return f"{request.method} {request.url.host}"


def _request(request: httpx.Request, body: bytes) -> bytes:
    """Return what is on record of a request: a body that is JSON as it is, any other as text or base64."""
    url = request.url.copy_with(userinfo=b"")
    arguments: dict[str, Any] = {"url": str(url), "headers": {name: request.headers[name] for name in _ASKED if name in request.headers}}
    if body:
        arguments["body"] = _readable(body)
    return _encode({"name": _name(request), "arguments": arguments})


def _readable(body: bytes) -> Any:  # noqa: ANN401 - any JSON
    try:
        return _decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass
    try:
        return body.decode()
    except UnicodeDecodeError:
        return {"base64": b64encode(body).decode()}


def _head(response: httpx.Response) -> bytes:
    headers = {name: response.headers[name] for name in _ANSWERED if name in response.headers}
    return _encode({"status": response.status_code, "headers": headers})


def _piece(piece: bytes) -> bytes:
    """Return a piece of a body as JSON: text where it is some, so that what is looked for in journals is found in it."""
    try:
        return _encode(piece.decode())
    except UnicodeDecodeError:
        return _encode({"base64": b64encode(piece).decode()})


def _bytes(piece: bytes) -> bytes:
    told = _decode(piece)
    return told.encode() if isinstance(told, str) else b64decode(told["base64"])


def _response(head: bytes, real: list[httpx.Response], body: httpx.AsyncByteStream | httpx.SyncByteStream) -> httpx.Response:
    if real:
        return httpx.Response(real[0].status_code, headers=real[0].headers, stream=body, extensions=real[0].extensions)
    told = _decode(head)
    return httpx.Response(told["status"], headers=told["headers"], stream=body)


def _own(error: RecordedEffectError, request: httpx.Request) -> Exception:
    """Return httpx's own exception of the recorded name, if it has one."""
    kind = getattr(httpx, error.error_type, None)
    if isinstance(kind, type) and issubclass(kind, httpx.TransportError):
        return kind(error.message, request=request)
    return error
