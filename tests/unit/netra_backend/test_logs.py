import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from netra_backend.app.logs import Discreet, JsonFormatter, configure_logging, describe


def raised(error: Exception, cause: Exception | None = None) -> Exception:
    try:
        raise error from cause
    except type(error) as caught:
        return caught


def line(record: logging.LogRecord) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(JsonFormatter().format(record))
    return decoded


def test_a_record_is_one_line_of_json_with_its_extra_fields() -> None:
    record = logging.makeLogRecord(
        {"name": "netra", "levelname": "INFO", "msg": "a run %s", "args": ("began",), "run_id": "r\n1", "odd": {1, 2}}
    )
    formatted = JsonFormatter().format(record)
    assert "\n" not in formatted
    told = json.loads(formatted)
    assert (told["level"], told["logger"], told["message"], told["run_id"]) == ("info", "netra", "a run began", "r\n1")


def test_the_text_of_an_exception_is_not_logged() -> None:
    error = raised(ValueError("the words of a user"), cause=raised(KeyError("more words")))
    told = line(logging.makeLogRecord({"exc_info": (type(error), error, error.__traceback__)}))
    assert told["error"]["type"] == "builtins.ValueError"
    assert told["error"]["cause"]["type"] == "builtins.KeyError"
    assert "words" not in json.dumps(told["error"]["type"]) + json.dumps(told["error"]["cause"]["type"])
    assert "words of a user" not in json.dumps(told)


def test_the_place_of_an_exception_is_logged() -> None:
    [frame] = describe(raised(ValueError()))["frames"]
    assert frame.startswith(f"{__file__}:")
    assert frame.endswith(" raised")


def test_neither_clients_addresses_nor_queries_are_logged() -> None:
    record = logging.makeLogRecord(
        {"name": "uvicorn.error", "msg": '%s - "WebSocket %s" [accepted]', "args": ("203.0.113.9:1", "/ws/chat?token=secret")}
    )
    assert not Discreet().filter(record)


def test_a_line_about_no_request_stays_as_it_is() -> None:
    record = logging.makeLogRecord({"name": "uvicorn.error", "msg": "Started server process [%d]", "args": (7,)})
    assert Discreet().filter(record)
    assert record.getMessage() == "Started server process [7]"


@pytest.fixture
def restored_logging() -> Iterator[None]:
    root = logging.root
    handlers, level = root.handlers[:], root.level
    levels = {
        name: logging.getLogger(name).level
        for name in ("uvicorn", "uvicorn.error", "websockets", "openai", "httpx", "httpcore", "sqlalchemy.engine", "aiosqlite")
    }
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, kept in levels.items():
        logging.getLogger(name).setLevel(kept)


@pytest.mark.usefixtures("restored_logging")
def test_no_level_makes_libraries_log_what_users_write() -> None:
    configure_logging(logging.DEBUG)
    assert not logging.getLogger("uvicorn.error").isEnabledFor(logging.DEBUG)
    assert not logging.getLogger("openai").isEnabledFor(logging.DEBUG)
    assert logging.getLogger("netra_backend").isEnabledFor(logging.DEBUG)


@pytest.mark.usefixtures("restored_logging")
def test_the_logs_of_a_server_go_to_standard_error_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    for handler in logging.root.handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(sys.stderr)
    logging.getLogger("netra_backend.app").info("up")
    assert json.loads(capsys.readouterr().err)["message"] == "up"
