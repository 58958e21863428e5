"""A thread is whole at every moment, whichever store is read."""

import pytest

from migration.model import Stage
from migration.stages import PLANS, STAGE_ORDER


@pytest.mark.parametrize("stage", STAGE_ORDER)
async def test_a_thread_is_read_from_the_serving_engines_store(world, make_run, stage):
    await world.backfill().run()
    world.stages["acme"] = stage
    await world.stores[PLANS[stage].writes[0]].write([make_run()])
    assert await world.thread() == ["run-1"]


async def test_runs_that_a_store_is_still_owed_are_in_the_thread(world, make_run):
    await world.backfill().run()
    world.user.down = True
    await world.finish(make_run(), Stage.SHADOW)
    world.user.down = False
    world.stages["acme"] = Stage.LIVE
    assert await world.thread() == ["run-1"]


async def test_a_parked_run_is_in_the_thread(world, make_run):
    world.legacy.refuses = {"run-1"}
    await world.finish(make_run(), Stage.OFF)
    for _ in range(3):
        await world.delivery.deliver_due("legacy")
        world.clock.now += 10
    assert await world.thread() == ["run-1"]


async def test_a_store_that_is_not_known_to_be_whole_is_helped_by_the_other_one(world, make_run):
    await world.legacy.write([make_run("run-1", started_at=1.0), make_run("run-2", started_at=2.0)])
    await world.user.write([make_run("run-2", started_at=2.0), make_run("run-3", started_at=3.0)])
    world.stages["acme"] = Stage.LIVE
    assert await world.thread() == ["run-1", "run-2", "run-3"]


async def test_a_run_that_began_at_off_and_ended_at_live_is_in_the_thread(world, make_run):
    await world.backfill().run()
    world.stages["acme"] = Stage.LIVE
    await world.finish(make_run(), Stage.OFF)
    assert await world.thread() == ["run-1"]


async def test_after_the_kill_switch_a_tenant_that_was_at_complete_misses_nothing(world, make_run):
    await world.backfill().run()
    await world.finish(make_run(), Stage.COMPLETE)
    world.stages["acme"] = Stage.DUALWRITE  # the kill switch's plan
    assert await world.thread() == ["run-1"]


async def test_a_serving_store_that_is_down_is_replaced_by_the_other_one(world, make_run):
    await world.backfill().run()
    await world.finish(make_run(), Stage.SHADOW)
    await world.drain()
    world.stages["acme"] = Stage.SHADOW
    world.legacy.down = True
    view = await world.reader.thread("acme", "ada", "t-1")
    assert ([run.run_id for run in view.runs], view.complete, world.failures("stores.read")) == (["run-1"], True, 1)


async def test_a_view_says_when_it_may_not_be_complete_and_holds_what_is_known(world, make_run):
    await world.finish(make_run("run-1"), Stage.OFF)
    world.legacy.down = True
    await world.finish(make_run("run-2"), Stage.OFF)
    view = await world.reader.thread("acme", "ada", "t-1")
    assert ([run.run_id for run in view.runs], view.complete) == (["run-2"], False)


async def test_without_the_outbox_a_view_is_not_called_complete(world, make_run):
    await world.finish(make_run("run-1"), Stage.OFF)
    world.break_outbox()
    view = await world.reader.thread("acme", "ada", "t-1")
    assert ([run.run_id for run in view.runs], view.complete) == (["run-1"], False)


@pytest.mark.parametrize("owner", [("globex", "ada", "t-1"), ("acme", "bob", "t-1"), ("acme", "ada", "t-2")])
async def test_a_thread_holds_nothing_of_anybody_else_also_not_from_the_outbox(world, make_run, owner):
    world.legacy.down = True
    await world.finish(make_run(), Stage.OFF)
    assert (await world.reader.thread(*owner)).runs == ()
