"""What a user is told when something fails, and what the log keeps of it. A support code connects the two."""

import logging
import secrets
from dataclasses import dataclass

from netra_backend.app.api.chat_messages import Error, ErrorCode, RunOutcome
from netra_backend.app.errors import (
    AgentTimeoutError,
    CapacityError,
    ForeignContextError,
    InvalidContextError,
    InvalidPayloadError,
    NetraError,
    NotReadyError,
    ThreadNotFoundError,
    UnknownAgentError,
    UserLimitExceededError,
)
from netra_backend.app.logs import describe

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An error in the words of the protocol."""

    code: ErrorCode
    message: str  #: safe for the user
    retry_after_s: float | None = None  #: None: trying again is not a matter of time
    outcome: RunOutcome = "failed"  #: of the run that raised it


def failure_of(error: BaseException) -> Failure:
    """Return what to tell the user: the error's own text when it is one of ours, which are written for users, else nothing of it."""
    match error:
        case ThreadNotFoundError() | ForeignContextError():
            return Failure(code="foreign_thread", message=str(error))
        case InvalidContextError() | InvalidPayloadError() | UnknownAgentError():
            return Failure(code="invalid_message", message=str(error))
        case UserLimitExceededError() | CapacityError() | NotReadyError():
            return Failure(code="busy", message=str(error), retry_after_s=error.retry_after_s)
        case TimeoutError():
            return Failure(code="internal", message="this took too long and was stopped; try again", outcome="timed_out")
        case NetraError():
            return Failure(code="internal", message=str(error), outcome="timed_out" if isinstance(error, AgentTimeoutError) else "failed")
        case _:
            return Failure(code="internal", message="something went wrong on our side; try again, or report the support code")


def new_support_code() -> str:
    """Return a code that a person can read out."""
    return f"NS-{secrets.token_hex(5).upper()}"


def report(failure: Failure, error: BaseException | None = None, *, run_id: str | None = None, request_id: str | None = None) -> Error:
    """Log a failure and return the message for the user, with the same support code.

    Args:
        failure: what the user is told.
        error: what was raised; None when a message was refused without. Of an internal one the log keeps type and places, not its text.
        run_id: the run it belongs to; None for none.
        request_id: the client's name for its question; None when unknown.
    """
    code = new_support_code()
    facts = {"support_code": code, "code": failure.code, "run_id": run_id}
    if error is not None and failure.code == "internal":
        _logger.error("a request failed", extra={**facts, "error": describe(error)})
    else:
        _logger.info("a request was refused", extra=facts)
    return Error(
        code=failure.code,
        message=failure.message,
        support_code=code,
        run_id=run_id,
        request_id=request_id,
        retry_after_s=failure.retry_after_s,
    )
