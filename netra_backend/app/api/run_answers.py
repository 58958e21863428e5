"""A run as an HTTP answer: its frames as server-sent events while it runs, or its result as JSON when it has ended.

In both forms the status is sent only after the first frame, so that a refused run is answered with a status, not an event.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing
from typing import Any, Final, Self

import msgspec
from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from netra_backend.app.api.problems import ProblemError, problem_of
from netra_backend.app.run_results import RUN_RESULT
from netra_backend.app.services.user_execution_context import UserExecutionContext

EVENT_STREAM: Final = "text/event-stream"
#: The form of one event in the OpenAPI description of an event stream.
EVENT_SCHEMA: Final = {
    "type": "object",
    "properties": {"event": {"type": "string"}, "data": {"type": "string", "description": "A JSON object."}},
    "required": ["event", "data"],
}


class Head(msgspec.Struct, gc=False):
    """The parts of a frame that an answer needs."""

    type: str
    payload: msgspec.Raw = msgspec.Raw(b"{}")


class Result(msgspec.Struct):
    """The payload of `run_result`; the result itself stays encoded."""

    status: str
    result: msgspec.Raw


_head: Final = msgspec.json.Decoder(Head)
_result: Final = msgspec.json.Decoder(Result)
_encode: Final = msgspec.json.encode


class RunningFrames:
    """An unfinished run, with its first frame. It must always be closed; closing stops the run."""

    def __init__(self, context: UserExecutionContext, first: bytes, rest: AsyncGenerator[bytes, None]) -> None:
        self.context = context
        self._first = first
        self._rest = rest

    @classmethod
    async def open(cls, context: UserExecutionContext, frames: AsyncGenerator[bytes, None]) -> Self:
        """Wait for the first frame.

        Raises:
            ProblemError: the run ended without a frame.
            Exception: any error that refuses the run, such as `UserLimitExceededError`.
        """
        try:
            return cls(context, await anext(frames), frames)
        except StopAsyncIteration:
            raise ProblemError("internal", "the run ended without an answer; try again, or report the support code") from None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield all frames."""
        yield self._first
        async for frame in self._rest:
            yield frame

    async def aclose(self) -> None:
        """Stop the run, wait for it, and clean its context up."""
        await self._rest.aclose()
        await self.context.cleanup()

    async def result(self) -> Result:
        """Read all frames and return the result.

        Raises:
            ProblemError: the run has no result.
            Exception: any error of the run.
        """
        found: Result | None = None
        async for frame in self:
            found = result_in(frame) or found
        if found is None:
            raise ProblemError("internal", "the run ended without a result; try again, or report the support code")
        return found


class EventStream(StreamingResponse):
    """Server-sent events whose source is always closed at the end of the response, so that a client that disconnects stops the run.

    Args:
        events: encoded by `event`.
        held: the source of the events, and the resources of the response; closed after the events.
    """

    def __init__(self, events: AsyncGenerator[bytes, None], held: AsyncExitStack) -> None:
        super().__init__(events, media_type=EVENT_STREAM, headers={"X-Accel-Buffering": "no"})
        self._events = events
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Send the events until they end or the client has disconnected, with any version of ASGI.

        Closing a generator that was never started does not close its source, so `held` is closed separately.
        """
        async with self._held, aclosing(self._events):
            sending = asyncio.create_task(self.stream_response(send))
            leaving = asyncio.create_task(self.listen_for_disconnect(receive))
            try:
                await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
                if sending.done():
                    sending.result()
            except OSError:
                return  # the connection was lost, which this server reports by an error on sending
            finally:
                await _cancelled(sending, leaving)


def wants_events(request: Request) -> bool:
    """Return whether the client asked for server-sent events; JSON is the default."""
    return EVENT_STREAM in request.headers.get("accept", "")


def event(kind: str, data: bytes) -> bytes:
    """Return one server-sent event. Each line of the data is a separate line, as the format requires."""
    lines = b"".join(b"data: " + line + b"\n" for line in data.splitlines())
    return b"event: " + kind.encode() + b"\n" + lines + b"\n"


def result_in(frame: bytes) -> Result | None:
    """Return the run's result if this frame contains it."""
    head = _head.decode(frame)
    return _result.decode(head.payload) if head.type == RUN_RESULT else None


async def as_events(frames: RunningFrames) -> AsyncGenerator[bytes, None]:
    """Yield each frame as an event of its own type, and a failure of the run as a last event `error`."""
    try:
        async for frame in frames:
            yield event(_head.decode(frame).type, frame)
    except Exception as error:  # noqa: BLE001 - the status is sent already: the client is informed in the stream, the log keeps the place
        yield event("error", _encode(problem_of(error).model_dump(exclude_none=True)))


def as_json(context: UserExecutionContext, result: Result) -> bytes:
    """Return the answer's body with the result."""
    ids = {"run_id": context.run_id, "thread_id": context.thread_id, "request_id": context.request_id}
    return _encode({**ids, "status": result.status, "result": result.result})


async def result_or_gone(request: Request, frames: RunningFrames) -> Result | None:
    """Return the run's result; None when the client disconnected first, so that the run was stopped.

    Raises:
        Exception: any error of the run; ProblemError when the run has no result.
    """
    answering, leaving = asyncio.create_task(frames.result()), asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return answering.result() if answering.done() else None
    finally:
        await _cancelled(answering, leaving)
        await frames.aclose()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _cancelled(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
