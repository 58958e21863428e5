"""No sequence of stage moves, chats, outages and crashes loses a finished run or a thread's history."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from prometheus_client import CollectorRegistry
from sqlalchemy import select

from migration.errors import (
    HistoryMissingError,
    OutboxError,
    StoreUnavailableError,
)
from migration.flags.decision import Decision
from migration.model import Origin, RunRecord, RunRequest, Stage
from migration.stages import PLANS, STAGE_ORDER, Plan, next_towards
from migration.stores import (
    Backfill,
    Coverage,
    Delivery,
    DualWriter,
    Outbox,
    RunKey,
    RunStores,
    StoredRun,
    StoresDatabase,
    ThreadReader,
    check_history,
    key_of,
)
from migration.stores.run import other
from migration.stores.tables import metadata
from migration.stores.tables import outbox as outbox_table
from migration.stores.writing import StoreWrites
from migration.telemetry.metrics import Metrics

TENANTS = ("acme", "globex")
STORES = ("legacy", "user")
tenants, stores, stages = st.sampled_from(TENANTS), st.sampled_from(STORES), st.sampled_from(STAGE_ORDER)

Work = Callable[[], Coroutine[Any, Any, None]]


class CrashError(BaseException):
    """The process is gone. Nothing catches it, as nothing runs after SIGKILL."""


class Life:
    """How many more effects a process has before it dies; the one it dies in happens, or does not."""

    def __init__(self) -> None:
        self.left: int | None = None  #: None: it does not die
        self.last_happens = False

    async def effect(self, act: Callable[[], Any]) -> Any:
        if self.left is None:
            return await act()
        self.left -= 1
        if self.left < 0 or (self.left == 0 and not self.last_happens):
            raise CrashError
        result = await act()
        if self.left == 0:
            raise CrashError
        return result


class MortalStore:
    """A run store, its scan and its outages, as one process sees it."""

    def __init__(self, name: str) -> None:
        self.name, self.runs, self.down = name, {}, False
        self.life = Life()
        self.before_write: Work | None = None  #: done once, while the next write is about to happen
        self.after_write: Work | None = None  #: done once, when it has happened and nobody knows yet

    async def write(self, runs: Sequence[StoredRun], /) -> None:
        async def act() -> None:
            self._up()
            self.runs.update({key_of(run): run for run in runs})

        await self._meanwhile("before_write")
        await self.life.effect(act)
        await self._meanwhile("after_write")

    async def _meanwhile(self, when: str) -> None:
        work = getattr(self, when)
        setattr(self, when, None)
        if work is not None:
            await work()

    async def thread(self, tenant_id: str, user_id: str, thread_id: str, newest: int | None = None, /) -> list[StoredRun]:
        assert newest is None
        self._up()
        return [run for key, run in self.runs.items() if key[:3] == (tenant_id, user_id, thread_id)]

    async def count(self, _surface: str, /) -> int:
        self._up()
        return len(self.runs)

    async def page(self, _surface: str, after: RunKey | None, limit: int, /) -> list[StoredRun]:
        self._up()
        return [self.runs[key] for key in sorted(self.runs) if after is None or key > after][:limit]

    async def between(self, _surface: str, first: RunKey, last: RunKey, /) -> list[StoredRun]:
        self._up()
        return [run for key, run in self.runs.items() if first <= key <= last]

    def _up(self) -> None:
        if self.down:
            raise StoreUnavailableError("down")


class MortalDatabase(StoresDatabase):
    """The outbox's database and its outages, as one process sees it."""

    def __init__(self) -> None:
        super().__init__("sqlite://")
        self.down, self.life = False, Life()

    async def run(self, doing: str, work: Callable[..., Any]) -> Any:
        """Do the work in this thread: nothing else runs meanwhile, and it is faster."""

        async def act() -> Any:
            if self.down:
                raise OutboxError("down")
            return self.run_now(doing, work)

        return await self.life.effect(act)

    def empty(self) -> None:
        """Forget everything, for the next example."""
        self.run_now("clear", lambda connection: [connection.execute(table.delete()) for table in metadata.sorted_tables])


