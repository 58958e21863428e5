"""The databases of the tool's own facts: SQLite or PostgreSQL, opened on first use and again after a failure."""

import contextlib
import logging
import math
import os
import sqlite3
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import URL, Connection, Engine, MetaData, StaticPool, Table, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from migration.errors import ConfigurationError, MigrationError
from migration.extras import extra

logger = logging.getLogger(__name__)

IN_MEMORY = "sqlite://"
_WAIT_S = 5
_PAUSE_S = 0.005
# Any constant that no other application of the same PostgreSQL database uses.
_LOCK = 0x6E65747262


class SqlDatabase:
    """Transactions on a few tables. Threads may share it; making one opens nothing.

    Args:
        url: SQLAlchemy URL of SQLite or PostgreSQL.
        holds: its contents, in a word or two, for messages.
        setting: the variable that names the URL, for messages.
        prepare: makes or upgrades the tables.
        error: raised if the database cannot be used.
        flush: whether SQLite waits for the disk at every commit, so that a power failure loses nothing; a crash never does.
        wait_s: seconds that connecting, and waiting for another's lock, may take; with PostgreSQL also one statement. None: 5, and
            statements take as long as they take.

    Raises:
        ConfigurationError: the URL does not parse or names another database.
    """

    def __init__(
        self,
        url: str,
        *,
        holds: str,
        setting: str,
        prepare: Callable[[Engine], None],
        error: type[MigrationError],
        flush: bool = False,
        wait_s: float | None = None,
    ) -> None:
        self._holds, self._setting, self._prepare, self._error = holds, setting, prepare, error
        self._url = _parse(url, holds, setting)
        self.file = _file(self._url)  #: SQLite's file; None for PostgreSQL and for SQLite in memory
        self.engine = _engine(self._url, flush, wait_s)
        self.generation = 0  #: raised whenever the database was opened again: earlier data may be missing
        self._opened: tuple[int, int] | None = None
        self._ready = False
        self._lock = Lock()

    def close(self) -> None:
        """Close all connections. The next transaction connects again."""
        self.engine.dispose()

    def compact(self) -> None:
        """Make SQLite rewrite its file without removed data, and empty the write-ahead log. Nothing is done on PostgreSQL.

        Raises:
            MigrationError: of the class given at construction: the file cannot be written, or other processes use it.
        """
        if self.file is None or not self.file.exists():
            return
        with self.transaction("compact"):  # opens it, or raises the reason
            pass
        try:
            with self.engine.connect() as connection:
                connection.exec_driver_sql("VACUUM")
                busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
        except SQLAlchemyError as error:
            raise self._error(f"cannot compact {self._holds} at {self.file}: {getattr(error, 'orig', None) or error}; try again") from error
        if busy:
            raise self._error(f"cannot compact {self._holds} at {self.file}: other processes keep it in use; try again")

    @contextmanager
    def transaction(self, doing: str) -> Generator[Connection, None, None]:
        """Open the database, making and upgrading its tables if necessary, and run the block in one transaction.

        Args:
            doing: the purpose, in one word, for the error.

        Raises:
            MigrationError: of the class given at construction: the database is full, locked, missing or unreachable; nothing of the block
                is stored.
        """
        try:
            self._open()
            with self.engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, sqlite3.Error, OSError, UnicodeError) as error:
            self._ready = False
            where = self._url.render_as_string(hide_password=True)
            # The driver's own error says what is wrong; SQLAlchemy's adds the statement.
            cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0:1]
            raise self._error(
                f"cannot {doing} {self._holds} at {where}: {' '.join(cause) or type(error).__name__}; check its disk space, "
                f"permissions and other users, or set {self._setting}"
            ) from error

    def _open(self) -> None:
        """Make the tables on first use, after a failure, and when the file was removed: SQLite would continue to write into the removed
        file.
        """
        with self._lock:
            if self.file is not None and self._ready and _identity(self.file) != self._opened:
                logger.warning("the file %s (%s) was removed or replaced; a new one is used from here on", self.file, self._holds)
                self._ready = False
                self.engine.dispose()
            if self._ready:
                return
            if self.file is not None:
                _make_private(self.file)
            self._prepare(self.engine)
            self._opened = _identity(self.file) if self.file is not None else None
            self._ready = True
            self.generation += 1


