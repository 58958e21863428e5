"""`POST /api/tools/{tool}`: one call of one tool."""

from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from netra_backend.app.api.callers import IDS_OF_RUN, Asking, json_body, read_body
from netra_backend.app.api.problems import ProblemError, documented
from netra_backend.app.api.run_answers import RunningFrames, as_json, result_or_gone
from netra_backend.app.services.unified_tool_registry.catalogue import default_registry

router = APIRouter(tags=["runs"])

SURFACE: Final = "tools"
_TOOLS: Final = default_registry()


class ToolCallBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The request."""

    arguments: dict[str, Any] = {}
    thread_id: str | None = None
    request_id: str | None = None


class ToolResult(BaseModel):
    """The tool's answer."""

    tool_name: str
    success: bool
    status: Literal["success", "error", "cancelled"]
    value: Any = Field(description="the tool's answer, any JSON; null when it failed")
    error: str | None = Field(description="null on success")
    execution_time_ms: float


class ToolRun(BaseModel):
    """How the call ended. A tool that could not answer is reported here too, because HTTP statuses are about the request only."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "run_id": "4f0c2a9be7d14b6f8a3f1f7f2a6d9c55",
                    "thread_id": "9d1f2c7a54e84f3bb1a8e5c3d2f4a6b7",
                    "request_id": "price-check",
                    "status": "completed",
                    "result": {
                        "tool_name": "price_lookup",
                        "success": True,
                        "status": "success",
                        "value": {"prices": [{"model": "gpt-4o-mini", "input_usd_per_million": 0.15, "output_usd_per_million": 0.6}]},
                        "error": None,
                        "execution_time_ms": 3.1,
                    },
                }
            ]
        }
    )

    run_id: str
    thread_id: str
    request_id: str
    status: Literal["completed", "failed"]
    result: ToolResult


class _Refused(msgspec.Struct):
    status: str
    error: str | None = None


_BODY: Final = {
    "type": "object",
    "properties": {
        "arguments": {"type": "object", "description": "The arguments, in the form of the tool's JSON schema."},
        **IDS_OF_RUN,
    },
    "additionalProperties": False,
}


@router.post(
    "/api/tools/{tool}",
    summary="Call one tool",
    response_class=Response,
    responses={
        200: {"model": ToolRun, "description": "The call has ended."},
        **documented(401, 403, 404, 413, 422, 429, 500, 503, 504),
    },
    openapi_extra=json_body(_BODY, {"arguments": {"model": "gpt-4o-mini"}, "request_id": "price-check"}),
)
async def call_tool(
    tool: Annotated[str, Path(json_schema_extra={"enum": list(_TOOLS.names)}, examples=["price_lookup"])],
    request: Request,
    caller: Asking,
) -> Response:
    """Call the tool for the token's user, who only sees the data of the user's own tenant."""
    known = _TOOLS.get(tool)
    asked = await read_body(request, ToolCallBody, caller.gateway.settings.max_message_bytes)
    known.check(asked.arguments)
    caller.take_turn()
    context = await caller.open_context(asked.thread_id, asked.request_id)
    payload = {"tool": tool, "arguments": asked.arguments}
    frames = await RunningFrames.open(context, caller.frames(SURFACE, context, payload))
    result = await result_or_gone(request, frames)
    if result is None:
        return Response()
    ended = msgspec.json.decode(result.result, type=_Refused)
    if ended.status == "permission_denied":
        raise ProblemError("permission_denied", ended.error or f"you may not call {tool}")
    return Response(as_json(context, result), media_type="application/json")