@dataclass
class Chat:
    """A chat, from its beginning to whatever end."""

    run: StoredRun
    plan: Plan
    whole: bool = True  #: it was tried with an outbox, so that no store may have it without the other


@dataclass
class Model:
    """What must be true."""

    stages: dict[str, Stage] = field(default_factory=lambda: dict.fromkeys(TENANTS, Stage.OFF))
    killed: bool = False
    under_way: list[Chat] = field(default_factory=list)
    finished: list[Chat] = field(default_factory=list)  #: reported complete
    unknown: list[Chat] = field(default_factory=list)  #: their process died, or they were reported failed

    def plan(self, tenant: str) -> Plan:
        stage = self.stages[tenant]
        if self.killed and stage not in (Stage.OFF, Stage.COMPLETE):
            return PLANS[Stage.DUALWRITE]
        return PLANS[stage]


DATABASE = MortalDatabase()
METRICS = Metrics(registry=CollectorRegistry())


class RunStoreMachine(RuleBasedStateMachine):
    """Everything that can happen to finished runs."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.model, self.now, self.number = Model(), 1_000_000.0, 0
        self.database = DATABASE
        self.database.down, self.database.life = False, Life()
        self.database.empty()
        self.stores = {name: MortalStore(name) for name in STORES}

    @initialize(history=st.lists(tenants, max_size=3), begun_at=st.tuples(stages, stages))
    def start(self, history: list[str], begun_at: tuple[Stage, Stage]) -> None:
        """Runs from before the migration are in the legacy store only; then each tenant walks to some stage and chats on the way."""
        for tenant in history:
            chat = self._chat(tenant)
            self.stores["legacy"].runs[key_of(chat.run)] = chat.run
            self.model.finished.append(chat)
        self._open()
        for tenant, last in zip(TENANTS, begun_at, strict=True):
            for stage in STAGE_ORDER[1 : STAGE_ORDER.index(last) + 1]:
                if stage is Stage.SHADOW:
                    self.runner.run(self._backfill("user"))
                self.model.under_way.append(self._chat(tenant))
                self.move_a_tenant(tenant, 1)
                assert self.model.stages[tenant] is stage

    def _open(self) -> None:
        clock = lambda: self.now  # noqa: E731 - one clock for all parts
        self.outbox, self.coverage = Outbox(self.database, clock), Coverage(self.database, clock)
        writes = StoreWrites(self.stores, self.coverage)
        self.delivery = Delivery(outbox=self.outbox, writes=writes, metrics=METRICS, jitter=lambda: 0.0)
        self.finishing: dict[str, StoredRun] = {}
        self.writer = DualWriter(
            writes=writes,
            outbox=self.outbox,
            delivery=self.delivery,
            finish=lambda record: self.finishing[record.request.run_id],
            metrics=METRICS,
        )
        self.reader = ThreadReader(
            stores=self.stores,
            outbox=self.outbox,
            coverage=self.coverage,
            plan=lambda _, tenant: self.model.plan(tenant),
            surfaces=["chat"],
            metrics=METRICS,
        )

    def _chat(self, tenant: str) -> Chat:
        self.number += 1
        run = StoredRun(
            surface="chat",
            tenant_id=tenant,
            user_id="u",
            thread_id="t",
            run_id=f"r{self.number:04}",
            started_at=self.number,
            body=b"{}",
        )
        return Chat(run=run, plan=self.model.plan(tenant))

    def _mortal(self, effects: int | None, last_happens: bool, work: Any) -> bool:
        """Do the work in a process that may die in it; return whether it lived. A dead one is started again."""
        for part in (self.database, *self.stores.values()):
            part.life.left, part.life.last_happens = None, last_happens
        life = Life()
        life.left, life.last_happens = effects, last_happens
        for part in (self.database, *self.stores.values()):
            part.life = life
        try:
            self.runner.run(work)
        except CrashError:
            lived = False
        else:
            lived = True
        for part in (self.database, *self.stores.values()):
            part.life = Life()
        if not lived:
            self._open()
        return lived

    # What users do

    @rule(tenant=tenants)
    def begin_a_chat(self, tenant: str) -> None:
        self.model.under_way.append(self._chat(tenant))

    @rule(tenant=tenants)
    def chat(self, tenant: str) -> None:
        self._finish(self._chat(tenant))

    @precondition(lambda self: self.model.under_way)
    @rule(
        which=st.integers(0, 99),
        effects=st.none() | st.integers(1, 5),
        last_happens=st.booleans(),
        meanwhile=st.none() | st.tuples(st.sampled_from(["before_write", "after_write"]), st.sampled_from(["backfill", "deliver"]), stores),
    )
    def finish_a_chat(self, which: int, effects: int | None, last_happens: bool, meanwhile: tuple[str, str, str] | None) -> None:
        chat = self.model.under_way.pop(which % len(self.model.under_way))
        if meanwhile is not None:
            when, what, store = meanwhile
            other_work = (lambda: self._backfill(store)) if what == "backfill" else (lambda: self._deliver(store))
            setattr(self.stores[chat.plan.writes[0]], when, other_work)
        self._finish(chat, effects, last_happens=last_happens)
        for one in self.stores.values():
            one.before_write = one.after_write = None

    def _finish(self, chat: Chat, effects: int | None = None, *, last_happens: bool = False) -> None:
        chat.whole = not self.database.down
        self.finishing[chat.run.run_id] = chat.run
        request = RunRequest(
            surface="chat",
            tenant_id=chat.run.tenant_id,
            user_id="u",
            thread_id=chat.run.thread_id,
            run_id=chat.run.run_id,
            payload=b"{}",
            received_at=chat.run.started_at,
        )
        record = RunRecord(
            request=request, origin=Origin.CONTROL, events=(), journal=(), outcome="completed", duration_s=0.1, trace_id=None
        )
        refused = False

        async def write() -> None:
            nonlocal refused
            try:
                await self.writer.write(record, Decision(plan=chat.plan, reason="flag", flag_key="k", sampled=True))
            except OutboxError:
                refused = True

        lived = self._mortal(effects, last_happens, write())
        if refused:
            assert self.database.down, "a run may be reported failed only when the outbox is down"
        (self.model.finished if lived and not refused else self.model.unknown).append(chat)

    # What operators do

    @rule(tenant=tenants, steps=st.sampled_from([1, 1, 1, 1, -1, -1, 2, -3, 0]))
    def move_a_tenant(self, tenant: str, steps: int) -> None:
        stage = STAGE_ORDER[max(0, min(len(STAGE_ORDER) - 1, STAGE_ORDER.index(self.model.stages[tenant]) + steps))]
        before = self.model.stages[tenant]
        after = {**self.model.stages, tenant: stage}
        if self.database.down or next_towards(before, stage) is not stage:  # the proof of an edit lets nobody skip a stage
            return
        refusal = ""
        try:
            if before is not stage:
                check_history("chat", [stage], self.model.stages.__getitem__, lambda one: after.get(one, Stage.OFF), self.coverage)
        except HistoryMissingError as error:
            refusal = str(error)
        if refusal:
            assert "run `netra-migration backfill chat --to" in refusal
        else:
            self.model.stages = after

    @rule()
    def turn_the_kill_switch(self) -> None:
        self.model.killed = not self.model.killed

    @rule(into=stores, effects=st.none() | st.integers(1, 12), last_happens=st.booleans())
    def backfill(self, into: str, effects: int | None, last_happens: bool) -> None:
        self._mortal(effects, last_happens, self._backfill(into))

    async def _backfill(self, into: str) -> None:
        both = RunStores(stores=self.stores, scans=self.stores)
        with contextlib.suppress(StoreUnavailableError, OutboxError):
            await Backfill("chat", into, stores=both, coverage=self.coverage, outbox=self.outbox, page=2).run()

    # What goes wrong, and what mends it

    @rule(what=st.sampled_from(["legacy", "user", "outbox"]))
    def something_goes_down_or_comes_back(self, what: str) -> None:
        part = self.database if what == "outbox" else self.stores[what]
        part.down = not part.down

    @rule()
    def everything_is_up_again(self) -> None:
        self.database.down = False
        for store in self.stores.values():
            store.down = False

    @rule(seconds=st.sampled_from([1.0, 40.0, 700.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(store=stores, effects=st.none() | st.integers(1, 8), last_happens=st.booleans())
    def deliver(self, store: str, effects: int | None, last_happens: bool) -> None:
        self._mortal(effects, last_happens, self._deliver(store))

    async def _deliver(self, store: str) -> None:
        try:
            await self.delivery.deliver_due(store)
        except OutboxError:
            assert self.database.down

    # What is always true

    @invariant()
    def every_finished_run_is_where_its_stage_promises_or_on_its_way_there(self) -> None:
        waiting = self._waiting()
        for chat in self.model.finished:
            for store in chat.plan.writes:
                assert key_of(chat.run) in self.stores[store].runs or (store, chat.run.run_id) in waiting

    @invariant()
    def every_thread_reads_complete_from_the_serving_store(self) -> None:
        everything_up = not (self.database.down or any(store.down for store in self.stores.values()))
        for tenant in TENANTS:
            view = self.runner.run(self.reader.thread(tenant, "u", "t"))
            read = [run.run_id for run in view.runs]
            finished = {chat.run.run_id for chat in self.model.finished if chat.run.tenant_id == tenant}
            assert read == sorted(set(read))
            assert set(read) <= finished | {chat.run.run_id for chat in self.model.unknown}
            assert view.complete or not everything_up
            if view.complete:
                assert set(read) >= finished

    @invariant()
    def a_store_that_is_called_whole_has_every_run_that_the_other_one_has_or_is_owed_it(self) -> None:
        if self.database.down:
            return
        owed = {run for _, run in self._waiting()}
        chats = [*self.model.finished, *(chat for chat in self.model.unknown if chat.whole)]
        for tenant in TENANTS:
            lacking = self.runner.run(self.coverage.lacking(["chat"], tenant))
            kept = {key_of(chat.run) for chat in chats if chat.run.tenant_id == tenant and chat.run.run_id not in owed}
            for store in STORES:
                if ("chat", store) not in lacking:
                    assert kept & set(self.stores[other(store)].runs) <= set(self.stores[store].runs)

    def _waiting(self) -> set[tuple[str, str]]:
        """Return the (store, run id) pairs in the outbox."""
        rows = self.database.run_now("read", lambda connection: connection.execute(select(outbox_table.c.store, outbox_table.c.run)).all())
        return {(row.store, msgspec.msgpack.decode(row.run, type=StoredRun).run_id) for row in rows}

    def teardown(self) -> None:
        """Once everything is up again and the outbox drained, every store has what it was promised, and no store half of a run."""
        self.database.down = False
        for store in self.stores.values():
            store.down = False
        if hasattr(self, "delivery"):
            while self._waiting():
                self.now += 1000
                for store in STORES:
                    self.runner.run(self.delivery.deliver_due(store))
            for chat in self.model.finished:
                assert all(key_of(chat.run) in self.stores[store].runs for store in chat.plan.writes)
            for chat in self.model.unknown:
                assert not chat.whole or len({key_of(chat.run) in self.stores[store].runs for store in chat.plan.writes}) == 1
        self.runner.close()


RunStoreMachine.TestCase.settings = settings(
    max_examples=settings.default.max_examples // 2,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestRunStores = RunStoreMachine.TestCase