def make_tables(engine: Engine, metadata: MetaData, *, rules: Callable[[Connection], Iterable[str]] = lambda _connection: ()) -> None:
    """Make the tables with all their rules if one is missing; once, however many processes start together.

    Args:
        engine: of the database.
        metadata: the tables.
        rules: gives statements that are executed after the tables were made.
    """
    with engine.connect() as connection:
        if _has_all(connection, metadata):
            return
        connection.rollback()
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        if not _has_all(connection, metadata):
            metadata.create_all(connection)
            for rule in rules(connection):
                connection.execute(text(rule))
        connection.commit()


def _has_all(connection: Connection, metadata: MetaData) -> bool:
    return set(metadata.tables) <= set(inspect(connection).get_table_names())


def insert_into(connection: Connection, table: Table) -> Any:  # noqa: ANN401 - the two dialects' inserts have no common type with upserts
    """Return an insert with support for conflict handling."""
    # Each dialect is imported where it is used: PostgreSQL's takes 0.07 s.
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


def _parse(url: str, holds: str, setting: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigurationError(f"{setting} is not an SQLAlchemy URL, such as sqlite:///{holds.replace(' ', '_')}.db") from error
    match parsed.get_backend_name():
        case "sqlite":
            return parsed.set(drivername="sqlite")
        case "postgresql" | "postgres":
            return parsed.set(drivername="postgresql+psycopg")
    raise ConfigurationError(f"{holds} cannot be kept in {parsed.get_backend_name()}; use sqlite or postgresql")


def _file(url: URL) -> Path | None:
    """Return SQLite's file; None for PostgreSQL and for SQLite in memory."""
    return Path(url.database) if url.drivername == "sqlite" and url.database not in {None, "", ":memory:"} else None


def _engine(url: URL, flush: bool, wait_s: float | None) -> Engine:
    if url.drivername != "sqlite":
        with extra("postgres"):
            return create_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args=_postgres_limits(wait_s))
    # One connection for all threads in memory: a second one would see another, empty database.
    pool: dict[str, Any] = {} if _file(url) else {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
    engine = create_engine(url, hide_parameters=True, **pool)
    event.listen(engine, "connect", lambda connection, _record: _set_up_sqlite(connection, flush, _WAIT_S if wait_s is None else wait_s))
    return engine


def _postgres_limits(wait_s: float | None) -> dict[str, Any]:
    if wait_s is None:
        return {"connect_timeout": _WAIT_S}
    # libpq takes connect_timeout in whole seconds, at least 2; only tcp_user_timeout detects a peer that vanished.
    limit_ms = round(wait_s * 1000)
    return {
        "connect_timeout": max(2, math.ceil(wait_s)),
        "tcp_user_timeout": limit_ms,
        "options": f"-c statement_timeout={limit_ms} -c lock_timeout={limit_ms}",
    }


def _set_up_sqlite(connection: sqlite3.Connection, flush: bool, wait_s: float) -> None:
    connection.execute(f"PRAGMA busy_timeout={round(wait_s * 1000)}")
    _write_ahead(connection)
    connection.executescript(
        f"PRAGMA synchronous={'FULL' if flush else 'NORMAL'}; "
        # Removed data is overwritten, not only unlinked.
        "PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON;"
    )


def _write_ahead(
    connection: sqlite3.Connection, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Switch the file to a write-ahead log.

    Two connections that switch a new file at once do not wait for each other: SQLite immediately reports to one of them that the file is
    locked, whatever its timeout, because waiting could deadlock (https://www.sqlite.org/c3ref/busy_handler.html).

    Raises:
        sqlite3.OperationalError: the file stayed locked, or cannot be written.
    """
    until = clock() + _WAIT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or clock() > until:
                raise
            sleep(_PAUSE_S)
        else:
            return


def _make_private(file: Path) -> None:
    """Make the file readable by its owner only, before SQLite makes it readable by more; its journals get the same mode.

    An existing file is not opened: closing it again would release every lock that this process' connections hold on it, and two processes
    that write at once destroy the file (https://www.sqlite.org/howtocorrupt.html, 2.2).
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            give_to_owner_of(file.parent, handle)
        finally:
            os.close(handle)


def give_to_owner_of(folder: Path, handle: int) -> None:
    """Give a new file that root made to the owner of its folder: otherwise the service could not open a file that an operator's command
    made.

    Raises:
        OSError: the file system does not let root give files away.
    """
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(handle, owner.st_uid, owner.st_gid)


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
