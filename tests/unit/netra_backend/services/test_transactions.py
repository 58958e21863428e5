"""One writer a SQLite file and process: what is asked for at once is committed together, and nobody fails for somebody else."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from netra_backend.app.services.database import open_engine
from netra_backend.app.services.transactions import transactions


@pytest.fixture
async def engines(tmp_path: Path) -> AsyncIterator[list[AsyncEngine]]:
    """Three sets of connections to one file, as a process has them."""
    opened = [open_engine(f"sqlite+aiosqlite:///{tmp_path / 'netra.db'}") for _ in range(3)]
    await transactions(opened[0]).write(run("CREATE TABLE things (name TEXT PRIMARY KEY)"))
    yield opened
    for engine in opened:
        await engine.dispose()


def run(statement: str, **parameters: Any) -> Any:
    def work(connection: Connection) -> Any:
        result = connection.execute(text(statement), parameters)
        return result.scalar() if result.returns_rows else None

    return work


def insert(name: str) -> Any:
    return run("INSERT INTO things VALUES (:name)", name=name)


async def test_two_hundred_writers_at_once_are_all_served_whichever_connections_they_use(engines: list[AsyncEngine]) -> None:
    commits = []

    async def write(number: int) -> None:
        def work(connection: Connection) -> None:
            commits.append(id(connection))
            insert(f"thing {number}")(connection)

        await transactions(engines[number % 3]).write(work)

    await asyncio.gather(*(write(number) for number in range(200)))
    assert await transactions(engines[0]).read(run("SELECT count(*) FROM things")) == 200
    assert len(set(commits)) < 100  # committed in groups


async def test_a_write_that_fails_fails_alone(engines: list[AsyncEngine]) -> None:
    database = transactions(engines[0])
    first = asyncio.gather(*(database.write(insert(name)) for name in ("a", "b", "a", "c")), return_exceptions=True)
    ends = await first
    assert [type(end) for end in ends if end is not None] == [IntegrityError]
    assert await database.read(run("SELECT count(*) FROM things")) == 3


async def test_what_was_answered_as_written_is_read(engines: list[AsyncEngine]) -> None:
    for name in ("a", "b"):
        await transactions(engines[0]).write(insert(name))
        assert await transactions(engines[1]).read(run("SELECT max(name) FROM things")) == name


async def test_readers_wait_for_no_writer_of_another_process(engines: list[AsyncEngine], tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "netra.db")
    other.execute("BEGIN IMMEDIATE")
    async with asyncio.timeout(1.0):
        assert await transactions(engines[0]).read(run("SELECT count(*) FROM things")) == 0
    other.close()


async def test_while_another_process_holds_the_file_all_who_wait_are_told_together_and_soon(
    engines: list[AsyncEngine], tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "netra.db")
    other.execute("BEGIN IMMEDIATE")
    async with asyncio.timeout(20.0):  # two of its time limits, whatever the number; one after the other it would be a minute
        ends = await asyncio.gather(*(transactions(engines[0]).write(insert(f"{number}")) for number in range(40)), return_exceptions=True)
    assert {type(end) for end in ends} == {OperationalError}
    other.close()
    await transactions(engines[0]).write(insert("back"))
    assert await transactions(engines[0]).read(run("SELECT count(*) FROM things")) == 1


async def test_whoever_stops_waiting_stops_no_write(engines: list[AsyncEngine]) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def work(connection: Connection) -> None:
        begun.set()
        go_on.wait(10.0)
        insert("kept")(connection)

    task = asyncio.create_task(transactions(engines[0]).write(work))
    await asyncio.to_thread(begun.wait, 10.0)
    task.cancel()
    go_on.set()
    await asyncio.gather(task, return_exceptions=True)
    await transactions(engines[0]).write(insert("next"))
    assert await transactions(engines[0]).read(run("SELECT count(*) FROM things")) == 2


async def test_a_disposed_engine_lets_go_of_the_file_and_may_be_used_again(engines: list[AsyncEngine]) -> None:
    await transactions(engines[1]).write(insert("a"))
    for engine in engines:
        await engine.dispose()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("database-")]
    assert await transactions(engines[1]).read(run("SELECT count(*) FROM things")) == 1


async def test_what_lies_in_memory_is_worked_on_too() -> None:
    engine = open_engine("sqlite+aiosqlite://")
    await transactions(engine).write(run("CREATE TABLE things (name TEXT PRIMARY KEY)"))
    await transactions(engine).write(insert("a"))
    assert await transactions(engine).read(run("SELECT count(*) FROM things")) == 1
    await engine.dispose()


async def test_a_reader_sees_what_was_written_since_its_last_read(engines: list[AsyncEngine], tmp_path: Path) -> None:
    database = transactions(engines[0])
    for number in range(4):  # both readers have read before
        other = sqlite3.connect(tmp_path / "netra.db")
        with other:
            other.execute("INSERT INTO things VALUES (?)", (f"{number}",))
        other.close()
        assert await database.read(run("SELECT count(*) FROM things")) == number + 1


async def test_work_that_fails_leaves_nothing_to_the_work_after_it(engines: list[AsyncEngine]) -> None:
    database = transactions(engines[0])

    def half(connection: Connection) -> None:
        insert("half")(connection)
        raise ValueError("halfway")

    for attempt in (database.write, database.read):
        with pytest.raises(ValueError, match="halfway"):
            await attempt(half)
    await database.write(insert("whole"))
    assert await database.read(run("SELECT group_concat(name) FROM things")) == "whole"


async def test_a_database_that_could_not_be_opened_is_opened_again(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite+aiosqlite:///{tmp_path / 'folder' / 'netra.db'}")
    (tmp_path / "folder").rmdir()
    for ask in (transactions(engine).read, transactions(engine).write):
        with pytest.raises(OperationalError):
            await ask(run("SELECT 1"))
    (tmp_path / "folder").mkdir()
    assert [await ask(run("SELECT 1")) for ask in (transactions(engine).write, transactions(engine).read)] == [1, 1]
    await engine.dispose()
