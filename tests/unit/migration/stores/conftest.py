"""Stores in memory that can be down, refuse or hang; a clock that stands still; everything of the package around them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from migration.errors import StoreRefusedError, StoreUnavailableError
from migration.flags.decision import Decision
from migration.model import Origin, RunRecord, RunRequest, Stage
from migration.stages import PLANS
from migration.stores import (
    Backfill,
    Coverage,
    Delivery,
    DualWriter,
    Outbox,
    Retry,
    RunKey,
    RunStores,
    StoredRun,
    StoresDatabase,
    ThreadReader,
    key_of,
)
from migration.stores.writing import StoreWrites
from migration.telemetry.metrics import Metrics


class FakeStore:
    """A run store and its scan. `during_write` runs inside each write, before anything is kept."""

    def __init__(self) -> None:
        self.runs: dict[RunKey, StoredRun] = {}
        self.down = False
        self.refuses: set[str] = set()  #: run ids
        self.hang: asyncio.Event | None = None
        self.asked = self.writes = 0  #: writes asked for; of these, those that it was there for
        self.began = asyncio.Event()  #: a write is under way
        self.during_write: Callable[[], None] = lambda: None
        self.on_page: Callable[[], None] = lambda: None

    async def write(self, runs: Sequence[StoredRun], /) -> None:
        self.asked += 1
        self._check()
        self.writes += 1
        self.began.set()
        if self.hang is not None:
            await self.hang.wait()
        self.during_write()
        for run in runs:
            if run.run_id in self.refuses or self.runs.get(key_of(run), run) != run:
                raise StoreRefusedError(f"the id of run {run.run_id} already belongs to another run")
        self.runs.update({key_of(run): run for run in runs})

    async def thread(self, tenant_id: str, user_id: str, thread_id: str, newest: int | None = None, /) -> list[StoredRun]:
        self._check()
        found = sorted(
            (run for key, run in self.runs.items() if key[:3] == (tenant_id, user_id, thread_id)), key=lambda run: run.started_at
        )
        return found if newest is None else found[-newest:]

    async def count(self, surface: str, /) -> int:
        self._check()
        return sum(run.surface == surface for run in self.runs.values())

    async def page(self, surface: str, after: RunKey | None, limit: int, /) -> list[StoredRun]:
        self._check()
        keys = sorted(key for key, run in self.runs.items() if run.surface == surface and (after is None or key > after))
        page = [self.runs[key] for key in keys[:limit]]
        self.on_page()
        return page

    async def between(self, surface: str, first: RunKey, last: RunKey, /) -> list[StoredRun]:
        self._check()
        return [run for key, run in self.runs.items() if run.surface == surface and first <= key <= last]

    @property
    def ids(self) -> set[str]:
        return {key[3] for key in self.runs}

    def _check(self) -> None:
        if self.down:
            raise StoreUnavailableError("the store is down")


class Clock:
    """Unix seconds that pass only when told."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def run_of(run_id: str = "run-1", **fields: Any) -> StoredRun:
    known = {"surface": "chat", "tenant_id": "acme", "user_id": "ada", "thread_id": "t-1", "started_at": 5.0, "body": b"{}"}
    return StoredRun(run_id=run_id, **{**known, **fields})


class World:
    """The whole package over two fake stores and one outbox file."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.patience_s = 10.0
        self.clock = Clock()
        self.legacy, self.user = FakeStore(), FakeStore()
        self.stages: dict[str, Stage] = {}  #: by tenant; off when missing
        self.metrics = Metrics(registry=CollectorRegistry())
        self.open()

    def open(self) -> None:
        """Begin as a process does; what was there before is in the stores and the outbox file."""
        self.database = StoresDatabase(self.url)
        self.outbox, self.coverage = Outbox(self.database, self.clock), Coverage(self.database, self.clock)
        self.stores = {"legacy": self.legacy, "user": self.user}
        writes = StoreWrites(self.stores, self.coverage, timeout_s=0.2)
        self.delivery = Delivery(
            outbox=self.outbox, writes=writes, metrics=self.metrics, retry=Retry(first_s=1, longest_s=8, refusals=3), jitter=lambda: 0.0
        )
        self.writer = DualWriter(
            writes=writes,
            outbox=self.outbox,
            delivery=self.delivery,
            finish=lambda record: self.finishes[record.request.run_id],
            metrics=self.metrics,
            patience_s=self.patience_s,
        )
        self.reader = ThreadReader(
            stores=self.stores,
            outbox=self.outbox,
            coverage=self.coverage,
            plan=lambda _, tenant: PLANS[self.stage(tenant)],
            surfaces=["chat"],
            metrics=self.metrics,
        )
        self.finishes: dict[str, StoredRun] = {}

    def close(self) -> None:
        self.database.close()

    def stage(self, tenant: str) -> Stage:
        return self.stages.get(tenant, Stage.OFF)

    async def finish(self, run: StoredRun, stage: Stage | None = None) -> None:
        """Write a finished run under a stage's plan; the tenant's own when none is given."""
        self.finishes[run.run_id] = run
        request = RunRequest(
            surface=run.surface,
            tenant_id=run.tenant_id,
            user_id=run.user_id,
            thread_id=run.thread_id,
            run_id=run.run_id,
            payload=b"{}",
            received_at=run.started_at,
        )
        record = RunRecord(
            request=request, origin=Origin.CONTROL, events=(), journal=(), outcome="completed", duration_s=0.1, trace_id=None
        )
        plan = PLANS[stage or self.stage(run.tenant_id)]
        await self.writer.write(record, Decision(plan=plan, reason="flag", flag_key="k", sampled=True))

    async def drain(self) -> None:
        """Deliver until nothing is due, however long the rows rest."""
        while any(lag.rows for lag in await self.outbox.lags()):
            self.clock.now += 120
            for store in ("legacy", "user"):
                await self.delivery.deliver_due(store)

    async def thread(self, tenant: str = "acme") -> list[str]:
        return [run.run_id for run in (await self.reader.thread(tenant, "ada", "t-1")).runs]

    def backfill(self, into: str = "user", **options: Any) -> Backfill:
        return Backfill(
            "chat", into, stores=RunStores(stores=self.stores, scans=self.stores), coverage=self.coverage, outbox=self.outbox, **options
        )

    def failures(self, operation: str = "stores.write") -> float:
        return self.metrics.registry.get_sample_value("migration_failures_total", {"operation": operation}) or 0.0

    def break_outbox(self) -> None:
        """From now on the outbox's database cannot be used."""
        self.database._database.close()
        self.database._database = StoresDatabase("sqlite:////dev/null/stores.db")._database


@pytest.fixture
def make_run() -> Callable[..., StoredRun]:
    return run_of


@pytest.fixture
async def world(tmp_path) -> AsyncIterator[World]:
    world = World(f"sqlite:///{tmp_path / 'stores.db'}")
    yield world
    world.close()
