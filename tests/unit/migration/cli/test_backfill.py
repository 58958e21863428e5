"""`netra-migration backfill`, the stages that wait for it, and what `status` says of the run stores."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import ModuleType

import pytest
from typer.testing import CliRunner

from migration.cli.app import app
from migration.errors import StoreUnavailableError
from migration.stores import Coverage, Outbox, RunStores, StoredRun, StoresDatabase, key_of

FORCE = ("--force", "--reason", "no evidence here")


class MemoryStore:
    """A run store and its scan."""

    def __init__(self) -> None:
        self.runs: dict = {}
        self.down = False

    async def write(self, runs, /):
        self.runs.update({key_of(run): run for run in runs})

    async def thread(self, *ids):
        return [run for key, run in self.runs.items() if key[:3] == ids]

    async def count(self, surface, /):
        if self.down:
            raise StoreUnavailableError("agent_runs: OperationalError; check the database")
        return len(self.runs)

    async def page(self, surface, after, limit, /):
        return [self.runs[key] for key in sorted(self.runs) if after is None or key > after][:limit]

    async def between(self, surface, first, last, /):
        return [run for key, run in self.runs.items() if first <= key <= last]


class Stores(ModuleType):
    """What the setting's import string names: a backend with two stores in memory."""

    def __init__(self) -> None:
        super().__init__("stores_of_the_test")
        self.legacy, self.user = MemoryStore(), MemoryStore()
        both = {"legacy": self.legacy, "user": self.user}

        @asynccontextmanager
        async def opened() -> AsyncIterator[RunStores]:
            yield RunStores(stores=both, scans=both)

        self.opened = opened

    def add(self, run_id: str, tenant_id: str = "acme") -> StoredRun:
        run = StoredRun(surface="chat", tenant_id=tenant_id, user_id="ada", thread_id="t", run_id=run_id, started_at=1.0, body=b"{}")
        self.legacy.runs[key_of(run)] = run
        return run


@pytest.fixture
def stores(monkeypatch) -> Stores:
    stores = Stores()
    monkeypatch.setitem(sys.modules, stores.__name__, stores)
    return stores


@pytest.fixture
def run(tmp_path, monkeypatch, stores) -> Callable:
    monkeypatch.setenv("NETRA_MIGRATION_HOME", str(tmp_path))
    monkeypatch.setenv("NETRA_MIGRATION_SURFACES", '["chat", "batch"]')
    monkeypatch.setenv("NETRA_MIGRATION_STORES", f"{stores.__name__}:opened")
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: CliRunner().invoke(app, arguments)


@pytest.fixture
def database(tmp_path):
    database = StoresDatabase(f"sqlite:///{tmp_path / 'stores.db'}")
    yield database
    database.close()


def test_it_copies_and_says_what_it_found_by_tenant(run, stores):
    for number in range(3):
        stores.add(f"run-{number}")
    stores.add("run-9", "globex")
    result = run("backfill", "chat", "--json")
    report = json.loads(result.stdout)
    assert (result.exit_code, report["copied"], report["whole"], stores.user.runs == stores.legacy.runs) == (0, 4, True, True)
    assert [(row["tenant_id"], row["runs"], row["found"], row["whole"]) for row in report["tenants"]] == [
        ("acme", 3, 3, True),
        ("globex", 1, 1, True),
    ]
    assert json.loads(run("backfill", "chat", "--json").stdout)["copied"] == 0


def test_a_stage_that_reads_the_user_store_is_refused_until_the_backfill_is_verified(run):
    assert run("stage", "set", "chat", "dualwrite", "--all", "--yes").exit_code == 0
    refused = run("stage", "set", "chat", "shadow", "--all", "--yes")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "no backfill of it was verified yet; run `netra-migration backfill chat --to user` first" in refused.stderr
    assert json.loads(run("stage", "show", "chat", "--json").stdout)["surfaces"][0]["stages"] == {"dualwrite": 100.0}
    assert run("backfill", "chat").exit_code == 0
    assert run("stage", "set", "chat", "shadow", "--all", "--yes", *FORCE).exit_code == 0


