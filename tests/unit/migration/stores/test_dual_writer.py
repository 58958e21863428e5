"""What is where when a finished run is reported complete."""

import asyncio

import pytest

from migration.errors import OutboxError
from migration.model import Stage
from migration.stages import PLANS, STAGE_ORDER


def expected(stage, store):
    return {"run-1"} if store in PLANS[stage].writes else set()


@pytest.mark.parametrize("stage", STAGE_ORDER)
async def test_a_run_is_in_its_authoritative_store_when_it_is_reported_complete(world, make_run, stage):
    await world.finish(make_run(), stage)
    assert world.stores[PLANS[stage].writes[0]].ids == {"run-1"}


@pytest.mark.parametrize("stage", STAGE_ORDER)
async def test_after_the_outbox_drained_a_run_is_in_the_stores_of_its_plan_and_in_no_other(world, make_run, stage):
    await world.finish(make_run(), stage)
    await world.drain()
    assert {store: world.stores[store].ids for store in world.stores} == {store: expected(stage, store) for store in world.stores}
    assert await world.outbox.lags() == []


@pytest.mark.parametrize("stage", STAGE_ORDER)
@pytest.mark.parametrize("down", ["legacy", "user"])
async def test_a_store_that_is_down_fails_no_run_and_gets_it_when_it_is_back(world, make_run, stage, down):
    world.stores[down].down = True
    await world.finish(make_run(), stage)
    world.stores[down].down = False
    await world.drain()
    assert {store: world.stores[store].ids for store in world.stores} == {store: expected(stage, store) for store in world.stores}


async def test_a_store_that_hangs_is_given_up_after_its_time_and_gets_the_run_later(world, make_run):
    world.legacy.hang = asyncio.Event()
    await world.finish(make_run(), Stage.DUALWRITE)
    assert (world.legacy.ids, world.failures()) == (set(), 1)
    world.legacy.hang = None
    await world.drain()
    assert world.legacy.ids == world.user.ids == {"run-1"}


async def test_a_store_that_hangs_delays_no_user_whose_run_is_safe_in_the_outbox(world, make_run):
    world.close()
    world.patience_s = 0.0
    world.open()
    world.legacy.hang = asyncio.Event()
    await world.finish(make_run(), Stage.DUALWRITE)
    assert (world.legacy.ids, world.failures()) == (set(), 0)  # its store has not been given up yet
    assert [run.run_id for run in (await world.reader.thread("acme", "ada", "t-1")).runs] == ["run-1"]
    world.legacy.hang.set()
    await world.writer.aclose()
    assert world.legacy.ids == {"run-1"}


async def test_a_store_that_raises_anything_fails_no_run(world, make_run):
    world.legacy.during_write = lambda: 1 / 0
    await world.finish(make_run(), Stage.OFF)
    world.legacy.during_write = lambda: None
    await world.drain()
    assert world.legacy.ids == {"run-1"}


@pytest.mark.parametrize("stage", STAGE_ORDER)
async def test_without_an_outbox_a_run_is_complete_only_when_every_store_has_it(world, make_run, stage):
    world.break_outbox()
    await world.finish(make_run(), stage)
    assert all(world.stores[store].ids == {"run-1"} for store in PLANS[stage].writes)
    assert world.failures() > 0


@pytest.mark.parametrize("stage", STAGE_ORDER)
@pytest.mark.parametrize("down", ["legacy", "user"])
async def test_a_run_that_neither_a_store_nor_the_outbox_takes_is_not_reported_complete(world, make_run, stage, down):
    world.break_outbox()
    world.stores[down].down = True
    with pytest.raises(OutboxError, match=f"neither the {down} store nor the outbox accepted run run-1"):
        await world.finish(make_run(), stage)


async def test_a_user_who_leaves_while_the_run_is_written_does_not_stop_the_write(world, make_run):
    written = world.legacy.hang = asyncio.Event()
    task = asyncio.create_task(world.finish(make_run(), Stage.OFF))
    await world.legacy.began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    written.set()
    await world.writer.aclose()
    assert world.legacy.ids == {"run-1"}


async def test_a_run_is_in_the_outbox_before_any_store_has_it_so_that_a_crash_leaves_no_store_behind(world, make_run):
    found = []
    world.legacy.during_write = lambda: found.extend(world.outbox.lags_now())
    await world.finish(make_run(), Stage.SHADOW)
    assert {(lag.store, lag.rows) for lag in found} == {("legacy", 1), ("user", 1)}


async def test_a_run_for_one_store_alone_leaves_nothing_in_the_outbox(world, make_run):
    await world.finish(make_run(), Stage.OFF)
    assert await world.outbox.lags() == []


async def test_many_runs_at_once_are_all_kept(world, make_run):
    await asyncio.gather(*(world.finish(make_run(f"run-{number}"), Stage.LIVE) for number in range(100)))
    await world.drain()
    assert len(world.legacy.ids) == len(world.user.ids) == 100
