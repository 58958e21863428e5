import asyncio
import fcntl
import os
import sqlite3
import sys
import threading
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import inspect, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from netra_backend.app.errors import SettingsError, ThreadNotFoundError
from netra_backend.app.services.database import create_schema, open_engine
from netra_backend.app.services.threads import ThreadStore


async def table_names(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as connection:
        return sorted(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))


async def test_a_new_database_gets_all_tables(engine: AsyncEngine) -> None:
    assert await table_names(engine) == ["action_plans", "prices", "threads", "usage"]


async def test_creating_the_schema_twice_changes_nothing(engine: AsyncEngine) -> None:
    await create_schema(engine)
    assert len(await table_names(engine)) == 4


async def test_processes_that_start_together_may_all_create_the_schema(tmp_path: Path) -> None:
    engines = [open_engine(f"sqlite+aiosqlite:///{tmp_path / 'netra.db'}") for _ in range(4)]
    await asyncio.gather(*(create_schema(engine) for engine in engines))
    assert len(await table_names(engines[0])) == 4
    for engine in engines:
        await engine.dispose()


async def test_sqlite_writes_ahead_and_waits_for_other_writers(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        mode = (await connection.execute(text("PRAGMA journal_mode"))).scalar_one()
        timeout_ms = (await connection.execute(text("PRAGMA busy_timeout"))).scalar_one()
    assert (mode, timeout_ms) == ("wal", 1500)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files for others")
async def test_a_database_that_root_makes_belongs_to_whom_its_folder_does(tmp_path: Path) -> None:
    os.chown(tmp_path, 1000, 1000)
    engine = open_engine(f"sqlite+aiosqlite:///{tmp_path / 'netra.db'}")
    await create_schema(engine)
    await engine.dispose()
    found = (tmp_path / "netra.db").stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (1000, 1000, 0o600)


async def test_a_new_connection_gives_up_no_lock_that_this_process_holds_on_the_file(tmp_path: Path) -> None:
    path = tmp_path / "netra.db"
    engine = open_engine(f"sqlite+aiosqlite:///{path}")
    await create_schema(engine)
    await engine.dispose()
    take = f"import fcntl; fcntl.lockf(open({str(path)!r}, 'r+'), fcntl.LOCK_EX | fcntl.LOCK_NB, 1)"
    with path.open("r+") as held:
        fcntl.lockf(held, fcntl.LOCK_EX, 1)  # one byte that SQLite does not lock
        async with engine.connect():
            other = await asyncio.create_subprocess_exec(sys.executable, "-c", take, stderr=asyncio.subprocess.PIPE)
            _, said = await other.communicate()
    await engine.dispose()
    assert b"BlockingIOError" in said


def test_the_folder_of_an_sqlite_file_is_made(tmp_path: Path) -> None:
    open_engine(SecretStr(f"sqlite+aiosqlite:///{tmp_path / 'a' / 'b' / 'netra.db'}"))
    assert (tmp_path / "a" / "b").is_dir()


@pytest.mark.parametrize(
    "url", ["", "var/hunter2.db", "sqlite:///hunter2.db", "oracle9://u:hunter2@db/x", "postgresql+psycopg2://u:hunter2@db/x"]
)
def test_a_url_that_cannot_be_used_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(SettingsError, match="NETRA_DATABASE_URL") as refused:
        open_engine(url)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("address", ["{}", "{}?timeout=3", "file:{}?uri=true"])
async def test_a_read_only_engine_reads_and_the_database_refuses_changes(address: str, engine: AsyncEngine, tmp_path: Path) -> None:
    read_only = open_engine(f"sqlite+aiosqlite:///{address.format(tmp_path / 'netra.db')}", read_only=True)
    assert await table_names(read_only) == ["action_plans", "prices", "threads", "usage"]
    async with read_only.connect() as connection:
        with pytest.raises(OperationalError, match="readonly"):
            await connection.execute(text("DELETE FROM prices"))
    await read_only.dispose()


async def test_a_read_only_engine_makes_no_file(tmp_path: Path) -> None:
    read_only = open_engine(f"sqlite+aiosqlite:///{tmp_path / 'new' / 'netra.db'}", read_only=True)
    with pytest.raises(OperationalError):
        await table_names(read_only)
    await read_only.dispose()
    assert not (tmp_path / "new").exists()


async def test_a_connection_that_fails_leaves_no_thread_behind_that_would_answer_a_closed_loop(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite+aiosqlite:///{tmp_path / 'new' / 'netra.db'}", read_only=True)
    before = set(threading.enumerate())
    for _ in range(20):
        with pytest.raises(OperationalError):
            await table_names(engine)
        assert not [thread for thread in set(threading.enumerate()) - before if "_connection_worker_thread" in thread.name]
    await engine.dispose()


async def test_a_new_sqlite_file_and_its_log_are_their_owners_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    engine = open_engine(f"sqlite+aiosqlite:///{tmp_path / 'netra.db'}")
    try:
        await create_schema(engine)
        assert [os.stat(tmp_path / name).st_mode & 0o777 for name in ("netra.db", "netra.db-wal")] == [0o600, 0o600]  # noqa: PTH116 - a mode
    finally:
        await engine.dispose()
        os.umask(old)


async def test_threads_of_before_are_made_a_tenants_own_once_and_keep_their_owners(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "netra.db") as old:
        old.execute(
            "CREATE TABLE threads (id VARCHAR(256) NOT NULL, tenant_id VARCHAR(256) NOT NULL, user_id VARCHAR(256) NOT NULL, "
            "created_at DATETIME DEFAULT (CURRENT_TIMESTAMP) NOT NULL, PRIMARY KEY (id))"
        )
        old.execute("INSERT INTO threads (id, tenant_id, user_id) VALUES ('support', 'acme', 'ada')")
    old.close()
    engines = [open_engine(f"sqlite+aiosqlite:///{tmp_path / 'netra.db'}") for _ in range(3)]
    await asyncio.gather(*(create_schema(engine) for engine in engines))
    threads = ThreadStore(engines[0])
    await threads.ensure("acme", "ada", "support")
    await threads.ensure("globex", "eve", "support")
    with pytest.raises(ThreadNotFoundError):
        await threads.ensure("acme", "bob", "support")
    for engine in engines:
        await engine.dispose()
