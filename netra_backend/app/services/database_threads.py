"""The threads that work on one SQLite file. Each thread keeps its own connection, because opening a connection takes as long as a job.

Passing a job to a thread wakes the thread once, and passing the result back wakes the event loop once. No `concurrent.futures` object is
used.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Work on the database, and the task that waits for it."""

    work: Callable[[Connection], Any]
    answer: asyncio.Future[Any]

    def resolve(self, result: object = None, error: BaseException | None = None) -> None:
        """Pass the result to the waiting task, in its own event loop."""
        loop = self.answer.get_loop()
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._resolve, result, error)

    def _resolve(self, result: object, error: BaseException | None) -> None:
        if self.answer.done():
            return
        if error is not None:
            self.answer.set_exception(error)
        else:
            self.answer.set_result(result)


Do = Callable[[Connection, Sequence[Job]], None]
"""Does jobs on a connection, and resolves each of them.

Raises:
    Exception: the connection must not be used again; every job is resolved nevertheless.
"""


class DatabaseThreads:
    """Threads that do jobs in the order of arrival. They start with the first job.

    Args:
        name: name of the threads.
        engine: opens their connections.
        do: does the jobs.
        threads: number of threads.
        group: largest number of waiting jobs that are done together.
    """

    def __init__(self, name: str, engine: Engine, do: Do, *, threads: int = 1, group: int = 1) -> None:
        self._engine, self._do, self._group = engine, do, group
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        # Daemon threads, so that they do not keep a process alive if its application was never closed.
        self._threads = [threading.Thread(target=self._work, name=f"{name}_{number}", daemon=True) for number in range(threads)]
        self._started = False
        self._starting = threading.Lock()

    def put(self, job: Job) -> None:
        """Add a job, and start the threads if necessary."""
        if not self._started:
            self._start()
        self._jobs.put(job)

    def close(self) -> None:
        """Wait until all jobs are done, and close the connections."""
        if self._started:
            for _ in self._threads:
                self._jobs.put(None)
            for thread in self._threads:
                thread.join()

    def _start(self) -> None:
        with self._starting:
            if not self._started:
                for thread in self._threads:
                    thread.start()
                self._started = True

    def _work(self) -> None:
        connection: Connection | None = None
        last = False
        while not last:
            jobs, last = self._next()
            if jobs:
                connection = self._done(connection, jobs)
            jobs = []  # not kept while waiting: the jobs may hold large objects
        if connection is not None:
            _close(connection)

    def _next(self) -> tuple[list[Job], bool]:
        """Wait for jobs; return them, and whether they are the last ones."""
        job, jobs = self._jobs.get(), []
        while job is not None:
            jobs.append(job)
            if len(jobs) == self._group:
                return jobs, False
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return jobs, False
        return jobs, True

    def _done(self, connection: Connection | None, jobs: Sequence[Job]) -> Connection | None:
        """Do the jobs, and return the connection for the next jobs; None: a new connection must be opened."""
        try:
            connection = connection or self._engine.connect()
        except BaseException as error:  # noqa: BLE001 - passed to those who wait
            for job in jobs:
                job.resolve(error=error)
            return None
        try:
            self._do(connection, jobs)
        except BaseException:  # noqa: BLE001 - those who wait have it already
            _close(connection)
            return None
        return connection


def _close(connection: Connection) -> None:
    with contextlib.suppress(SQLAlchemyError):
        connection.close()
