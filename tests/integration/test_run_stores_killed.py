"""Processes killed with SIGKILL: whatever was reported complete is in every store that its stage promised."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from migration.model import Stage
from migration.settings import MigrationSettings
from migration.stages import PLANS, STAGE_ORDER
from migration.stores import Coverage, Delivery, Outbox, StoresDatabase, ThreadReader
from migration.stores.writing import StoreWrites
from migration.telemetry.metrics import Metrics
from netra_backend.app.config import Settings
from netra_backend.app.execution import open_run_stores
from netra_backend.app.execution.demo.backend import Backend
from tests.unit.migration.flags.making import flag_file, surface_flag

CHILD = Path(__file__).with_name("run_store_child.py")
#: Each stage, with each store and moment at which a process can die while it writes there.
DEATHS = [(stage, store, when) for stage in STAGE_ORDER for store in PLANS[stage].writes for when in ("before", "after")]


async def after_the_restart(home: Path, stage: Stage) -> tuple[dict[str, set[str]], set[str]]:
    """Return each store's run ids once the outbox drained, and what the thread read as before that."""
    metrics = Metrics(registry=CollectorRegistry())
    database = StoresDatabase(MigrationSettings(home=home).outbox())
    # Later: the leases of the dead process have ended.
    outbox, coverage = Outbox(database, clock=lambda: 4e9), Coverage(database)
    async with open_run_stores(Settings(home=home, jwt_secret="s" * 32)) as opened:
        reader = ThreadReader(
            stores=opened.stores, outbox=outbox, coverage=coverage, plan=lambda *_: PLANS[stage], surfaces=["chat"], metrics=metrics
        )
        read = {run.run_id for run in (await reader.thread("acme", "ann", "thread-1")).runs}
        delivery = Delivery(outbox=outbox, writes=StoreWrites(opened.stores, coverage), metrics=metrics)
        for store in ("legacy", "user"):
            await delivery.deliver_due(store)
        assert await outbox.lags() == []
        kept = {store: {run.run_id for run in await opened.stores[store].thread("acme", "ann", "thread-1")} for store in ("legacy", "user")}
    database.close()
    return kept, read


@pytest.fixture(scope="module")
def died(tmp_path_factory):
    """Of each death: the home of the process, its exit code, and the runs that it reported."""
    homes = [tmp_path_factory.mktemp("home") for _ in DEATHS]
    words = [word for home, (stage, store, when) in zip(homes, DEATHS, strict=True) for word in (home, stage.value, store, when, "3")]
    done = subprocess.run([sys.executable, CHILD, *words], capture_output=True, text=True, timeout=300, check=True)
    ends = map(json.loads, done.stdout.splitlines())
    return {death: (home, code, set(told.split())) for death, home, (code, told) in zip(DEATHS, homes, ends, strict=True)}


@pytest.mark.parametrize(("stage", "store", "when"), DEATHS, ids=str)
async def test_a_process_that_dies_while_it_writes_a_run_loses_none_that_it_reported_and_halves_none(died, stage, store, when):
    home, code, reported = died[stage, store, when]
    assert code == -signal.SIGKILL
    kept, read = await after_the_restart(home, stage)
    promised = [kept[name] for name in PLANS[stage].writes]
    assert reported <= read
    assert all(reported <= runs for runs in promised)
    assert all(runs == promised[0] for runs in promised)
    assert all(not kept[name] for name in kept.keys() - set(PLANS[stage].writes))


@asynccontextmanager
async def serving(home: Path, tenants: Iterable[str]) -> AsyncIterator[Backend]:
    backend = Backend(home, home / "ledger")
    try:
        await backend.start(list(tenants))
        yield backend
    finally:
        await backend.aclose()


class Talker:
    """A user who talks in one thread, and remembers which runs were reported finished."""

    def __init__(self, tenant: str) -> None:
        self.tenant, self.begun, self.finished = tenant, [], []

    async def talk(self, url: str, token: str) -> None:
        """Chat until the connection breaks."""
        async with connect(url, additional_headers={"Authorization": f"Bearer {token}"}, proxy=None) as socket:
            while True:
                message = {"type": "chat", "message": "hello", "agent": "assistant", "thread_id": f"thread-of-{self.tenant}"}
                await socket.send(json.dumps(message))
                told: dict[str, Any] = {}
                while told.get("type") != "run_finished":
                    told = json.loads(await socket.recv())
                    assert told["type"] != "error", told
                    if told["type"] == "run_accepted":
                        self.begun.append(told["run_id"])
                assert told["outcome"] == "completed"
                self.finished.append(told["run_id"])


async def thread_of(backend: Backend, tenant: str, token: str) -> list[str]:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{backend.url}/api/threads/thread-of-{tenant}?limit=1000", headers={"Authorization": f"Bearer {token}"})
    return [run["run_id"] for run in answer.raise_for_status().json()["runs"]]


async def test_a_server_killed_under_load_again_and_again_has_every_run_that_its_users_saw_finished(tmp_path):
    stages = {f"tenant-{stage.value}": stage for stage in STAGE_ORDER}
    migration = MigrationSettings(home=tmp_path)
    pins = {tenant: stage.value for tenant, stage in stages.items()}
    migration.path(migration.flags_file).write_bytes(flag_file(surface_flag(pins=pins)))
    talkers = [Talker(tenant) for tenant in stages]
    for wanted in (20, 45):
        async with serving(tmp_path, stages) as backend:
            tasks = [asyncio.create_task(one.talk(backend.chat_url, backend.token(one.tenant, "ann"))) for one in talkers]
            async with asyncio.timeout(60):
                while sum(len(one.finished) for one in talkers) < wanted:  # noqa: ASYNC110 - six clients are told by a server
                    await asyncio.sleep(0.005)
            backend._process.kill()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(end, ConnectionClosed) for end in ends), ends

    async with serving(tmp_path, stages) as backend:
        for one in talkers:
            read = await thread_of(backend, one.tenant, backend.token(one.tenant, "ann"))
            assert set(one.finished) <= set(read) <= set(one.begun)
            assert [run for run in read if run in one.finished] == one.finished

    database = StoresDatabase(migration.outbox())
    # What the dead processes had begun rests for as long as their leases, which have ended by then.
    outbox = Outbox(database, clock=lambda: 4e9)
    async with open_run_stores(Settings(home=tmp_path, jwt_secret="s" * 32)) as opened:
        writes = StoreWrites(opened.stores, Coverage(database))
        delivery = Delivery(outbox=outbox, writes=writes, metrics=Metrics(registry=CollectorRegistry()))
        for store in ("legacy", "user"):
            await delivery.deliver_due(store)
        assert await outbox.lags() == []
        for one in talkers:
            for store in PLANS[stages[one.tenant]].writes:
                kept = {run.run_id for run in await opened.stores[store].thread(one.tenant, "ann", f"thread-of-{one.tenant}")}
                assert set(one.finished) <= kept <= set(one.begun)
    database.close()
