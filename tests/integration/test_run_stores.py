"""Conversations across every stage, on the composed backend with its real stores, its real flags and its real outbox."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, closing
from pathlib import Path

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from migration.model import Origin, Stage
from migration.rollout.store import RolloutStore
from migration.settings import MigrationSettings
from migration.stages import STAGE_ORDER
from migration.stores import Backfill, Coverage, Outbox, StoresDatabase, watch_now
from netra_backend.app.config import Settings
from netra_backend.app.errors import RunStoreUnavailableError
from netra_backend.app.execution import BackendExecution, open_run_stores
from netra_backend.app.services.database import create_schema, open_engine
from netra_backend.app.services.runs.databases import RunDatabases
from netra_backend.app.services.runs.history import StoredHistory
from netra_backend.app.services.runs.legacy import LegacyRunStore
from netra_backend.app.services.user_execution_context import UserExecutionContext
from tests.unit.migration.flags.making import flag_file, replace_file, surface_flag

PATIENCE_S = 15.0
#: There and back again.
THE_WHOLE_WAY = (*STAGE_ORDER[1:], *reversed(STAGE_ORDER[:-1]))
THREAD = ("acme", "ann", "thread-1")


class Backend:
    """The composed backend over files in one folder, each run store in a database of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.stores = home / "stores"
        self.stores.mkdir()
        self.settings = Settings(
            home=home,
            jwt_secret="s" * 32,
            legacy_runs_url=f"sqlite+aiosqlite:///{self.stores / 'legacy.db'}",
            user_runs_url=f"sqlite+aiosqlite:///{self.stores / 'user.db'}",
        )
        self.migration = MigrationSettings(home=home, surfaces=("chat", "oneshot"), flags_poll_s=0.02)
        self.pins: dict[str, Stage] = {}
        self.edits = 0
        self.runs = 0

    async def open(self) -> None:
        database = open_engine(self.settings.database_url)
        await create_schema(database)
        await database.dispose()
        self.execution = BackendExecution(self.settings, self.migration, CollectorRegistry())
        self.history = StoredHistory(self.execution.threads)
        await self.execution.start()

    async def close(self) -> None:
        await self.execution.aclose()

    async def move(self, stage: Stage, surface: str = "chat") -> None:
        """Pin the tenant to the stage, and wait until the backend knows."""
        self.pins[surface] = stage
        self.edits += 1
        flags = [surface_flag(name, pins={"acme": at.value}, version=self.edits) for name, at in self.pins.items()]
        replace_file(self.home / "flags.json", flag_file(*flags))
        async with asyncio.timeout(PATIENCE_S):
            while self.execution._migration.flags.plan(surface, "acme").stage is not stage:  # noqa: ASYNC110 - the flags change in a thread
                await asyncio.sleep(0.01)

    async def ask(self, question: str, surface: str = "chat") -> list[str]:
        """Ask in the thread, with its history, and return the questions that the agents were told of before."""
        self.runs += 1
        context = UserExecutionContext(tenant_id="acme", user_id="ann", thread_id="thread-1", run_id=f"run-{self.runs:03}")
        history = await self.history.history(context)
        payload = {"message": question, "agent": "assistant", "history": history}
        async with aclosing(self.execution.stream(surface, context, payload)) as frames:
            kinds = [msgspec.json.decode(frame)["type"] async for frame in frames]
        assert kinds[-1] in {"agent_completed", "run_result"}
        return [message["content"] for message in history if message["role"] == "user"]

    async def backfill(self, into: str) -> None:
        database = StoresDatabase(self.migration.outbox())
        async with open_run_stores(self.settings) as stores:
            job = Backfill("chat", into, stores=stores, coverage=Coverage(database), outbox=Outbox(database))
            assert all(tenant.whole for tenant in await job.run())
        database.close()

    async def drained(self) -> None:
        """Wait until the outbox owes nothing."""
        async with asyncio.timeout(PATIENCE_S):
            while await self.execution._migration._runs.writer._outbox.lags():  # noqa: ASYNC110 - the outbox is a database
                await asyncio.sleep(0.02)

    async def kept(self) -> dict[str, list[str]]:
        """Return the questions that each store has of the thread."""
        databases = RunDatabases(self.settings)
        stores = {"legacy": LegacyRunStore(databases.engine(self.settings.legacy_runs_url)), "user": databases.user}
        found = {name: await store.thread(*THREAD) for name, store in stores.items()}
        await databases.aclose()
        return {name: [run.question for run in runs] for name, runs in found.items()}


