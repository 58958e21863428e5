"""HTTP clients for model SDKs that use httpx2; each exchange is an effect. The modules `openai` and `anthropic` return such clients.

With the port below the SDK, everything in the SDK works in a replay too: helpers, raw responses, errors and retries work on the
recorded answer of the endpoint. If an SDK retries a request, each attempt is an effect.
"""

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from functools import cached_property
from typing import Final

import httpx2
import msgspec

from migration.adapters.wire import (
    AskedRequest,
    FrameSplitter,
    body_bytes,
    event_bytes,
    head,
    read_request,
    taken_apart,
    whole_body,
    whole_reply,
)
from migration.effects import perform, perform_now, perform_stream, perform_stream_now
from migration.effects.journals import readable
from migration.errors import RecordedEffectError

_EVENTS: Final = "text/event-stream"
_DECODED: Final = {
    "content-encoding",
    "content-length",
    "transfer-encoding",
}  #: headers that do not fit the decoded body that is passed on


def async_client_of(default: Callable[..., httpx2.AsyncClient], client: httpx2.AsyncClient | None, lane: str | None) -> httpx2.AsyncClient:
    """Return a client like the SDK's own, made by `default`; each exchange is an effect. `client`, if given, reaches the outside."""
    ported = default(transport=AsyncModelTransport(lambda: client or default(), lane=lane))
    if client is not None:
        ported.timeout = client.timeout
    return ported


def client_of(default: Callable[..., httpx2.Client], client: httpx2.Client | None, lane: str | None) -> httpx2.Client:
    """Like `async_client_of`, for synchronous clients."""
    ported = default(transport=ModelTransport(lambda: client or default(), lane=lane))
    if client is not None:
        ported.timeout = client.timeout
    return ported


class AsyncModelTransport(httpx2.AsyncBaseTransport):
    """A transport that makes each exchange an effect.

    Args:
        make: returns the client that reaches the outside; called on first use, and never in a replay.
        lane: the lane of its effects; None: the lane of the current context.
    """

    def __init__(self, make: Callable[[], httpx2.AsyncClient], *, lane: str | None = None) -> None:
        self._make, self._lane = make, lane

    @cached_property
    def _client(self) -> httpx2.AsyncClient:
        return self._make()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return the real response or, in a replay, the recorded one.

        Raises: httpx2.RequestError: the client raised it, or its failure was recorded.
            EffectMissingError: replaying, and the journal does not contain this request.
        """
        asked, came = _asked(request, await request.aread()), _Came()
        try:
            if asked.streamed:
                return await self._streamed(request, asked, came)

            async def call() -> bytes:
                return came.whole(await self._client.send(request))

            return came.reply(await perform(asked.kind, asked.name, request=asked.request, call=call, lane=self._lane))
        except RecordedEffectError as error:
            own = _own(error, request)
            raise own from None

    async def _streamed(self, request: httpx2.Request, asked: AskedRequest, came: "_Came") -> httpx2.Response:
        async def call() -> AsyncIterator[bytes]:
            response = await self._client.send(request, stream=True)
            try:
                yield came.begun(response)
                if not came.events:
                    yield came.rest(await response.aread())
                    return
                async for data in response.aiter_bytes():
                    for piece in came.pieces(data):
                        yield piece
                for piece in came.ended():
                    yield piece
            finally:
                await response.aclose()

        told = {"lane": self._lane, "request": asked.request, "whole": taken_apart}
        pieces = perform_stream(asked.kind, asked.name, call=call, **told)  # type: ignore[arg-type]  # of several types by name
        return came.response(await anext(pieces), _AsyncBody(pieces, came, request))

    async def aclose(self) -> None:
        """Close the client, if there is one."""
        if "_client" in self.__dict__:
            await self._client.aclose()


class ModelTransport(httpx2.BaseTransport):
    """Like `AsyncModelTransport`, for synchronous clients."""

    def __init__(self, make: Callable[[], httpx2.Client], *, lane: str | None = None) -> None:
        self._make, self._lane = make, lane

    @cached_property
    def _client(self) -> httpx2.Client:
        return self._make()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return the real response or, in a replay, the recorded one. Raises the same errors as `AsyncModelTransport`."""
        asked, came = _asked(request, request.read()), _Came()
        try:
            if asked.streamed:
                return self._streamed(request, asked, came)

            def call() -> bytes:
                return came.whole(self._client.send(request))

            return came.reply(perform_now(asked.kind, asked.name, request=asked.request, call=call, lane=self._lane))
        except RecordedEffectError as error:
            own = _own(error, request)
            raise own from None

    def _streamed(self, request: httpx2.Request, asked: AskedRequest, came: "_Came") -> httpx2.Response:
        def call() -> Iterator[bytes]:
            response = self._client.send(request, stream=True)
            try:
                yield came.begun(response)
                if not came.events:
                    yield came.rest(response.read())
                    return
                for data in response.iter_bytes():
                    yield from came.pieces(data)
                yield from came.ended()
            finally:
                response.close()

        told = {"lane": self._lane, "request": asked.request, "whole": taken_apart}
        pieces = perform_stream_now(asked.kind, asked.name, call=call, **told)  # type: ignore[arg-type]  # of several types by name
        return came.response(next(pieces), _Body(pieces, came, request))

    def close(self) -> None:
        """Close the client, if there is one."""
        if "_client" in self.__dict__:
            self._client.close()


