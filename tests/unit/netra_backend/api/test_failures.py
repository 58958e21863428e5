"""The table of errors: every surface says the same of an error, and none says what somebody wrote."""

import errno
import inspect
import logging
import sqlite3
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from netra_backend.app import errors
from netra_backend.app.api.auth import ForeignOriginError
from netra_backend.app.api.chat_messages import report
from netra_backend.app.api.failures import STATUS, failure_of
from netra_backend.app.api.problems import ProblemError, as_response, problem_of

LOCKED = OperationalError("INSERT secret", {}, sqlite3.OperationalError("database is locked"))
CASES: list[tuple[BaseException, str, str, bool]] = [
    # the error, its code in a chat and over HTTP, whether one is told when to try again
    (errors.AuthenticationError("no token"), "unauthenticated", "unauthenticated", False),
    (ForeignOriginError("another site"), "foreign_origin", "foreign_origin", False),
    (errors.ThreadNotFoundError("no such thread"), "foreign_thread", "foreign_thread", False),
    (errors.ForeignContextError("another user's"), "foreign_thread", "foreign_thread", False),
    (errors.InvalidContextError("thread_id", "may not be blank"), "invalid_message", "invalid_request", False),
    (errors.InvalidPayloadError("message must be text"), "invalid_message", "invalid_request", False),
    (errors.UnknownAgentError("root", ["data"]), "invalid_message", "unknown_agent", False),
    (errors.UnknownToolError("no such tool"), "unknown_tool", "unknown_tool", False),
    (errors.ToolArgumentsError("model must be text"), "invalid_message", "invalid_request", False),
    (errors.ToolPermissionError("you may not call it"), "permission_denied", "permission_denied", False),
    (errors.UserLimitExceededError(2, 2), "busy", "busy", True),
    (errors.CapacityError(10, 10), "busy", "busy", True),
    (errors.DrainingError(), "unavailable", "unavailable", True),
    (errors.RunCutError(), "unavailable", "unavailable", True),
    (errors.NotReadyError("chat"), "unavailable", "unavailable", True),
    (errors.EngineClosedError("closed"), "unavailable", "unavailable", True),
    (errors.ExecutionEngineFactoryError("shut down"), "unavailable", "unavailable", True),
    (errors.RunStoreUnavailableError("user_runs: OperationalError"), "unavailable", "unavailable", True),
    (LOCKED, "unavailable", "unavailable", True),
    (PoolTimeoutError("QueuePool limit"), "unavailable", "unavailable", True),
    (OSError(errno.ENOSPC, "No space left on device"), "unavailable", "unavailable", True),
    (OSError(errno.EMFILE, "Too many open files"), "unavailable", "unavailable", True),
    (MemoryError(), "unavailable", "unavailable", True),
    (TimeoutError("raw"), "timed_out", "timed_out", False),
    (errors.AgentTimeoutError("data", 25.0), "timed_out", "timed_out", False),
    (errors.ModelTimeoutError("the model did not answer in time"), "timed_out", "timed_out", False),
    (errors.NetraError("anything else of ours"), "internal", "internal", False),
    (IntegrityError("INSERT secret", {}, Exception("secret")), "internal", "internal", False),
    (RuntimeError("raw"), "internal", "internal", False),
]
OWN = [error for error, *_ in CASES if isinstance(error, errors.NetraError)]


def named(value: object) -> str:
    return type(value).__name__ if isinstance(value, BaseException) else str(value)


@pytest.mark.parametrize(("error", "in_chat", "over_http", "waits"), CASES, ids=named)
def test_chat_and_http_say_the_same_of_an_error(error: BaseException, in_chat: str, over_http: str, waits: bool) -> None:
    told, problem = report(failure_of(error), error), problem_of(error)
    assert (told.code, problem.code, told.message) == (in_chat, over_http, problem.message)
    assert (told.retry_after_s, "retry-after" in as_response(problem).headers) == (problem.retry_after_s, waits)
    assert as_response(problem).status_code == STATUS[failure_of(error).code]


@pytest.mark.parametrize("error", [error for error in OWN if failure_of(error).retry_after_s is None], ids=named)
def test_the_text_of_our_own_errors_is_for_users(error: Exception) -> None:
    assert failure_of(error).message == str(error)


def test_every_error_that_a_request_may_meet_is_in_the_table() -> None:
    raised_at_start = {errors.SettingsError}
    # Said inside a run, by its events: the run itself ends well or badly, and raises nothing of them.
    in_frames = set(errors.ModelError.__subclasses__()) | set(errors.AgentError.__subclasses__()) | {errors.ToolFailedError}
    bases = {errors.NetraError, errors.AgentError, errors.ModelError, errors.ToolError, errors.RunStoreError}
    ours = {kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.NetraError)}
    shown = {type(error) for error in OWN}
    # A run that its store will never take: an id that stands for another run. That is a defect, so "internal".
    assert ours - shown - raised_at_start - in_frames - bases == {errors.RunRefusedError}


@pytest.mark.parametrize(
    "error", [RuntimeError("the words of a user"), TimeoutError("the words of a user"), KeyError("the words of a user")]
)
def test_the_text_of_other_errors_is_for_nobody(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        told = report(failure_of(error), error)
    assert "words of a user" not in told.message
    assert all("words of a user" not in str(vars(record)) for record in caplog.records)


@pytest.mark.parametrize(("error", "cause"), [(LOCKED, "OperationalError"), (OSError(errno.ENOSPC, "full"), "ENOSPC")], ids=named)
def test_the_log_names_the_cause(error: Exception, cause: str, caplog: pytest.LogCaptureFixture) -> None:
    report(failure_of(error), error)
    [record] = caplog.records
    assert cause in str(vars(record)["error"])
    assert "secret" not in str(vars(record)["error"])


@pytest.mark.parametrize("error", [errors.DrainingError(), errors.RunCutError()], ids=named)
def test_what_the_server_does_on_purpose_is_no_error_line(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    report(failure_of(error), error)
    assert [record.levelno for record in caplog.records] == [logging.INFO]


def test_a_refusal_of_an_endpoint_says_what_the_endpoint_says(caplog: pytest.LogCaptureFixture) -> None:
    refusal: Any = ProblemError("rate_limited", "too many requests", retry_after_s=1.5)
    problem = problem_of(refusal)
    assert (problem.code, problem.message, problem.retry_after_s) == ("rate_limited", "too many requests", 1.5)
    assert all(record.levelno < logging.WARNING for record in caplog.records)


def test_the_support_code_finds_the_log_record(caplog: pytest.LogCaptureFixture) -> None:
    error = RuntimeError()
    told = report(failure_of(error), error, run_id="run-1")
    [record] = caplog.records
    assert vars(record)["support_code"] == told.support_code
    assert vars(record)["run_id"] == "run-1"


def test_support_codes_differ() -> None:
    failure = failure_of(RuntimeError())
    assert len({report(failure).support_code for _ in range(50)}) == 50
