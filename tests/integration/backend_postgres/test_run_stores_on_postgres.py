import asyncio
from dataclasses import dataclass

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from migration.model import Origin, Stage
from migration.stages import PLANS
from migration.stores import (
    AdaptedScan,
    AdaptedStore,
    Backfill,
    Coverage,
    Outbox,
    RunStores,
    StoredRun,
    StoresDatabase,
    Tombstones,
    watch_now,
)
from migration.telemetry.metrics import Metrics
from netra_backend.app.errors import RunRefusedError
from netra_backend.app.execution.run_stores import _RUNS
from netra_backend.app.services.runs.finished_run import FinishedRun
from netra_backend.app.services.runs.legacy import LegacyRunStore
from netra_backend.app.services.runs.sql_runs import SqlRuns
from netra_backend.app.services.runs.user import UserRunStore, user_run_scan

pytestmark = pytest.mark.server


def run_of(run_id: str = "run-1", **fields: object) -> FinishedRun:
    known = {"surface": "chat", "tenant_id": "acme", "user_id": "ada", "thread_id": "t", "engine": "legacy", "question": "q", "answer": "a"}
    return FinishedRun(**{"run_id": run_id, "outcome": "completed", "started_at": 1.5, "duration_s": 0.1, **known, **fields})


@dataclass
class Stores:
    legacy: LegacyRunStore
    user: UserRunStore
    user_scan: SqlRuns


@pytest.fixture
async def stores(postgres: AsyncEngine) -> Stores:
    async with postgres.begin() as connection:
        await connection.execute(text("DROP TABLE IF EXISTS agent_runs, user_runs, outbox, gaps, passes, tombstones, watched_days"))
    return Stores(LegacyRunStore(postgres), UserRunStore(postgres), user_run_scan(postgres))


async def test_a_thread_is_read_as_it_was_written_whatever_it_says(stores: Stores) -> None:
    odd = run_of(question="nul \x00, emoji \U0001f600", answer=None, outcome="failed", started_at=0.1 + 0.2)
    for store in (stores.legacy, stores.user):
        await store.write([odd])
        assert await store.thread("acme", "ada", "t") == [odd]
        assert await store.thread("globex", "ada", "t") == []


async def test_many_writers_of_one_run_write_it_once_and_another_run_of_its_id_is_refused(stores: Stores) -> None:
    for store in (stores.legacy, stores.user):
        await asyncio.gather(*(store.write([run_of()]) for _ in range(8)))
        with pytest.raises(RunRefusedError, match="already belongs to another run"):
            await store.write([run_of(answer="b")])
        assert await store.thread("acme", "ada", "t") == [run_of()]


async def test_pages_follow_the_order_of_code_points_not_of_a_language(stores: Stores) -> None:
    users = ["A", "B", "a", "b", "ä", "\U0001f600"]
    await stores.user.write([run_of(f"run-{user}", user_id=user) for user in reversed(users)])
    seen = await stores.user_scan.page("chat", None, 10)
    assert [run.user_id for run in seen] == users
    between = await stores.user_scan.between("chat", ("acme", "B", "", ""), ("acme", "b", "t", "run-b"))
    assert {run.user_id for run in between} == {"B", "a", "b"}


async def test_history_is_copied_and_verified_with_the_outbox_in_postgresql_too(stores: Stores, postgres_url: str) -> None:
    runs = [run_of(f"{tenant}-{number}", tenant_id=tenant) for tenant in ("acme", "globex") for number in range(5)]
    await stores.legacy.write(runs)
    database = StoresDatabase(postgres_url)
    outbox, coverage = Outbox(database), Coverage(database)
    both = RunStores(
        stores={"legacy": AdaptedStore(stores.legacy, _RUNS), "user": AdaptedStore(stores.user, _RUNS)},
        scans={"legacy": AdaptedScan(stores.legacy, _RUNS), "user": AdaptedScan(stores.user_scan, _RUNS)},
    )
    results = await Backfill("chat", "user", stores=both, coverage=coverage, outbox=outbox, page=3).run()
    assert [(result.tenant_id, result.runs, result.found, result.whole) for result in results] == [
        ("acme", 5, 5, True),
        ("globex", 5, 5, True),
    ]
    assert coverage.unproved_now("chat", "user") is None
    database.close()


async def test_of_several_processes_each_row_of_the_outbox_is_delivered_by_one(stores: Stores, postgres_url: str) -> None:
    databases = [StoresDatabase(postgres_url) for _ in range(4)]
    outboxes = [Outbox(database) for database in databases]
    for number in range(50):
        run = StoredRun(surface="chat", tenant_id="acme", user_id="ada", thread_id="t", run_id=f"run-{number}", started_at=1.0, body=b"{}")
        await outboxes[0].add(run, ["user"])
    claimed = await asyncio.gather(*(outbox.claim("user", 30, 60.0) for outbox in outboxes for _ in range(3)))
    ids = [claim.id for claims in claimed for claim in claims]
    assert len(ids) == len(set(ids))
    assert len(ids) >= 30
    for database in databases:
        database.close()


async def test_two_processes_count_the_runs_of_one_day_together(stores: Stores, postgres_url: str) -> None:
    databases = [StoresDatabase(postgres_url), StoresDatabase(postgres_url)]
    noon = 20_000.5 * 86_400
    for database in databases:
        one = Tombstones(database, surfaces=["chat"], metrics=Metrics(registry=CollectorRegistry()), clock=lambda: noon)
        for stage in (Stage.OFF, Stage.LIVE, Stage.OFF):
            one.count("chat", PLANS[stage])
        assert await one.flush()
    watch = watch_now(databases[0], "chat", days=1, now=noon + 86_400)
    assert {(one.stage, one.runs) for one in watch.of(origins=[Origin.CONTROL])} == {(Stage.OFF, 4), (Stage.LIVE, 2)}
    assert watch.unwatched == ()
    for database in databases:
        database.close()
