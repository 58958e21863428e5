"""Ports for httpx: transports whose exchanges are effects. `httpx.AsyncClient(transport=AsyncHttpPort())`; needs the extra `[httpx]`.

The record contains method, address, body and a few headers of the request, and status, body and a few headers of the response. It contains
no authorisation headers, cookies, or passwords in addresses. Query and body are recorded unchanged, so send keys in headers. The run gets
the response unchanged; a replay gets the recorded response in the same pieces.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import Final

import msgspec

from migration.effects.journals.http_record import http_answered, http_asked, piece, piece_bytes
from migration.effects.ports import perform_stream, perform_stream_now
from migration.errors import RecordedEffectError
from migration.extras import extra

with extra("httpx"):
    import httpx

__all__ = ["AsyncHttpPort", "HttpPort"]

_encode: Final = msgspec.json.encode
_decode: Final = msgspec.json.decode


class AsyncHttpPort(httpx.AsyncBaseTransport):
    """A transport for `httpx.AsyncClient`.

    Args:
        transport: reaches the outside; None: httpx's own.
        lane: the lane that asks; None: the lane of the context.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None, *, lane: str | None = None) -> None:
        self._transport, self._lane = transport or httpx.AsyncHTTPTransport(), lane

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the response, or the recorded one.

        Raises: httpx.TransportError: the transport raised it, or its failure was recorded.
            EffectMissingError: replaying, and the journal does not contain this request.
        """
        real: list[httpx.Response] = []

        async def call() -> AsyncIterator[bytes]:
            response = await self._transport.handle_async_request(request)
            real.append(response)
            yield _head(response)
            try:
                if isinstance(response.stream, httpx.AsyncByteStream):
                    async for part in response.stream:
                        yield piece(part)
            finally:
                await response.aclose()

        pieces = perform_stream("tool", _name(request), lane=self._lane, request=_request(request, await request.aread()), call=call)
        try:
            head = await anext(pieces)
        except RecordedEffectError as error:
            own = _own(error, request)
            raise own from None
        return _response(head, real, _AsyncBody(pieces, request))

    async def aclose(self) -> None:
        """Close the transport."""
        await self._transport.aclose()


class HttpPort(httpx.BaseTransport):
    """A transport for `httpx.Client`; in all other respects like `AsyncHttpPort`."""

    def __init__(self, transport: httpx.BaseTransport | None = None, *, lane: str | None = None) -> None:
        self._transport, self._lane = transport or httpx.HTTPTransport(), lane

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the response, or the recorded one. Raises the same errors as `AsyncHttpPort`."""
        real: list[httpx.Response] = []

        def call() -> Iterator[bytes]:
            response = self._transport.handle_request(request)
            real.append(response)
            yield _head(response)
            try:
                if isinstance(response.stream, httpx.SyncByteStream):
                    yield from map(piece, response.stream)
            finally:
                response.close()

        pieces = perform_stream_now("tool", _name(request), lane=self._lane, request=_request(request, request.read()), call=call)
        try:
            head = next(pieces)
        except RecordedEffectError as error:
            own = _own(error, request)
            raise own from None
        return _response(head, real, _Body(pieces, request))

    def close(self) -> None:
        """Close the transport."""
        self._transport.close()


class _AsyncBody(httpx.AsyncByteStream):
    def __init__(self, pieces: AsyncGenerator[bytes, None], request: httpx.Request) -> None:
        self._pieces, self._request = pieces, request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for recorded in self._pieces:
                yield piece_bytes(recorded)
        except RecordedEffectError as error:
            raise _own(error, self._request) from None

    async def aclose(self) -> None:
        await self._pieces.aclose()


class _Body(httpx.SyncByteStream):
    def __init__(self, pieces: Generator[bytes, None, None], request: httpx.Request) -> None:
        self._pieces, self._request = pieces, request

    def __iter__(self) -> Iterator[bytes]:
        try:
            for recorded in self._pieces:
                yield piece_bytes(recorded)
        except RecordedEffectError as error:
            raise _own(error, self._request) from None

    def close(self) -> None:
        self._pieces.close()


def _name(request: httpx.Request) -> str:
    return f"{request.method} {request.url.host}"


def _request(request: httpx.Request, body: bytes) -> bytes:
    return http_asked(_name(request), str(request.url.copy_with(userinfo=b"")), request.headers, body)


def _head(response: httpx.Response) -> bytes:
    return _encode(http_answered(response.status_code, response.headers))


def _response(head: bytes, real: list[httpx.Response], body: httpx.AsyncByteStream | httpx.SyncByteStream) -> httpx.Response:
    if real:
        return httpx.Response(real[0].status_code, headers=real[0].headers, stream=body, extensions=real[0].extensions)
    begins = _decode(head)
    return httpx.Response(begins["status"], headers=begins["headers"], stream=body)


def _own(error: RecordedEffectError, request: httpx.Request) -> Exception:
    """Return httpx's own exception of the recorded name, if it has one."""
    kind = getattr(httpx, error.error_type, None)
    if isinstance(kind, type) and issubclass(kind, httpx.TransportError):
        return kind(error.message, request=request)
    return error
