"""Opens SQLite files so that only their owner can ever read them, and so that removed data is overwritten."""

import contextlib
import os
import sqlite3
import time
from typing import Any, Final

from sqlalchemy import Engine, event

#: Milliseconds for which another process may hold the file. After that, users get the error that the database does not answer.
BUSY_MS: Final = 1500
_PRAGMAS: Final = (f"busy_timeout={BUSY_MS}", "synchronous=NORMAL", "secure_delete=ON")
_SWITCH_S: Final = 5.0
_PAUSE_S: Final = 0.01


def prepare_sqlite(engine: Engine) -> None:
    """Set up each new connection of the engine, and create its file if it is missing."""
    event.listen(engine, "do_connect", _own)
    event.listen(engine, "connect", _set_up)


def _own(_dialect: object, _record: object, arguments: Any, _options: object) -> None:  # noqa: ANN401 - as the dialect gives them
    """Create the file before SQLite does, because SQLite would let others read it. SQLite gives the log the same mode and owner.

    An existing file is not opened: closing it again would release every lock that connections of this process hold on it
    (https://www.sqlite.org/howtocorrupt.html, 2.2).
    """
    name = str(arguments[0]) if arguments else ""
    if name and name != ":memory:" and not name.startswith("file:"):
        with contextlib.suppress(OSError):  # SQLite reports the error when it opens the file
            handle = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                if os.geteuid() == 0:  # the service, which owns the folder, must be able to open the file
                    folder = os.stat(os.path.dirname(name) or ".")  # noqa: PTH116, PTH120 - a name as the dialect gives it
                    os.fchown(handle, folder.st_uid, folder.st_gid)
            finally:
                os.close(handle)


def _set_up(connection: Any, _record: object) -> None:  # noqa: ANN401 - a DB-API connection has no type
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    _write_ahead(cursor)
    cursor.close()


def _write_ahead(cursor: Any) -> None:  # noqa: ANN401 - a DB-API cursor has no type
    """Switch the file to a write-ahead log, permanently.

    When two connections switch a new file at the same time, one of them immediately gets the error that the file is locked. SQLite does not
    wait here, because waiting could deadlock (https://www.sqlite.org/c3ref/busy_handler.html).

    Raises:
        sqlite3.OperationalError: the file stayed locked, or cannot be written.
    """
    until = time.monotonic() + _SWITCH_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(_PAUSE_S)
        else:
            return
