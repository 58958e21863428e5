"""The migration's own tables about run stores, one transaction at a time."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, StaticPool
from sqlalchemy.exc import DBAPIError

from migration.database import SqlDatabase
from migration.errors import OutboxError
from migration.stores.tables import metadata

T = TypeVar("T")

_READERS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    doing: str
    work: Callable[[Connection], Any]
    answer: asyncio.Future[Any]

    def resolve(self, result: object = None, error: BaseException | None = None) -> None:
        """Pass the result to the waiting task, in its own loop."""
        self.answer.get_loop().call_soon_threadsafe(self._resolve, result, error)

    def _resolve(self, result: object, error: BaseException | None) -> None:
        if self.answer.cancelled():
            return
        if error is not None:
            self.answer.set_exception(error)
        else:
            self.answer.set_result(result)


class StoresDatabase:
    """The outbox's database. Committed data survives a crash of the process and of the machine.

    Since a commit waits for the disk for a millisecond or more, all concurrent requests are committed together.

    Args:
        url: SQLAlchemy URL of SQLite or PostgreSQL.

    Raises:
        ConfigurationError: the URL does not parse or names another database.
    """

    def __init__(self, url: str) -> None:
        self._database = SqlDatabase(
            url, holds="the outbox", setting="NETRA_MIGRATION_STORES_URL", prepare=_prepare, error=OutboxError, flush=True
        )
        # There is one thread, because writers of one SQLite file only wait for each other anyway.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="run-stores")
        # Readers of a file do not wait for writers or the disk. An in-memory database has one connection for all.
        self._readers = (
            self._thread if isinstance(self._database.engine.pool, StaticPool) else ThreadPoolExecutor(_READERS, "run-stores-read")
        )
        self._jobs: deque[_Job] = deque()
        self._busy = False
        self._lock = Lock()

    async def run(self, doing: str, work: Callable[[Connection], T]) -> T:
        """Do the work in a transaction, in another thread. The work may be repeated if the first transaction fails.

        Raises:
            OutboxError: the database cannot be used; none of the work is stored.
        """
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        with self._lock:
            self._jobs.append(_Job(doing=doing, work=work, answer=answer))
            idle, self._busy = not self._busy, True
        if idle:
            self._thread.submit(self._work_off)
        return await answer

    async def read(self, doing: str, work: Callable[[Connection], T]) -> T:
        """Return the result of a read, in another thread and in parallel with the writer. The read sees all data whose write was reported
        as done before the read began.

        Raises:
            OutboxError: the database cannot be read.
        """
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.run_now, doing, work)

    def run_now(self, doing: str, work: Callable[[Connection], T]) -> T:
        """Do the work in one transaction, in this thread.

        Raises:
            OutboxError: the database cannot be used; none of the work is stored.
        """
        with self._database.transaction(doing) as connection:
            return work(connection)

    def compact(self) -> None:
        """Make SQLite remove deleted data from its file. Raises OutboxError."""
        self._database.compact()

    @property
    def file(self) -> Path | None:
        """SQLite's file; None for PostgreSQL."""
        return self._database.file

    @property
    def exists(self) -> bool:
        """Whether the database exists: False only for a SQLite file that was never written."""
        return self._database.file is None or self._database.file.exists()

    def close(self) -> None:
        """Wait for the requested work, and close all connections."""
        self._thread.shutdown()
        self._readers.shutdown()
        self._database.close()

    def _work_off(self) -> None:
        while True:
            with self._lock:
                jobs = list(self._jobs)
                self._jobs.clear()
                self._busy = bool(jobs)
            if not jobs:
                return
            self._do(jobs)

    def _do(self, jobs: Sequence[_Job]) -> None:
        """Do the jobs in one transaction.

        If that fails, do each job in its own transaction, so that one job's failure does not affect others.
        """
        try:
            results = self.run_now(jobs[0].doing, lambda connection: [job.work(connection) for job in jobs])
        except Exception as error:  # noqa: BLE001 - passed to the caller
            if len(jobs) == 1:
                jobs[0].resolve(error=error)
                return
            for job in jobs:
                self._do([job])
            return
        for job, result in zip(jobs, results, strict=True):
            job.resolve(result)


def _prepare(engine: Engine) -> None:
    # Check and creation are not atomic, so a process that loses the race for a table checks again.
    for _ in metadata.tables:
        try:
            metadata.create_all(engine)
        except DBAPIError:
            continue
        return
    metadata.create_all(engine)