@pytest.fixture
async def backend(tmp_path: Path) -> AsyncIterator[Backend]:
    backend = Backend(tmp_path)
    await backend.open()
    yield backend
    await backend.close()


async def test_a_conversation_continues_across_every_stage_move_there_and_back_again(backend):
    asked = ["at off"]
    assert await backend.ask("at off") == []
    for stage in THE_WHOLE_WAY:
        if stage in (Stage.SHADOW, Stage.LIVE):
            await backend.backfill("legacy" if len(asked) > len(STAGE_ORDER) else "user")
        await backend.move(stage)
        question = f"{len(asked)}: at {stage.value}"
        assert await backend.ask(question) == asked
        asked.append(question)
    assert [run.question for run in await backend.execution.threads.thread(*THREAD)] == asked


async def test_each_stage_writes_the_stores_that_it_promises(backend):
    for stage in STAGE_ORDER:
        await backend.move(stage) if stage is not Stage.OFF else None
        await backend.ask(stage.value)
    await backend.drained()
    kept = await backend.kept()
    assert kept["legacy"] == [stage.value for stage in STAGE_ORDER if stage is not Stage.COMPLETE]
    assert kept["user"] == [stage.value for stage in STAGE_ORDER if stage is not Stage.OFF]


async def test_the_backend_counts_by_stage_which_engines_ran_and_that_it_watched(backend):
    for stage in STAGE_ORDER:
        await backend.move(stage) if stage is not Stage.OFF else None
        await backend.ask(stage.value)
    await backend.execution._migration._runs.tombstones.flush()
    now, database = time.time(), StoresDatabase(backend.migration.outbox())
    chat, oneshot = (watch_now(database, surface, days=1, now=now + 86_400) for surface in backend.migration.surfaces)
    database.close()
    legacy = [(one.stage, one.runs) for one in chat.of(origins=[Origin.CONTROL])]
    assert sorted(legacy) == sorted((stage, 1) for stage in (Stage.OFF, Stage.DUALWRITE, Stage.SHADOW, Stage.LIVE))
    assert sum(one.runs for one in chat.of(stages=[Stage.COMPLETE])) == 1
    assert (oneshot.ran, oneshot.unwatched) == ((), ())


async def test_while_both_stores_are_down_users_are_served_with_their_whole_thread_and_nothing_is_lost(backend):
    await backend.move(Stage.DUALWRITE)
    await backend.close()
    unusable = [backend.stores / name for name in ("legacy.db", "user.db")]
    for path in unusable:
        path.mkdir()
    await backend.open()
    assert await backend.ask("first") == []
    assert await backend.ask("second") == ["first"]
    with pytest.raises(RunStoreUnavailableError):
        await backend.execution.threads.thread(*THREAD)
    lags = {lag.store: lag.rows for lag in await backend.execution._migration._runs.writer._outbox.lags()}
    assert lags == {"legacy": 2, "user": 2}
    for path in unusable:
        path.rmdir()
    await backend.drained()
    assert await backend.kept() == {"legacy": ["first", "second"], "user": ["first", "second"]}


async def test_a_thread_holds_the_runs_of_surfaces_at_different_stages(backend):
    await backend.move(Stage.DUALWRITE)
    await backend.backfill("user")
    for stage in (Stage.SHADOW, Stage.LIVE, Stage.RAMPDOWN, Stage.COMPLETE):
        await backend.move(stage)
    await backend.ask("in the chat")
    assert await backend.ask("one shot", "oneshot") == ["in the chat"]
    assert await backend.ask("in the chat again") == ["in the chat", "one shot"]


async def test_a_run_keeps_its_question_its_answer_and_its_times(backend):
    await backend.ask("What did we spend?")
    (run,) = await backend.execution.threads.thread(*THREAD)
    assert (run.surface, run.engine, run.question, run.outcome) == ("chat", "legacy", "What did we spend?", "completed")
    assert run.answer
    assert run.started_at > 1e9
    assert 0 < run.duration_s < PATIENCE_S


async def test_the_composed_backend_follows_what_gates_need(tmp_path):
    backend = Backend(tmp_path)
    backend.migration = msgspec.structs.replace(backend.migration, shadow_governor="on")
    with closing(RolloutStore.of_settings(backend.migration)) as store:
        store.need("chat", 0, time.time())
    await backend.open()
    try:
        async with asyncio.timeout(PATIENCE_S):
            while backend.execution._migration.governing.need("chat") != 0.0:  # noqa: ASYNC110 - it is read in a thread
                await asyncio.sleep(0.01)
        assert backend.execution._migration.governing.need("oneshot") == 1.0
    finally:
        await backend.close()