class _Came:
    """The result of one exchange. A served run gets the real response unchanged; a replay gets a response that is made from the record."""

    def __init__(self) -> None:
        self._response: httpx2.Response | None = None
        self._told, self._frames, self._parts = b"", FrameSplitter(), deque[bytes]()
        self.events = True  #: whether the body is server-sent events

    def whole(self, response: httpx2.Response) -> bytes:
        """Take a whole response, and return its record."""
        self._response, self._told = response, whole_reply(response.status_code, response.headers, response.content)
        return self._told

    def reply(self, reply: bytes) -> httpx2.Response:
        """Return the response to pass on. If a canary was added to the reply, its content differs from what the endpoint sent."""
        status, headers, body = whole_body(reply)
        if self._response is None:
            return httpx2.Response(status, headers=_decoded(headers), content=body)
        return self._real(self._response, content=self._response.content if reply == self._told else body)

    def begun(self, response: httpx2.Response) -> bytes:
        """Take the beginning of a response, and return its record."""
        self._response = response
        self.events = _is_events(response.headers)
        return head(response.status_code, response.headers)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Take bytes of the body, and yield each piece that is complete."""
        yield from map(self._kept, self._frames.feed(data))

    def ended(self) -> Iterator[bytes]:
        """Yield what is left at the end of the body."""
        yield from map(self._kept, self._frames.end())

    def rest(self, body: bytes) -> bytes:
        """Take a body that is not server-sent events, and return it as one piece."""
        self._parts.append(body)
        return msgspec.json.encode(readable(body))

    def _kept(self, frame: tuple[bytes, bytes]) -> bytes:
        self._parts.append(frame[0])
        return frame[1]

    def response(self, begun: bytes, body: "_AsyncBody | _Body") -> httpx2.Response:
        """Return the response to pass on, whose body is still arriving."""
        if self._response is not None:
            return self._real(self._response, stream=body)
        told = msgspec.json.decode(begun)
        self.events = _is_events(told["headers"])
        return httpx2.Response(told["status"], headers=_decoded(told["headers"]), stream=body)

    def part(self, piece: bytes) -> bytes:
        """Return the bytes of a piece."""
        if self._parts:
            return self._parts.popleft()
        return event_bytes(piece) if self.events else body_bytes(piece)

    @staticmethod
    def _real(response: httpx2.Response, **body: object) -> httpx2.Response:
        headers = [(name, value) for name, value in response.headers.multi_items() if name not in _DECODED]
        return httpx2.Response(response.status_code, headers=headers, extensions=response.extensions, **body)  # type: ignore[arg-type]  # by name


class _AsyncBody(httpx2.AsyncByteStream):
    def __init__(self, pieces: AsyncGenerator[bytes, None], came: _Came, request: httpx2.Request) -> None:
        self._pieces, self._came, self._request = pieces, came, request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._pieces:
                yield self._came.part(piece)
        except RecordedEffectError as error:
            raise _own(error, self._request) from None

    async def aclose(self) -> None:
        await self._pieces.aclose()


class _Body(httpx2.SyncByteStream):
    def __init__(self, pieces: Generator[bytes, None, None], came: _Came, request: httpx2.Request) -> None:
        self._pieces, self._came, self._request = pieces, came, request

    def __iter__(self) -> Iterator[bytes]:
        try:
            for piece in self._pieces:
                yield self._came.part(piece)
        except RecordedEffectError as error:
            raise _own(error, self._request) from None

    def close(self) -> None:
        self._pieces.close()


def _asked(request: httpx2.Request, body: bytes) -> AskedRequest:
    url = str(request.url.copy_with(userinfo=b""))
    return read_request(request.method, request.url.host, url, request.headers, body)


def _is_events(headers: httpx2.Headers | dict[str, str]) -> bool:
    return headers.get("content-type", "").startswith(_EVENTS)


def _decoded(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in _DECODED}


def _own(error: RecordedEffectError, request: httpx2.Request) -> Exception:
    """Return httpx2's exception with the recorded name; if there is none, the error itself."""
    kind = getattr(httpx2, error.error_type, None)
    if isinstance(kind, type) and issubclass(kind, httpx2.RequestError):
        return kind(error.message, request=request)
    return error
