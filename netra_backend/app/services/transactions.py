"""Work on a database in transactions.

A SQLite file has only one writer at a time, and waiting writers try again repeatedly, in no order. So each process has one writer
for each file. Work that arrives during a commit is committed together in the next one, in the order of arrival. Readers work in parallel
with the writer and never wait. With a database server, each transaction has its own connection.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from netra_backend.app.services.database_threads import DatabaseThreads, Job
from netra_backend.app.services.sqlite_files import prepare_sqlite

T = TypeVar("T")

_READERS: Final = 2
#: Largest number of writes in one transaction, and the seconds of pause after it: other processes can write then, and more writes gather.
_GROUP: Final = 128
_REST_S: Final = 0.001


class Transactions(Protocol):
    """One database. Work gets a connection in a transaction, which is committed when the work returns."""

    async def read(self, work: Callable[[Connection], T], /) -> T:
        """Return the result of `work`, which must not change anything.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database cannot be read now, or refuses the query.
            Exception: any error of the work.
        """
        ...

    async def write(self, work: Callable[[Connection], T], /) -> T:
        """Return the result of `work` after it is committed. The work may run twice, if the first transaction fails.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database cannot be written now, or refuses the statement; nothing of the work is stored.
            Exception: any error of the work; nothing of the work is stored.
        """
        ...


_known: WeakKeyDictionary[Engine, Transactions] = WeakKeyDictionary()


def transactions(engine: AsyncEngine) -> Transactions:
    """Return the transactions of this engine's database, the same object at each call.

    The engine's `dispose()` closes the object; it opens again on its next use.
    """
    known = _known.get(engine.sync_engine)
    if known is None:
        # A file that is only opened for reading has no writer to wait for; a database in memory has no second connection.
        in_file = engine.dialect.name == "sqlite" and engine.url.database not in (None, "", ":memory:") and "mode" not in engine.url.query
        known = _known[engine.sync_engine] = _OfFile(engine) if in_file else _OfServer(engine)
    return known


class _OfServer:
    """One connection for each transaction."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def read(self, work: Callable[[Connection], T], /) -> T:
        async with self._engine.connect() as connection:
            return await connection.run_sync(work)

    async def write(self, work: Callable[[Connection], T], /) -> T:
        async with self._engine.begin() as connection:
            return await connection.run_sync(work)


class _OfFile:
    """The process's only writer of a SQLite file, and its readers."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._url = engine.url
        self._file: _File | None = None
        event.listen(engine.sync_engine, "engine_disposed", self._release)

    async def read(self, work: Callable[[Connection], T], /) -> T:
        return await self._opened().read(work)

    async def write(self, work: Callable[[Connection], T], /) -> T:
        return await self._opened().write(work)

    def _opened(self) -> "_File":
        if self._file is None:
            self._file = _File.of(self._url)
        return self._file

    def _release(self, _engine: object) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.release()


class _BusyError(Exception):
    """The file cannot be written now, for a reason that has nothing to do with the work."""


class _File:
    """One SQLite file. It counts the engines that use it, and is closed when the last engine releases it."""

    _open: Final[dict[str, "_File"]] = {}
    _opening: Final = threading.Lock()

    def __init__(self, url: URL) -> None:
        self._name = str(url.database)
        self._engine = create_engine(url.set(drivername="sqlite"), hide_parameters=True, pool_size=_READERS + 1, max_overflow=0)
        prepare_sqlite(self._engine)
        self._writer = DatabaseThreads("database-writer", self._engine, _write, group=_GROUP)
        self._readers = DatabaseThreads("database-reader", self._engine, _read, threads=_READERS)
        self.users = 0  #: number of engines that use the file

    @classmethod
    def of(cls, url: URL) -> "_File":
        """Return the process's object for this file, and count one more engine that uses it."""
        with cls._opening:
            file = cls._open.setdefault(str(url.database), cls(url))
            file.users += 1
            return file

    def release(self) -> None:
        """Count one engine less; close the file after the last one."""
        with self._opening:
            self.users -= 1
            if self.users:
                return
            del self._open[self._name]
        self._writer.close()
        self._readers.close()
        self._engine.dispose()

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self._answered(self._readers, work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        return await self._answered(self._writer, work)

    async def _answered(self, threads: DatabaseThreads, work: Callable[[Connection], T]) -> T:
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        threads.put(Job(work=work, answer=answer))
        return await answer


def _read(connection: Connection, jobs: Sequence[Job]) -> None:
    for job in jobs:
        try:
            result = job.work(connection)
            connection.rollback()  # the next work must see data that was written in between
        except BaseException as error:
            job.resolve(error=error)
            raise
        job.resolve(result)


def _write(connection: Connection, jobs: Sequence[Job]) -> None:
    """Do the jobs in one transaction. If a job fails, do each in a separate transaction, so that the others succeed."""
    try:
        results = _committed(connection, jobs)
    except _BusyError as busy:
        for job in jobs:
            job.resolve(error=busy.__cause__)
        raise
    except BaseException as error:  # noqa: BLE001 - passed to the caller
        if len(jobs) == 1:
            jobs[0].resolve(error=error)
        else:
            for job in jobs:
                _write(connection, [job])
    else:
        for job, result in zip(jobs, results, strict=True):
            job.resolve(result)
        time.sleep(_REST_S)


def _committed(connection: Connection, jobs: Sequence[Job]) -> list[Any]:
    try:
        # Begin as a writer: a transaction that reads first and writes later fails when another process has written in between.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    except SQLAlchemyError as error:
        raise _BusyError from error
    try:
        results = [job.work(connection) for job in jobs]
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return results