def test_a_tenant_whose_runs_are_missing_is_named_and_others_may_move(run, database):
    run("stage", "set", "chat", "dualwrite", "--all", "--yes")
    run("backfill", "chat")
    asyncio.run(Coverage(database).begin_without("chat", "acme", "user"))
    refused = run("stage", "set", "chat", "shadow", "--all", "--yes")
    assert (refused.exit_code, "it lacks runs of acme" in refused.stderr) == (2, True)
    assert run("stage", "set", "chat", "shadow", "--tenant", "globex", "--yes", *FORCE).exit_code == 0


def test_going_back_to_control_waits_for_the_legacy_store(run, stores, database):
    run("stage", "set", "chat", "dualwrite", "--all", "--yes")
    run("backfill", "chat")
    for stage in ("shadow", "live", "rampdown", "complete"):
        assert run("stage", "set", "chat", stage, "--all", "--yes", *FORCE).exit_code == 0
    asyncio.run(Coverage(database).mark("chat", "acme", "legacy"))
    assert [run("stage", "set", "chat", stage, "--all", "--yes").exit_code for stage in ("rampdown", "live")] == [0, 0]
    refused = run("stage", "set", "chat", "shadow", "--all", "--yes")
    assert (refused.exit_code, "run `netra-migration backfill chat --to legacy` first" in refused.stderr) == (2, True)
    assert run("backfill", "chat", "--to", "legacy").exit_code == 0
    assert run("stage", "set", "chat", "shadow", "--all", "--yes").exit_code == 0


def test_a_tenant_that_is_not_whole_is_exit_code_1_with_the_reason(run, stores, database):
    stores.add("run-1")
    asyncio.run(Coverage(database).begin_without("chat", "acme", "user"))
    result = run("backfill", "chat")
    assert (result.exit_code, "NO" in result.stdout) == (1, True)
    assert "chat: acme: runs are still being written to the legacy store alone" in result.stderr


def test_a_store_that_does_not_answer_is_exit_code_2(run, stores):
    stores.legacy.down = True
    result = run("backfill", "chat", "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "agent_runs: OperationalError; check the database" in result.stderr


@pytest.mark.parametrize(
    ("setting", "arguments", "message"),
    [
        (None, ("checkout",), "unknown surface 'checkout'; use one of: chat, batch"),
        (None, ("chat", "--to", "moon"), "moon"),
        ("", ("chat",), "NETRA_MIGRATION_STORES is empty"),
        ("nowhere:stores", ("chat",), "cannot be imported"),
    ],
)
def test_wrong_use_is_exit_code_2_with_what_to_do(run, monkeypatch, setting, arguments, message):
    if setting is not None:
        monkeypatch.setenv("NETRA_MIGRATION_STORES", setting)
    result = run("backfill", *arguments)
    assert (result.exit_code, message in result.stderr) == (2, True)


def test_status_shows_which_store_is_how_far_behind(run, stores, database):
    asyncio.run(Outbox(database, clock=lambda: 0.0).add(stores.add("run-1"), ["user"]))
    result = run("status", "--json")
    (lag,) = json.loads(result.stdout)["run_stores"]["waiting"]
    assert (result.exit_code, lag["surface"], lag["store"], lag["rows"], lag["parked"]) == (0, "chat", "user", 1, 0)
    assert lag["oldest_s"] > 0
    assert "Run stores" in run("status").stdout


def test_status_asks_for_a_person_when_a_run_is_parked(run, stores, database):
    async def park():
        outbox = Outbox(database)
        await outbox.add(stores.add("run-1"), ["user"])
        (claim,) = await outbox.claim("user", 1, 60)
        await outbox.refused(claim, delay_s=None, error="another run has this id")

    asyncio.run(park())
    result = run("status")
    assert result.exit_code == 1
    assert "the user store refused 1 runs (another run has this id)" in result.stderr


def test_status_without_an_outbox_says_nothing_of_it_and_makes_none(run, tmp_path):
    assert json.loads(run("status", "--json").stdout)["run_stores"] == {"waiting": [], "lacking": [], "error": None}
    assert not (tmp_path / "stores.db").exists()
