"""Which engines ran is counted without I/O on the request path, kept in the background, and added up over processes."""

import asyncio
import sqlite3
from contextlib import AsyncExitStack, closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from migration.errors import OutboxError
from migration.model import Origin, Stage
from migration.stages import PLANS
from migration.stores import StoresDatabase, Tombstones, watch_now
from migration.telemetry.metrics import Metrics

DAY = 86_400.0
NOON = 20_000 * DAY + DAY / 2


class Clock:
    def __init__(self, now=NOON):
        self.now = now

    def __call__(self):
        return self.now


class Flaky(StoresDatabase):
    """A database that can be down, and tells when something was written."""

    def __init__(self, url):
        super().__init__(url)
        self.down = False
        self.wrote = asyncio.Event()

    async def run(self, doing, work):
        try:
            if self.down:
                raise OutboxError("the database is down")
            return await super().run(doing, work)
        finally:
            self.wrote.set()


class Process:
    """One serving process over the file."""

    def __init__(self, url, clock, surfaces=("chat",), **waits):
        self.database = Flaky(url)
        self.metrics = Metrics(registry=CollectorRegistry())
        self.tombstones = Tombstones(self.database, surfaces=surfaces, metrics=self.metrics, clock=clock, **waits)

    def failures(self):
        return self.metrics.registry.get_sample_value("migration_failures_total", {"operation": "stores.tombstones"})

    def run(self, stage, surface="chat"):
        self.tombstones.count(surface, PLANS[stage])


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'stores.db'}"


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def start(url, clock):
    """Starts processes over one file; their databases are closed at the end."""
    async with AsyncExitStack() as ends:

        def one(**options):
            process = Process(url, clock, **options)
            ends.callback(process.database.close)
            return process

        yield one


@pytest.fixture
def seen(url, clock):
    """What is kept: (day, stage, origin) -> runs."""

    def read(surface="chat", days=30):
        with closing(StoresDatabase(url)) as database:
            watch = watch_now(database, surface, days=days, now=clock.now)
        return {(one.day - 20_000, one.stage, one.origin): one.runs for one in watch.ran}

    return read


@pytest.mark.parametrize("stage", Stage)
async def test_the_engine_that_serves_and_the_one_that_shadows_are_counted(start, seen, stage):
    process = start()
    process.run(stage)
    await process.tombstones.flush()
    origins = {PLANS[stage].serves, PLANS[stage].shadows} - {None}
    assert seen() == {(0, stage, origin): 1 for origin in origins}


async def test_several_processes_add_up(start, seen):
    one, two = start(), start()
    for process, runs in ((one, 3), (two, 4), (one, 5)):
        for _ in range(runs):
            process.run(Stage.OFF)
        await process.tombstones.flush()
    assert seen() == {(0, Stage.OFF, Origin.CONTROL): 12}


async def test_a_run_counts_for_the_day_on_which_it_began(start, seen, clock):
    process = start()
    clock.now = 20_001 * DAY - 0.001
    process.run(Stage.OFF)
    clock.now = 20_001 * DAY + 5
    process.run(Stage.OFF)
    await process.tombstones.flush()
    assert seen() == {(0, Stage.OFF, Origin.CONTROL): 1, (1, Stage.OFF, Origin.CONTROL): 1}


async def test_a_clock_that_goes_backwards_takes_nothing_back(start, url, clock):
    process = start()
    process.run(Stage.OFF)
    await process.tombstones.flush()
    clock.now -= 3600
    process.run(Stage.OFF)
    await process.tombstones.flush()
    (one,) = watch_now(process.database, "chat", days=1, now=NOON).ran
    assert (one.runs, one.last_at) == (2, NOON)


async def test_what_was_counted_by_a_clock_that_was_ahead_is_seen(start, seen, clock):
    process = start()
    clock.now += 9 * DAY
    process.run(Stage.OFF)
    await process.tombstones.flush()
    clock.now -= 9 * DAY
    assert seen() == {(9, Stage.OFF, Origin.CONTROL): 1}


async def test_a_day_is_watched_when_a_process_said_so_or_something_ran(start, clock):
    process = start()
    for day in (-5, -3, -1):
        clock.now = NOON + day * DAY
        await process.tombstones.flush()
    clock.now = NOON - 2 * DAY
    process.run(Stage.COMPLETE)
    clock.now = NOON
    await process.tombstones.flush()
    watch = watch_now(process.database, "chat", days=5, now=NOON)
    assert [day - 20_000 for day in watch.unwatched] == [-4]


async def test_only_the_surfaces_of_the_process_are_watched(start, clock):
    process = start(surfaces=["tools"])
    await process.tombstones.flush()
    clock.now += DAY
    assert len(watch_now(process.database, "chat", days=1, now=clock.now).unwatched) == 1
    assert watch_now(process.database, "tools", days=1, now=clock.now).unwatched == ()


