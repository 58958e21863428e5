"""On real files: after a backfill a tenant may be shadowed, and no longer if the store is not the one that was verified."""

import asyncio
import shutil
import sqlite3
from contextlib import closing

import pytest

from migration.model import Stage
from migration.rollout import Edits
from migration.settings import MigrationSettings
from migration.stores import Backfill, Coverage, Outbox, StoresDatabase
from netra_backend.app.execution.run_stores import _stored as stored
from netra_backend.app.execution.run_stores import open_run_stores
from netra_backend.app.services.runs.finished_run import FinishedRun
from tests.unit.migration.flags.making import at, flag_file


def run_of(number):
    run = FinishedRun(
        surface="chat",
        tenant_id="acme",
        user_id="ada",
        thread_id="t",
        run_id=f"run-{number}",
        engine="legacy",
        question="?",
        answer="!",
        outcome="completed",
        started_at=float(number),
        duration_s=1.0,
    )
    return stored(run)


class Backend:
    def __init__(self, folder, monkeypatch):
        self.folder, self.monkeypatch = folder, monkeypatch
        self.settings = MigrationSettings(
            home=folder, surfaces=("chat",), stores="netra_backend.app.execution.run_stores:open_run_stores", flags_source="file"
        )
        (folder / "flags.json").write_bytes(flag_file(at("dualwrite")))
        self.use("user.db")

    def use(self, name):
        """Let the settings name this file as the user store."""
        self.monkeypatch.setenv("NETRA_LEGACY_RUNS_URL", f"sqlite+aiosqlite:///{self.folder / 'legacy.db'}")
        self.monkeypatch.setenv("NETRA_USER_RUNS_URL", f"sqlite+aiosqlite:///{self.folder / name}")

    def finish(self, *numbers, stores=("legacy", "user")):
        async def write():
            async with open_run_stores() as opened:
                for store in stores:
                    await opened.stores[store].write([run_of(number) for number in numbers])

        asyncio.run(write())

    def backfill(self):
        async def fill():
            database = StoresDatabase(self.settings.outbox())
            async with open_run_stores() as stores:
                await Backfill("chat", "user", stores=stores, coverage=Coverage(database), outbox=Outbox(database)).run()
            database.close()

        asyncio.run(fill())

    def problems(self):
        with Edits(self.settings) as edits:
            return edits.share("chat", Stage.SHADOW).problems


@pytest.fixture
def backend(tmp_path, monkeypatch):
    made = Backend(tmp_path, monkeypatch)
    made.finish(1, 2, 3, stores=["legacy"])
    assert "no backfill of it was verified yet" in made.problems()[0]
    made.backfill()
    assert made.problems() == ()
    return made


def test_a_row_that_is_deleted_afterwards_is_noticed_by_the_next_edit(backend):
    with closing(sqlite3.connect(backend.folder / "user.db")) as database:
        (table,) = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%runs'").fetchone()
        assert database.execute(f"DELETE FROM {table} WHERE run_id = 'run-2'").rowcount == 1  # noqa: S608 - a table of the test
        database.commit()
    assert "it has 2 runs and had 3" in backend.problems()[0]
    backend.backfill()
    assert backend.problems() == ()


def test_an_old_file_that_is_put_back_is_noticed_by_the_next_edit(backend):
    shutil.copyfile(backend.folder / "user.db", backend.folder / "old.db")
    backend.finish(4)
    assert backend.problems() == ()
    shutil.copyfile(backend.folder / "old.db", backend.folder / "user.db")
    for rest in ("-wal", "-shm"):
        (backend.folder / f"user.db{rest}").unlink(missing_ok=True)
    assert "it has 3 runs and had 4" in backend.problems()[0]


def test_another_url_is_refused_even_if_the_file_there_has_the_same_runs(backend):
    with closing(sqlite3.connect(backend.folder / "user.db")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copyfile(backend.folder / "user.db", backend.folder / "other.db")
    backend.use("other.db")
    assert "the settings name another database" in backend.problems()[0]


def test_a_store_that_does_not_answer_proves_nothing(backend):
    (backend.folder / "user.db").write_bytes(b"x" * 4096)
    assert "it cannot be shown whether the run stores contain the history" in backend.problems()[0]
