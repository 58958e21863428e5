import ast
import errno
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netra_backend.app.api import chat, health, threads
from netra_backend.app.logs import FIELDS, Discreet, JsonFormatter, configure_logging, describe

ROOT = Path(__file__).parents[3] / "netra_backend"


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
        {"name": "netra", "levelname": "INFO", "msg": "a run %s", "args": ("began",), "run_id": "r\n1", "runs": {1, 2}}
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
    assert "words of a user" not in json.dumps(told["error"]["type"]) + json.dumps(told["error"]["cause"]["type"])
    assert "words of a user" not in json.dumps(told)


def test_the_place_of_an_exception_is_logged() -> None:
    [frame] = describe(raised(ValueError()))["frames"]
    assert frame.startswith(f"{__file__}:")
    assert frame.endswith(" raised")


def test_neither_clients_addresses_nor_queries_are_logged() -> None:
    record = logging.makeLogRecord(
        {"name": "uvicorn.error", "msg": '%s - "WebSocket %s" [accepted]', "args": ("203.0.113.9:1", "/ws/chat?token=secret")}
    )
    assert Discreet().filter(record)
    assert record.getMessage() == 'client - "WebSocket (no route)" [accepted]'


def access(path: str) -> str:
    record = logging.makeLogRecord(
        {"name": "uvicorn.access", "msg": '%s - "%s %s HTTP/%s" %d', "args": ("203.0.113.9:1", "GET", path, "1.1", 200)}
    )
    discreet = Discreet()
    discreet.know([*chat.router.routes, *threads.router.routes, *health.router.routes])
    discreet.filter(record)
    return record.getMessage()


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/ws/chat?token=hunter2", "/ws/chat"),
        ("/api/threads/hunter2?limit=hunter2", "/api/threads/{thread_id}"),
        ("/health?hunter2", "/health"),
        ("/hunter2", "(no route)"),
        ("/api/threads/hunter2%2Fx", "(no route)"),
    ],
)
def test_a_line_about_a_request_names_its_route_and_not_its_path(path: str, template: str) -> None:
    assert access(path) == f'client - "GET {template} HTTP/1.1" 200'


def test_a_field_that_is_not_on_the_list_is_left_out() -> None:
    assert "hunter2" not in json.dumps(line(logging.makeLogRecord({"msg": "m", "request_id": "hunter2", "headers": {"a": "hunter2"}})))


def test_every_field_that_our_code_logs_is_on_the_list() -> None:
    logged = {
        key.value
        for source in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.keyword) and node.arg == "extra" and isinstance(node.value, ast.Dict)
        for key in node.value.keys
        if isinstance(key, ast.Constant)
    }
    assert "run_id" in logged
    assert logged <= FIELDS | {"request_id"}  # which clients choose


def test_what_a_task_raised_and_nobody_took_is_not_quoted() -> None:
    text = "Task exception was never retrieved\nfuture: <Task finished exception=ValueError('hunter2')>"
    assert line(logging.makeLogRecord({"name": "asyncio", "msg": text}))["message"] == "Task exception was never retrieved"


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


def test_the_cause_of_a_failed_request_is_on_its_line() -> None:
    error = raised(OSError(errno.ENOSPC, "the words of a user"))
    told = line(logging.makeLogRecord({"msg": "a request failed", "error": describe(error)}))
    assert (told["error"]["name"], "words of a user" in json.dumps(told)) == ("ENOSPC", False)
