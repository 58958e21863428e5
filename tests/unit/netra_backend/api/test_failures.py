import logging

import pytest

from netra_backend.app import errors
from netra_backend.app.api.failures import failure_of, report

CODES = {
    errors.ThreadNotFoundError("no such thread"): "foreign_thread",
    errors.ForeignContextError("another user's"): "foreign_thread",
    errors.InvalidContextError("thread_id", "may not be blank"): "invalid_message",
    errors.InvalidPayloadError("message must be text"): "invalid_message",
    errors.UnknownAgentError("root", ["data"]): "invalid_message",
    errors.UserLimitExceededError(2, 2): "busy",
    errors.CapacityError(10, 10): "busy",
    errors.ModelTimeoutError("the model did not answer in time"): "internal",
    errors.NetraError("anything else of ours"): "internal",
    TimeoutError("raw"): "internal",
    RuntimeError("raw"): "internal",
}


@pytest.mark.parametrize(("error", "code"), CODES.items(), ids=lambda value: getattr(value, "__class__", type(value)).__name__)
def test_every_error_has_a_code(error: Exception, code: str) -> None:
    assert failure_of(error).code == code


@pytest.mark.parametrize(
    "error", [error for error in CODES if isinstance(error, errors.NetraError)], ids=lambda error: type(error).__name__
)
def test_the_text_of_our_own_errors_is_for_users(error: Exception) -> None:
    assert failure_of(error).message == str(error)


@pytest.mark.parametrize(
    "error", [RuntimeError("the words of a user"), TimeoutError("the words of a user"), KeyError("the words of a user")]
)
def test_the_text_of_other_errors_is_for_nobody(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        told = report(failure_of(error), error)
    assert "words" not in told.message
    assert all("words" not in str(vars(record)) for record in caplog.records)


def test_the_support_code_finds_the_log_record(caplog: pytest.LogCaptureFixture) -> None:
    error = RuntimeError()
    told = report(failure_of(error), error, run_id="run-1")
    [record] = caplog.records
    assert vars(record)["support_code"] == told.support_code
    assert vars(record)["run_id"] == "run-1"


def test_support_codes_differ() -> None:
    failure = failure_of(RuntimeError())
    assert len({report(failure).support_code for _ in range(50)}) == 50
