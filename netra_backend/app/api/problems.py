"""The answer to an HTTP client whose request is refused or fails: one form for all errors of `failures.py`."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from netra_backend.app import errors
from netra_backend.app.api.auth import ForeignOriginError
from netra_backend.app.api.failures import RETRY_UNAVAILABLE_S, STATUS, TIMED_OUT, UNEXPECTED, Code, Failure, failure_of, log_failure

_EXAMPLES: Final[Mapping[int, tuple[Code, str, str]]] = MappingProxyType(
    {
        401: ("unauthenticated", "the token has expired; get a new one", "No valid bearer token."),
        403: ("permission_denied", "you may not call save_action_plan: it needs the permission plans:write", "Not allowed."),
        404: ("foreign_thread", "no such thread; leave thread_id out to start a new one", "The caller has no such agent, tool or thread."),
        413: ("too_large", "the body may have 65536 bytes", "The body is too large."),
        422: ("invalid_request", "Object missing required field `message`", "The body, or an id in it, cannot be used."),
        429: ("busy", "2/2 engines of this user are busy; try again in 1 s", "Too many requests; `Retry-After` says when to try again."),
        500: ("internal", UNEXPECTED, "Failed on the server's side."),
        503: ("unavailable", "this server is stopping; try again in 5 s", "Cannot serve now; `Retry-After` says when to try again."),
        504: ("timed_out", TIMED_OUT, "The run took too long and was stopped."),
    }
)


class Problem(BaseModel):
    """Why a request was refused or failed."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"code": "internal", "message": UNEXPECTED, "support_code": "NS-0A1B2C3D4E"}]}
    )

    code: Code
    message: str = Field(description="says what to do next")
    support_code: str = Field(description="the log entry of the failure has the same code")
    retry_after_s: float | None = Field(default=None, description="seconds to wait; absent: waiting does not help")


class ProblemError(Exception):
    """Raised when an endpoint refuses a request.

    Args:
        code: the reason.
        message: safe for the user; says what to do next.
        retry_after_s: seconds to wait; None: waiting does not help.
    """

    def __init__(self, code: Code, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.failure = Failure(code=code, message=message, retry_after_s=retry_after_s)


def problem_of(error: BaseException) -> Problem:
    """Log the exception, and return the answer to the client, which contains the text of this backend's own errors only.

    For a failure on the server's side, the log contains the error's type and code locations but not its text, which may quote a user.
    """
    failure = error.failure if isinstance(error, ProblemError) else failure_of(error)
    return Problem(
        code=failure.code, message=failure.message, support_code=log_failure(failure, error), retry_after_s=failure.retry_after_s
    )


def as_response(problem: Problem) -> JSONResponse:
    """Return the problem as an HTTP answer, with the headers of its status."""
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
    """Install handlers so that the application answers every refusal and every expected failure in this form."""
    for kind in (ProblemError, ForeignOriginError, errors.NetraError, SQLAlchemyError, OSError, MemoryError):
        app.add_exception_handler(kind, _answer)
    app.add_exception_handler(HTTPException, _answer_to_router)
    app.add_exception_handler(RequestValidationError, _answer_to_query)


async def _answer(_request: Request, error: Exception) -> JSONResponse:
    return as_response(problem_of(error))


async def _answer_to_router(_request: Request, error: Exception) -> JSONResponse:
    """Answer a request without an endpoint: an unknown path, or a method that the path does not have."""
    status = error.status_code if isinstance(error, HTTPException) else STATUS["internal"]
    code: Code = "method_not_allowed" if status == STATUS["method_not_allowed"] else "not_found"
    response = as_response(problem_of(ProblemError(code, "this address does not exist; /openapi.json lists all addresses")))
    if isinstance(error, HTTPException) and error.headers:
        response.headers.update(error.headers)
    response.status_code = status
    return response


async def _answer_to_query(_request: Request, error: Exception) -> JSONResponse:
    """Answer a query that cannot be used: the message names the parameter and the rule, never the value."""
    found = error.errors() if isinstance(error, RequestValidationError) else []
    rules = "; ".join(f"{problem['loc'][-1]}: {problem['msg']}" for problem in found)
    return as_response(problem_of(ProblemError("invalid_request", rules or "the request cannot be used")))


def _documented(status: int) -> dict[str, Any]:
    code, message, description = _EXAMPLES[status]
    example: dict[str, object] = {"code": code, "message": message, "support_code": "NS-0A1B2C3D4E"}
    answer: dict[str, Any] = {"model": Problem, "description": description}
    if status in {STATUS["busy"], STATUS["unavailable"]}:
        example["retry_after_s"] = 1.0 if status == STATUS["busy"] else RETRY_UNAVAILABLE_S
        answer["headers"] = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}}}
    answer["content"] = {"application/json": {"example": example}}
    return answer
