"""What an HTTP client is told when its request is refused or fails: one shape, one status a code, a support code that the log knows."""

import logging
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException

from netra_backend.app import errors
from netra_backend.app.api.auth import ForeignOriginError
from netra_backend.app.api.failures import new_support_code
from netra_backend.app.logs import describe

_logger = logging.getLogger(__name__)

ProblemCode = Literal[
    "unauthenticated",
    "foreign_origin",
    "permission_denied",
    "not_found",
    "unknown_agent",
    "unknown_tool",
    "foreign_thread",
    "method_not_allowed",
    "too_large",
    "invalid_request",
    "rate_limited",
    "busy",
    "internal",
    "unavailable",
    "timed_out",
]

STATUS: Final[Mapping[ProblemCode, int]] = MappingProxyType(
    {
        "unauthenticated": 401,
        "foreign_origin": 403,
        "permission_denied": 403,
        "not_found": 404,
        "unknown_agent": 404,
        "unknown_tool": 404,
        "foreign_thread": 404,
        "method_not_allowed": 405,
        "too_large": 413,
        "invalid_request": 422,
        "rate_limited": 429,
        "busy": 429,
        "internal": 500,
        "unavailable": 503,
        "timed_out": 504,
    }
)
_RETRY_UNAVAILABLE_S: Final = 5.0
_UNEXPECTED: Final = "something went wrong on our side; try again, or report the support code"
_EXAMPLES: Final[Mapping[int, tuple[ProblemCode, str, str]]] = MappingProxyType(
    {
        401: ("unauthenticated", "the token has expired; get a new one", "No valid bearer token."),
        403: ("permission_denied", "you may not call save_action_plan: it needs the permission plans:write", "Not allowed."),
        404: ("foreign_thread", "no such thread; leave thread_id out to start a new one", "No such agent, tool or thread of yours."),
        413: ("too_large", "the body may have 65536 bytes", "The body is too large."),
        422: ("invalid_request", "Object missing required field `message`", "The body, or an id in it, cannot be used."),
        429: ("busy", "2/2 engines of this user are busy; try again in 1 s", "Too much at once; `Retry-After` says when to try again."),
        500: ("internal", _UNEXPECTED, "Failed on the server's side."),
        503: ("unavailable", "this server is stopping; try again in 5 s", "Cannot serve now; `Retry-After` says when to try again."),
        504: ("timed_out", "this took too long and was stopped; try again", "The run took too long and was stopped."),
    }
)


class Problem(BaseModel):
    """Why a request was refused or failed."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"code": "internal", "message": _UNEXPECTED, "support_code": "NS-0A1B2C3D4E"}]}
    )

    code: ProblemCode
    message: str = Field(description="says what to do next")
    support_code: str = Field(description="finds the failure in the log")
    retry_after_s: float | None = Field(default=None, description="seconds to wait; absent: waiting does not help")


class ProblemError(Exception):
    """An endpoint refuses a request.

    Args:
        code: why.
        message: safe for the user; says what to do next.
        retry_after_s: seconds to wait; None: waiting does not help.
    """

    def __init__(self, code: ProblemCode, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.code: ProblemCode = code
        self.retry_after_s = retry_after_s


def problem_of(error: BaseException) -> Problem:
    """Log what was raised, and return what the client is told: the text of our own errors, and nothing of anybody else's.

    Of a failure on our side the log keeps type and places, not the text: that may quote what a user wrote.
    """
    code, message, retry_after_s = _told(error)
    problem = Problem(code=code, message=message, support_code=new_support_code(), retry_after_s=retry_after_s)
    facts = {"support_code": problem.support_code, "code": code}
    if STATUS[code] >= STATUS["internal"]:
        _logger.error("a request failed", extra={**facts, "error": describe(error)})
    else:
        _logger.info("a request was refused", extra=facts)
    return problem


def as_response(problem: Problem) -> JSONResponse:
    """Return the problem as an HTTP answer, with the headers that belong to its status."""
    headers = {}
    if problem.code == "unauthenticated":
        headers["WWW-Authenticate"] = "Bearer"
    if problem.retry_after_s is not None:
        headers["Retry-After"] = str(math.ceil(problem.retry_after_s))
    return JSONResponse(problem.model_dump(exclude_none=True), STATUS[problem.code], headers)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of these statuses, each with an example."""
    return {status: _documented(status) for status in statuses}


