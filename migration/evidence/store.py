"""`EvidenceStore`: comparisons in, answers out, over SQLite or PostgreSQL."""

import logging
import os
import sqlite3
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import URL, Connection, Engine, StaticPool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from migration.errors import ConfigurationError, EvidenceError
from migration.evidence import reading, writing
from migration.evidence.excerpt import Aligner
from migration.evidence.redaction import Redactor
from migration.evidence.rows import Finding, RowMaker, ServedRun
from migration.evidence.schema import upgrade
from migration.evidence.views import ComparisonView, DivergenceDetail, DivergenceView, SurfaceSummary
from migration.model import Comparison, RunRecord, Verdict

logger = logging.getLogger(__name__)

_BATCH = 200
_WAIT_S = 5


class EvidenceStore:
    """What is known about divergences, kept. Threads may share it. It connects on first use, and again after a failure.

    Args:
        url: SQLAlchemy URL of SQLite or PostgreSQL; the tables are made and upgraded by itself.
        redactor: decides what stays readable of what is stored.
        clock: Unix seconds.
        align: aligns two streams for the excerpts kept with examples; None: no excerpts are kept.
        examples: occurrences of each kind of divergence whose values are kept.

    Raises:
        ConfigurationError: the URL does not parse or names another database.
    """

    def __init__(
        self,
        url: str,
        redactor: Redactor,
        clock: Callable[[], float] = time.time,
        *,
        align: Aligner | None = None,
        examples: int = 5,
    ) -> None:
        self._url = _parse(url)
        self._file = _file(self._url)
        self._rows = RowMaker(redactor, align)
        self._clock, self._examples = clock, examples
        self._engine = _engine(self._url)
        self._opened: tuple[int, int] | None = None
        self._ready = False
        self._lock = Lock()

    def store(self, served: ServedRun, shadow: RunRecord, comparison: Comparison) -> None:
        """Store one comparison; see `store_many`.

        Raises:
            EvidenceError: it could not be stored; nothing of it is.
        """
        self.store_many([(served, shadow, comparison)])

    def store_many(self, items: Iterable[tuple[ServedRun, RunRecord, Comparison]]) -> int:
        """Store comparisons, committing every 200, and return how many were new: one of the same surface, run and shadow is stored once.

        Raises:
            EvidenceError: the database is full, locked or gone. Whole batches before the failing one are stored; storing all again is safe.
        """
        findings = [Finding(*item) for item in items]
        new = 0
        for start in range(0, len(findings), _BATCH):
            with self._transaction("write") as connection:
                some = findings[start : start + _BATCH]
                new += writing.write(connection, some, self._rows, now=self._clock(), examples=self._examples)
        return new

    def prune(self, older_than_s: float) -> int:
        """Remove comparisons, and kinds of divergences not seen since, that are older; return how many comparisons were removed.

        Raises:
            EvidenceError: the database cannot be written.
        """
        with self._transaction("prune") as connection:
            return writing.remove_before(connection, self._clock() - older_than_s)

    def surfaces(self) -> list[str]:
        """Return the surfaces that have comparisons.

        Raises:
            EvidenceError: the database cannot be read.
        """
        with self._transaction("read") as connection:
            return reading.surfaces(connection)

    def summary(self, surface: str) -> SurfaceSummary:
        """Return what is known about one surface; all zero when nothing is.

        Raises:
            EvidenceError: the database cannot be read.
        """
        with self._transaction("read") as connection:
            return reading.summary(connection, surface)

    def divergences(
        self, surface: str | None = None, verdict: Verdict | None = None, kind: str | None = None, limit: int = 50
    ) -> list[DivergenceView]:
        """Return kinds of divergences, the most frequent first. None as a filter means any; `verdict` is that of the last occurrence.

        Raises:
            EvidenceError: the database cannot be read.
        """
        with self._transaction("read") as connection:
            return reading.divergences(connection, surface=surface, verdict=verdict, kind=kind, limit=limit)

    def divergence(self, fingerprint: str, surface: str | None = None) -> DivergenceDetail | None:
        """Return a kind of divergence with examples; None when there is no such kind.

        Args:
            fingerprint: 12 hex digits.
            surface: None: of several surfaces that have it, the one that saw it last.

        Raises:
            EvidenceError: the database cannot be read.
        """
        with self._transaction("read") as connection:
            return reading.divergence(connection, fingerprint, surface)

    def comparisons(
        self,
        surface: str | None = None,
        verdict: Verdict | None = None,
        *,
        tenant_id: str | None = None,
        run_id: str | None = None,
        fingerprint: str | None = None,
        limit: int = 50,
    ) -> list[ComparisonView]:
        """Return comparisons, the newest first. None as a filter means any.

        Raises:
            EvidenceError: the database cannot be read.
        """
        with self._transaction("read") as connection:
            return reading.list_comparisons(
                connection, surface=surface, verdict=verdict, tenant_id=tenant_id, run_id=run_id, fingerprint=fingerprint, limit=limit
            )

    def close(self) -> None:
        """Close all connections. The store may be used again and then connects anew."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self, doing: str) -> Generator[Connection, None, None]:
        try:
            self._open()
            with self._engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, sqlite3.Error, OSError, UnicodeError) as error:
            self._ready = False
            where = self._url.render_as_string(hide_password=True)
            # The driver's own error says what is wrong; SQLAlchemy's adds the statement.
            cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0:1]
            raise EvidenceError(
                f"cannot {doing} evidence at {where}: {' '.join(cause) or type(error).__name__}; "
                "see to its disk space, permissions and other users, or set NETRA_MIGRATION_EVIDENCE_URL"
            ) from error

    def _open(self) -> None:
        """Make the tables on first use, after a failure, and when the file was removed: SQLite would go on writing into the removed one."""
        with self._lock:
            if self._file is not None and self._ready and _identity(self._file) != self._opened:
                logger.warning("the evidence file %s was removed or replaced; a new one is used from here on", self._file)
                self._ready = False
                self._engine.dispose()
            if self._ready:
                return
            if self._file is not None:
                _make_private(self._file)
            upgrade(self._engine)
            self._opened = _identity(self._file) if self._file is not None else None
            self._ready = True


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigurationError("NETRA_MIGRATION_EVIDENCE_URL is no SQLAlchemy URL, such as sqlite:///evidence.db") from error
    match parsed.get_backend_name():
        case "sqlite":
            return parsed.set(drivername="sqlite")
        case "postgresql" | "postgres":
            return parsed.set(drivername="postgresql+psycopg")
    raise ConfigurationError(f"evidence cannot be kept in {parsed.get_backend_name()}; use sqlite or postgresql")


def _file(url: URL) -> Path | None:
    """Return SQLite's file; None for PostgreSQL and for SQLite in memory."""
    return Path(url.database) if url.drivername == "sqlite" and url.database not in {None, "", ":memory:"} else None


def _engine(url: URL) -> Engine:
    if url.drivername != "sqlite":
        return create_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args={"connect_timeout": _WAIT_S})
    # One connection for all threads in memory: a second one would see another, empty database.
    pool: dict[str, Any] = {} if _file(url) else {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
    engine = create_engine(url, hide_parameters=True, **pool)
    event.listen(engine, "connect", _set_up_sqlite)
    return engine


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.executescript(
        f"PRAGMA busy_timeout={_WAIT_S * 1000}; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; "
        # Pruned evidence is overwritten, not only forgotten.
        "PRAGMA secure_delete=ON;"
    )


def _make_private(file: Path) -> None:
    """Make the file readable by its owner only, before SQLite makes it readable by more; its journals get the same mode."""
    file.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