def test_without_a_database_nothing_was_watched(url, tmp_path):
    with closing(StoresDatabase(url)) as database:
        assert len(watch_now(database, "chat", days=14, now=NOON).unwatched) == 14
    assert list(tmp_path.iterdir()) == []


async def test_while_the_database_is_down_counts_wait_and_the_failure_is_counted(start, seen):
    process = start()
    process.database.down = True
    process.run(Stage.LIVE)
    assert await process.tombstones.flush() is False
    process.run(Stage.LIVE)
    assert process.failures() == 1
    process.database.down = False
    assert await process.tombstones.flush() is True
    assert seen() == {(0, Stage.LIVE, Origin.CANDIDATE): 2, (0, Stage.LIVE, Origin.CONTROL): 2}


async def test_a_locked_database_costs_nothing_but_time(start, seen, tmp_path):
    process = start()
    await process.tombstones.flush()
    process.run(Stage.OFF)
    process.database._database.engine.dispose()  # so that the next connection is told not to wait
    with closing(sqlite3.connect(tmp_path / "stores.db")) as other, pytest.MonkeyPatch.context() as patch:
        patch.setattr("migration.database._WAIT_S", 0)
        other.execute("BEGIN EXCLUSIVE")
        assert await process.tombstones.flush() is False
        other.rollback()
    assert await process.tombstones.flush() is True
    assert seen() == {(0, Stage.OFF, Origin.CONTROL): 1}


async def test_the_first_run_after_a_quiet_time_is_kept_at_once(start, seen):
    process = start(rest_s=0.0, beat_s=1000.0)
    process.tombstones.start()
    await process.database.wrote.wait()
    process.database.wrote.clear()
    process.run(Stage.OFF)
    await process.database.wrote.wait()
    assert seen() == {(0, Stage.OFF, Origin.CONTROL): 1}
    await process.tombstones.aclose()


async def test_a_failed_write_is_tried_again_without_another_run(start, seen):
    process = start(rest_s=0.0, retry_s=0.0, beat_s=1000.0)
    process.database.down = True
    process.run(Stage.OFF)
    process.tombstones.start()
    await process.database.wrote.wait()
    process.database.down = False
    while not process.tombstones._runs == {}:  # noqa: SIM201 - a dictionary that is exchanged, not one object
        process.database.wrote.clear()
        await process.database.wrote.wait()
    await process.tombstones.aclose()
    assert seen() == {(0, Stage.OFF, Origin.CONTROL): 1}


async def test_closing_keeps_what_was_counted_last(start, seen):
    process = start(rest_s=1000.0)
    process.tombstones.start()
    await process.database.wrote.wait()
    process.run(Stage.OFF)
    await process.tombstones.aclose()
    assert seen() == {(0, Stage.OFF, Origin.CONTROL): 1}


async def test_counts_that_cannot_be_kept_at_the_end_are_told(start, caplog):
    process = start()
    process.tombstones.start()
    await process.database.wrote.wait()
    process.database.down = True
    process.run(Stage.OFF)
    await process.tombstones.aclose()
    assert "the counts of 1 runs are lost" in caplog.text


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("run"), st.integers(0, 1), st.sampled_from(Stage)),
        st.tuples(st.sampled_from(["flush", "fail"]), st.integers(0, 1), st.none()),
        st.tuples(st.just("pass"), st.floats(-2 * DAY, 2 * DAY), st.none()),
    ),
    max_size=20,
)


@settings(deadline=None, max_examples=40)
@given(steps=_STEPS)
def test_no_run_is_lost_or_counted_twice_whatever_fails_in_between(steps, tmp_path_factory):
    clock, url = Clock(), f"sqlite:///{tmp_path_factory.mktemp('tombstones') / 'stores.db'}"
    expected = {}

    async def walk():
        processes = [Process(url, clock), Process(url, clock)]
        for step, which, stage in steps:
            if step == "pass":
                clock.now += which
            elif step == "run":
                processes[which].run(stage)
                for origin in {PLANS[stage].serves, PLANS[stage].shadows} - {None}:
                    key = (int(clock.now // DAY), stage, origin)
                    expected[key] = expected.get(key, 0) + 1
            else:
                processes[which].database.down = step == "fail"
                await processes[which].tombstones.flush()
        for process in processes:
            process.database.down = False
            await process.tombstones.flush()
            process.database.close()

    asyncio.run(walk())
    with closing(StoresDatabase(url)) as database:
        ran = watch_now(database, "chat", days=1000, now=clock.now).ran
    assert {(one.day, one.stage, one.origin): one.runs for one in ran} == expected
