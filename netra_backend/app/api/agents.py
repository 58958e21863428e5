"""`POST /api/agents/{agent}/run`: one agent, one message, one answer: as JSON, or as a stream of events."""

from contextlib import AsyncExitStack
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from netra_backend.app.agents.registry import AGENTS
from netra_backend.app.api.callers import IDS_OF_RUN, Asking, json_body, read_body
from netra_backend.app.api.problems import documented
from netra_backend.app.api.run_answers import (
    EVENT_SCHEMA,
    EVENT_STREAM,
    EventStream,
    RunningFrames,
    as_events,
    as_json,
    result_or_gone,
    wants_events,
)
from netra_backend.app.errors import UnknownAgentError
from netra_backend.app.run_results import RunStatus

router = APIRouter(tags=["runs"])

SURFACE: Final = "oneshot"


class AgentRunBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The request."""

    message: Annotated[str, msgspec.Meta(pattern=r"\S")]
    thread_id: str | None = None
    request_id: str | None = None


class AgentResult(BaseModel):
    """The agent's result."""

    agent_name: str
    success: bool
    final_answer: str | None = Field(description="null when it failed")
    data: dict[str, Any] = Field(description="what the agent returned in addition to its answer, such as `data_sufficiency`")
    error: str | None = Field(description="null on success")
    error_type: str | None = Field(description="null on success")
    support_code: str | None = Field(description="null on success; the log entry of the failure has the same code")
    duration_ms: float
    step_count: int


class AgentRun(BaseModel):
    """How the run ended. A failed agent is reported here too, because HTTP statuses are about the request only."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "run_id": "4f0c2a9be7d14b6f8a3f1f7f2a6d9c55",
                    "thread_id": "9d1f2c7a54e84f3bb1a8e5c3d2f4a6b7",
                    "request_id": "spend-of-may",
                    "status": "completed",
                    "result": {
                        "agent_name": "data",
                        "success": True,
                        "final_answer": "gpt-4o cost 812.40 $ in the last 30 days.",
                        "data": {},
                        "error": None,
                        "error_type": None,
                        "support_code": None,
                        "duration_ms": 412.5,
                        "step_count": 4,
                    },
                }
            ]
        }
    )

    run_id: str
    thread_id: str
    request_id: str
    status: RunStatus
    result: AgentResult


_BODY: Final = {
    "type": "object",
    "properties": {
        "message": {"type": "string", "pattern": r"\S", "description": "What to ask."},
        **IDS_OF_RUN,
    },
    "required": ["message"],
    "additionalProperties": False,
}
_EVENTS: Final = 'event: agent_started\ndata: {"type":"agent_started", ...}\n\nevent: run_result\ndata: {"type":"run_result", ...}\n\n'
_ANSWERED: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "model": AgentRun,
        "description": "The run has ended. With `Accept: text/event-stream`, the run has begun: its events follow, `run_result` last. "
        "A run that breaks off ends with an event `error`.",
        "content": {EVENT_STREAM: {"schema": EVENT_SCHEMA, "example": _EVENTS}},
    }
}


@router.post(
    "/api/agents/{agent}/run",
    summary="Run one agent",
    response_class=Response,
    responses={**_ANSWERED, **documented(401, 403, 404, 413, 422, 429, 500, 503, 504)},
    openapi_extra=json_body(_BODY, {"message": "What did we spend on gpt-4o?", "request_id": "spend-of-may"}),
)
async def run_agent(
    agent: Annotated[str, Path(json_schema_extra={"enum": list(AGENTS)}, examples=["data"])], request: Request, caller: Asking
) -> Response:
    """Run the agent and answer with its result. A client that disconnects stops the run."""
    if agent not in AGENTS:
        raise UnknownAgentError(agent, AGENTS)
    asked = await read_body(request, AgentRunBody, caller.gateway.settings.max_message_bytes)
    caller.take_turn()
    context = await caller.open_context(asked.thread_id, asked.request_id)
    frames = await caller.agent_frames(SURFACE, context, agent, asked.message, is_new=asked.thread_id is None)
    running = await RunningFrames.open(context, frames)
    if wants_events(request):
        held = AsyncExitStack()
        held.push_async_callback(running.aclose)
        return EventStream(as_events(running), held)
    result = await result_or_gone(request, running)
    return Response(None if result is None else as_json(context, result), media_type="application/json")
