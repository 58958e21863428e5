"""The only table of errors: on every surface, it decides what a user is shown when something is refused or fails, and what is logged.

`failure_of` reads it. A failure is sent as an `error` message in a chat, as a body with the code's status over HTTP, and as the last event
of a stream. The user's error and the log line have the same support code.
"""

import errno
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

from sqlalchemy.exc import DataError as SqlDataError
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from netra_backend.app import errors
from netra_backend.app.api.auth import ForeignOriginError
from netra_backend.app.logs import cause_of, describe
from netra_backend.app.metrics import unavailable

_logger = logging.getLogger(__name__)

Code = Literal[
    "bad_json",
    "busy",
    "foreign_origin",
    "foreign_thread",
    "internal",
    "invalid_message",
    "invalid_request",
    "method_not_allowed",
    "not_found",
    "permission_denied",
    "rate_limited",
    "timed_out",
    "too_large",
    "too_many_connections",
    "too_many_runs",
    "unauthenticated",
    "unavailable",
    "unknown_agent",
    "unknown_run",
    "unknown_tool",
    "unknown_type",
]

STATUS: Final[Mapping[Code, int]] = MappingProxyType(
    {
        "bad_json": 422,
        "busy": 429,
        "foreign_origin": 403,
        "foreign_thread": 404,
        "internal": 500,
        "invalid_message": 422,
        "invalid_request": 422,
        "method_not_allowed": 405,
        "not_found": 404,
        "permission_denied": 403,
        "rate_limited": 429,
        "timed_out": 504,
        "too_large": 413,
        "too_many_connections": 429,
        "too_many_runs": 429,
        "unauthenticated": 401,
        "unavailable": 503,
        "unknown_agent": 404,
        "unknown_run": 404,
        "unknown_tool": 404,
        "unknown_type": 422,
    }
)
"""The HTTP status of each code."""

UNEXPECTED: Final = "something went wrong on our side; try again, or report the support code"
TIMED_OUT: Final = "this took too long and was stopped; try again"
RETRY_UNAVAILABLE_S: Final = 5.0
_RETRY_ELSEWHERE_S: Final = 1.0

#: The machine ran out of a resource, which the operator has to fix. Users may try again.
_USED_UP: Final = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ENOMEM, errno.ENOBUFS, errno.EAGAIN, errno.EIO}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An error, as it is shown to the user."""

    code: Code
    message: str  #: safe for the user
    retry_after_s: float | None = None  #: None: waiting does not help


@dataclass(frozen=True, slots=True)
class _Row:
    """What users are shown for some kinds of errors."""

    kinds: tuple[type[BaseException], ...]
    code: Code
    message: str | None = None  #: None: the error's own text, written for users, and its own `retry_after_s`, if it has one
    retry_after_s: float | None = None


_DATABASE: Final = "the database does not answer"
_STOPPING: Final = "this server is stopping"
_USED_UP_TEXT: Final = "this server has run out of a resource"


def _unavailable(what: str, *kinds: type[BaseException]) -> _Row:
    return _Row(kinds, "unavailable", f"{what}; try again in {RETRY_UNAVAILABLE_S:g} s", RETRY_UNAVAILABLE_S)


#: The first matching row counts, so special errors are listed before general ones.
_TABLE: Final = (
    _Row((errors.UserLimitExceededError, errors.CapacityError), "busy"),
    _Row((errors.DrainingError, errors.RunCutError), "unavailable", None, _RETRY_ELSEWHERE_S),
    _Row((errors.NotReadyError,), "unavailable"),
    _unavailable(_STOPPING, errors.ExecutionEngineFactoryError, errors.EngineClosedError),
    _Row((errors.AuthenticationError,), "unauthenticated"),
    _Row((ForeignOriginError,), "foreign_origin"),
    _Row((errors.ThreadNotFoundError, errors.ForeignContextError), "foreign_thread"),
    _Row((errors.InvalidContextError, errors.InvalidPayloadError, errors.ToolArgumentsError), "invalid_request"),
    _Row((errors.UnknownAgentError,), "unknown_agent"),
    _Row((errors.UnknownToolError,), "unknown_tool"),
    _Row((errors.ToolPermissionError,), "permission_denied"),
    _Row((errors.AgentTimeoutError, errors.ModelTimeoutError), "timed_out"),
    _unavailable(_DATABASE, errors.RunStoreUnavailableError, PoolTimeoutError),
    _Row((IntegrityError, ProgrammingError, SqlDataError), "internal", UNEXPECTED),  # the database answers; our query is wrong
    _unavailable(_DATABASE, DBAPIError),
    _unavailable("this server has no memory left", MemoryError),
    _Row((TimeoutError,), "timed_out", TIMED_OUT),
    _Row((errors.NetraError,), "internal"),
)


def failure_of(error: BaseException) -> Failure:
    """Return the failure for the user.

    An error of this backend keeps its text, which is written for users; any other error gets a general text.
    """
    row = next((row for row in _TABLE if isinstance(error, row.kinds)), _Row((), "internal", UNEXPECTED))
    if isinstance(error, OSError) and error.errno in _USED_UP:
        row = _unavailable(_USED_UP_TEXT)
    if row.message is not None:
        return Failure(code=row.code, message=row.message, retry_after_s=row.retry_after_s)
    return Failure(code=row.code, message=str(error), retry_after_s=getattr(error, "retry_after_s", row.retry_after_s))


def log_failure(failure: Failure, error: BaseException | None, **facts: Any) -> str:  # noqa: ANN401 - fields of a log line
    """Log a failure, and return the support code of the log line.

    Args:
        failure: what the user is shown.
        error: what was raised; None when something was refused without an error. For a failure on the server's side, type, code locations
            and cause of the error are logged, but not its text, which may quote a user.
        facts: further fields of the line, such as `run_id`.
    """
    told = {"support_code": new_support_code(), "code": failure.code, **facts}
    if error is not None and STATUS[failure.code] >= STATUS["internal"]:
        # The server raises these errors on purpose, so they are not defects.
        level = logging.INFO if isinstance(error, errors.DrainingError | errors.RunCutError | errors.NotReadyError) else logging.ERROR
        _logger.log(level, "a request failed", extra={**told, "error": describe(error)})
        if failure.code == "unavailable":
            unavailable().labels(cause_of(error)).inc()
    else:
        _logger.info("a request was refused", extra=told)
    return str(told["support_code"])


def new_support_code() -> str:
    """Return a code that a person can read aloud."""
    return f"NS-{secrets.token_hex(5).upper()}"
