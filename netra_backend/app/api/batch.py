"""`POST /api/batch`: many prompts in one request; progress and results as server-sent events, items one by one."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Request, Response

from netra_backend.app.agents.registry import AGENTS
from netra_backend.app.api.batch_items import BatchItems
from netra_backend.app.api.callers import Asking, Caller, json_body, read_body
from netra_backend.app.api.problems import ProblemError, documented
from netra_backend.app.api.run_answers import EVENT_SCHEMA, EVENT_STREAM, EventStream
from netra_backend.app.errors import UnknownAgentError
from netra_backend.app.websocket.channel import stream
from netra_backend.app.websocket.connections import TooManyConnectionsError
from netra_backend.app.websocket.sender import Sink

router = APIRouter(tags=["runs"])

#: The size limit of a batch is this many times the limit of one message.
_MESSAGES: Final = 16
_RETRY_S: Final = 5.0


class BatchBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The request. Items stay encoded, so that an item that cannot be read fails alone."""

    items: Annotated[list[msgspec.Raw], msgspec.Meta(min_length=1)]
    agent: str = "assistant"


_AGENT: Final = {"type": "string", "enum": list(AGENTS)}
_BODY: Final = {
    "type": "object",
    "properties": {
        "items": {
            "type": "array",
            "minItems": 1,
            "description": "Each item is checked separately; an item that cannot be read is refused alone. An item is an object with "
            "`message` and, optionally, `agent`, `thread_id` and `id`, your own name for the item.",
            "items": {},
        },
        "agent": {**_AGENT, "default": "assistant", "description": "The agent of items that do not name one."},
    },
    "required": ["items"],
    "additionalProperties": False,
}
_EXAMPLE: Final = {
    "agent": "data",
    "items": [{"id": "may", "message": "What did we spend in May?"}, {"message": "Which model costs us most?", "agent": "assistant"}],
}
_EVENTS: Final = (
    'event: batch_started\ndata: {"batch_id":"...","items":2,"at_once":1}\n\n'
    'event: item_started\ndata: {"index":0,"id":"may","run_id":"...","thread_id":"..."}\n\n'
    'event: item_event\ndata: {"index":0,"event":{"type":"agent_started", ...}}\n\n'
    'event: item_finished\ndata: {"index":0,"id":"may","run_id":"...","result":{...},"status":"completed","done":1,"items":2}\n\n'
    'event: batch_finished\ndata: {"batch_id":"...","items":2,"completed":2,"failed":0,"timed_out":0,"cut":0,"refused":0,'
    '"duration_ms":812.5}\n\n'
)
_ANSWERED: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The batch has begun, and its events follow: `batch_started` first, `batch_finished` last. Each item has "
        "`item_started`, `item_event` and exactly one `item_finished` with the status completed, failed, timed_out, cut or refused. "
        "Events of items interleave.",
        "content": {EVENT_STREAM: {"schema": EVENT_SCHEMA, "example": _EVENTS}},
    }
}


@router.post(
    "/api/batch",
    summary="Run many prompts",
    response_class=Response,
    responses={**_ANSWERED, **documented(401, 403, 413, 422, 429, 500, 503)},
    openapi_extra=json_body(_BODY, _EXAMPLE),
)
async def run_batch(request: Request, caller: Asking) -> Response:
    """Run the items, a few at once, and stream their results. A client that disconnects stops the batch.

    One of the user's engines stays free, so that the user can still chat during a batch.
    """  # noqa: DOC501 - the description of the endpoint, whose problems stand in its `responses`
    settings, limits = caller.gateway.settings, caller.gateway.batch_limits
    asked = await read_body(request, BatchBody, _MESSAGES * settings.max_message_bytes)
    if asked.agent not in AGENTS:
        raise ProblemError("invalid_request", str(UnknownAgentError(asked.agent, AGENTS)))
    if len(asked.items) > limits.items:
        raise ProblemError("invalid_request", f"a batch may have {limits.items} items; send the rest in another one")
    caller.take_turn()
    return EventStream(_events(caller, asked), _place(caller))


def _place(caller: Caller) -> AsyncExitStack:
    """Take one of the user's places for batches.

    Raises:
        ProblemError: all places are taken.
    """
    held = AsyncExitStack()
    try:
        held.enter_context(caller.gateway.batches.place((caller.identity.tenant_id, caller.identity.user_id)))
    except TooManyConnectionsError as error:
        message = f"{error.limit}/{error.limit} batches of this user are running; wait until one ends"
        raise ProblemError("busy", message, retry_after_s=_RETRY_S) from None
    return held


def _events(caller: Caller, asked: BatchBody) -> AsyncGenerator[bytes, None]:
    async def work(sink: Sink) -> None:
        async def send(event: bytes) -> None:
            while not sink.offer(event):
                await sink.room()

        at_once = max(1, caller.gateway.settings.engines_per_user - 1)
        await BatchItems(caller, asked.items, agent=asked.agent, at_once=at_once, send=send).run()

    return stream(work)
