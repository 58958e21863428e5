"""Logs: one JSON object on each line. They contain what happened and where, but never a text that a person wrote."""

import errno
import logging
import re
import traceback
from collections.abc import Iterable
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import unquote

import msgspec
from starlette.routing import Route, WebSocketRoute

FIELDS: Final = frozenset(
    """
    agent at_most_s close_code code engine_id error error_type event pid pids reason requests requests_left run_id runs runs_cut
    seconds status support_code surface tool where
    """.split()  # noqa: SIM905 - a list to be read
)
"""The fields that a line may have in addition to its message: words from the program, numbers, and generated ids. `error` is the result of
`describe`. Other fields are left out.
"""

_FRAMES: Final = 12  #: number of innermost traceback frames that are kept

#: Loggers that write message text, or addresses with secrets, at low levels, and the lowest level at which they do not.
_QUIET: Final = MappingProxyType(
    {
        "uvicorn.error": logging.INFO,  # DEBUG: every WebSocket frame
        "websockets": logging.INFO,  # the same
        "openai": logging.INFO,  # DEBUG: prompts and replies
        "httpx": logging.WARNING,  # INFO: every address that is called
        "httpcore": logging.INFO,  # DEBUG: headers with keys
        "sqlalchemy.engine": logging.WARNING,  # INFO: parameters of statements
        "aiosqlite": logging.INFO,  # DEBUG: the same
    }
)


def describe(error: BaseException) -> dict[str, Any]:
    """Return the origin of an exception: its type, `name`, code locations and cause.

    The message is left out because it may quote a user's text. `name` is the failure's name in the system or the database, such as ENOSPC
    or SQLITE_BUSY; a database error gets the name of the driver's error that caused it.
    """
    kind = type(error)
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    told: dict[str, Any] = {
        "type": f"{kind.__module__}.{kind.__qualname__}",
        "frames": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }
    if (name := _machine_name(error)) is not None:
        told["name"] = name
    if error.__cause__ is not None:
        told["cause"] = describe(error.__cause__)
    return told


def _machine_name(error: BaseException) -> str | None:
    """Return the name of this error in the system, SQLite or PostgreSQL; None when it has no such name.

    The name never contains a user's text.
    """
    driver = getattr(error, "orig", None) or error
    for name in (getattr(driver, "sqlite_errorname", None), getattr(driver, "sqlstate", None)):
        if isinstance(name, str):
            return name
    if isinstance(driver, OSError) and driver.errno is not None:
        return errno.errorcode.get(driver.errno)
    return type(driver).__name__ if driver is not error else None


def cause_of(error: BaseException) -> str:
    """Return the system's or database's name for the cause of an error, or else the type of the innermost error."""
    innermost, name = error, _machine_name(error)
    while innermost.__cause__ is not None:
        innermost = innermost.__cause__
        name = _machine_name(innermost) or name
    return name or type(innermost).__name__


class JsonFormatter(logging.Formatter):
    """Writes a record, with the allowed `extra` fields, as a JSON object; for an exception only the result of `describe`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        entry: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        entry |= {name: value for name, value in record.__dict__.items() if name in FIELDS}
        if record.exc_info and record.exc_info[1] is not None:
            entry["error"] = describe(record.exc_info[1])
        return msgspec.json.encode(entry, enc_hook=str).decode()


def _message(record: logging.LogRecord) -> str:
    # Only the first line of asyncio's messages is kept: the other lines contain the exception's text and the arguments of callbacks.
    return record.getMessage().partition("\n")[0] if record.name == "asyncio" else record.getMessage()


class Discreet(logging.Filter):
    """Removes private data from uvicorn's lines: clients' addresses, and paths and queries, which may contain tokens.

    A path is replaced by the template of its route, such as `/api/threads/{thread_id}`; a path without a route becomes `(no route)`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._routes: list[tuple[re.Pattern[str], str]] = []

    def know(self, routes: Iterable[object]) -> None:
        """Learn the routes of the application."""
        self._routes = [(route.path_regex, route.path) for route in routes if isinstance(route, Route | WebSocketRoute)]

    def filter(self, record: logging.LogRecord) -> bool:
        """Remove private data from the record, and return True: no record is dropped."""
        if record.name.startswith("uvicorn") and isinstance(record.args, tuple):
            args = [self._template(arg) if isinstance(arg, str) and arg.startswith("/") else arg for arg in record.args]
            # Lines about a request begin with the client's address: '%s - "WebSocket %s" [accepted]'.
            if str(record.msg).startswith('%s - "'):
                args[0] = "client"
            record.args = tuple(args)
        return True

    def _template(self, address: str) -> str:
        path = unquote(address.partition("?")[0])
        return next((template for pattern, template in self._routes if pattern.match(path)), "(no route)")


_discreet: Final = Discreet()


def know_routes(routes: Iterable[object]) -> None:
    """Use the routes of this application in the log lines about requests."""
    _discreet.know(routes)


def configure_logging(level: int = logging.INFO) -> None:
    """Send all logs of this process to standard error as JSON. For servers only: a program that embeds the backend keeps its own set-up.

    Args:
        level: level of the root logger; loggers that would write message text keep a higher level.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    handler.addFilter(_discreet)
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(level, least))
