"""The databases for the migration's own data: SQLite or PostgreSQL, opened on first use and reopened after a failure."""

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
    """Transactions on a few tables. Threads may share an object; its construction opens no connection.

    Args:
        url: SQLAlchemy URL of SQLite or PostgreSQL.
        holds: the contents of the database in one or two words, for messages.
        setting: the variable that names the URL, for messages.
        prepare: creates or upgrades the tables.
        error: raised if the database cannot be used.
        flush: whether SQLite waits for the disk at every commit, so that a power failure loses nothing. A crash of the process never loses
            a commit.
        wait_s: time limit in seconds for a connection and for a lock of another process; with PostgreSQL also for a statement. None: 5,
            without a limit for statements.

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
        self.generation = 0  #: increased each time the database is reopened, since earlier data may then be missing
        self._opened: tuple[int, int] | None = None
        self._ready = False
        self._lock = Lock()

    def close(self) -> None:
        """Close all connections. The next transaction connects again."""
        self.engine.dispose()

    def compact(self) -> None:
        """Make SQLite rewrite its file without removed data, and empty the write-ahead log. Nothing is done on PostgreSQL.

        Raises:
            MigrationError: the file cannot be written, or other processes use it; the error's class is the argument `error` of the
                constructor.
        """
        if self.file is None or not self.file.exists():
            return
        with self.transaction("compact"):  # opens the database, or raises the reason for the failure
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
        """Open the database, create or upgrade its tables if necessary, and run the block in one transaction.

        Args:
            doing: the purpose in one word, for the error message.

        Raises:
            MigrationError: the database is full, locked, missing or unreachable, and nothing of the block is stored; the error's class is
                the argument `error` of the constructor.
        """
        try:
            self._open()
            with self.engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, sqlite3.Error, OSError, UnicodeError) as error:
            self._ready = False
            where = self._url.render_as_string(hide_password=True)
            # The driver's error has the cause; SQLAlchemy's error would add the statement.
            cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0:1]
            raise self._error(
                f"cannot {doing} {self._holds} at {where}: {' '.join(cause) or type(error).__name__}; check its disk space, "
                f"permissions and other users, or set {self._setting}"
            ) from error

    def _open(self) -> None:
        """Create the tables on first use, after a failure, and after the file was removed, because SQLite would continue to write to the
        removed file.
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
    """Create all tables and rules if a table is missing. Of several processes that start together, only one does this.

    Args:
        engine: the database's engine.
        metadata: the tables.
        rules: returns statements to execute after the tables were created.
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
    # Each dialect is imported where it is used, because the import of PostgreSQL's takes 0.07 s.
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
    # An in-memory database has one connection for all threads, because a second connection would see another, empty database.
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

    Two connections that switch a new file at the same time do not wait for each other. SQLite immediately reports to one of them that the
    file is locked, without regard to the timeout, because waiting could deadlock (https://www.sqlite.org/c3ref/busy_handler.html).

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
    """Create the file so that only its owner can read it, before SQLite creates it with more permissions. Its journals get the same mode.

    An existing file is not opened: closing it would release every lock that this process' connections hold on it, and two processes that
    write without locks destroy the file (https://www.sqlite.org/howtocorrupt.html, 2.2).
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            give_to_owner_of(file.parent, handle)
        finally:
            os.close(handle)


def give_to_owner_of(folder: Path, handle: int) -> None:
    """Give a new file that root created to the owner of its folder. Otherwise the service could not open a file that an operator's command
    created.

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