def handle_problems(app: FastAPI) -> None:
    """Have every refusal and every expected failure of the application answered in this shape."""
    for kind in (ProblemError, ForeignOriginError, errors.NetraError, DBAPIError, TimeoutError):
        app.add_exception_handler(kind, _answer)
    app.add_exception_handler(HTTPException, _answer_to_router)
    app.add_exception_handler(RequestValidationError, _answer_to_query)


async def _answer(_request: Request, error: Exception) -> JSONResponse:
    return as_response(problem_of(error))


async def _answer_to_router(_request: Request, error: Exception) -> JSONResponse:
    """Answer what no endpoint was asked for: an unknown path, or a method that it does not have."""
    status = error.status_code if isinstance(error, HTTPException) else STATUS["internal"]
    code: ProblemCode = "method_not_allowed" if status == STATUS["method_not_allowed"] else "not_found"
    response = as_response(problem_of(ProblemError(code, "nothing is here; /openapi.json lists what there is")))
    if isinstance(error, HTTPException) and error.headers:
        response.headers.update(error.headers)
    response.status_code = status
    return response


async def _answer_to_query(_request: Request, error: Exception) -> JSONResponse:
    """Answer a query that cannot be used: the message names the parameter and the rule, never the value."""
    found = error.errors() if isinstance(error, RequestValidationError) else []
    rules = "; ".join(f"{problem['loc'][-1]}: {problem['msg']}" for problem in found)
    return as_response(problem_of(ProblemError("invalid_request", rules or "the request cannot be used")))


def _told(error: BaseException) -> tuple[ProblemCode, str, float | None]:
    """Return code, message and seconds to wait."""
    match error:
        case ProblemError():
            return error.code, str(error), error.retry_after_s
        case errors.UserLimitExceededError() | errors.CapacityError() | errors.NotReadyError():
            return "unavailable" if isinstance(error, errors.NotReadyError) else "busy", str(error), float(error.retry_after_s)
        case errors.ExecutionEngineFactoryError() | errors.EngineClosedError() | errors.RunStoreUnavailableError() | DBAPIError():
            down = isinstance(error, DBAPIError | errors.RunStoreUnavailableError)
            what = "the database does not answer" if down else "this server is stopping"
            return "unavailable", f"{what}; try again in {_RETRY_UNAVAILABLE_S:g} s", _RETRY_UNAVAILABLE_S
        case TimeoutError():
            return "timed_out", "this took too long and was stopped; try again", None
        case errors.NetraError() | ForeignOriginError():
            return _code_of(error), str(error), None
        case _:
            return "internal", _UNEXPECTED, None


def _code_of(error: Exception) -> ProblemCode:
    return next((code for kind, code in _CODES if isinstance(error, kind)), "internal")


_CODES: Final[tuple[tuple[type[Exception], ProblemCode], ...]] = (
    (errors.AuthenticationError, "unauthenticated"),
    (ForeignOriginError, "foreign_origin"),
    (errors.ThreadNotFoundError, "foreign_thread"),
    (errors.ForeignContextError, "foreign_thread"),
    (errors.InvalidContextError, "invalid_request"),
    (errors.InvalidPayloadError, "invalid_request"),
    (errors.UnknownAgentError, "unknown_agent"),
    (errors.UnknownToolError, "unknown_tool"),
    (errors.ToolArgumentsError, "invalid_request"),
    (errors.ToolPermissionError, "permission_denied"),
    (errors.AgentTimeoutError, "timed_out"),
)


def _documented(status: int) -> dict[str, Any]:
    code, message, description = _EXAMPLES[status]
    example: dict[str, object] = {"code": code, "message": message, "support_code": "NS-0A1B2C3D4E"}
    answer: dict[str, Any] = {"model": Problem, "description": description}
    if status in {STATUS["busy"], STATUS["unavailable"]}:
        example["retry_after_s"] = 1.0 if status == STATUS["busy"] else _RETRY_UNAVAILABLE_S
        answer["headers"] = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}}}
    answer["content"] = {"application/json": {"example": example}}
    return answer
