"""Copying history: resumable, verified, safe to run twice and while traffic goes on."""

import pytest

from migration.errors import HistoryMissingError, StoreUnavailableError
from migration.model import Stage
from migration.stores import check_history


@pytest.fixture
def many(make_run):
    return [make_run(f"run-{number}", tenant_id=tenant) for tenant in ("acme", "globex") for number in range(7)]


def gate(world, stage, *tenants, before=Stage.OFF):
    """Whether the tenants may enter the stage; the reason why not."""
    try:
        check_history("chat", [stage], lambda _: before, lambda tenant: stage if tenant in tenants else before, world.coverage)
    except HistoryMissingError as error:
        return str(error)
    return None


async def test_every_run_is_copied_and_counted_and_digested_by_tenant(world, many):
    await world.legacy.write(many)
    results = await world.backfill(page=3).run()
    assert world.user.runs == world.legacy.runs
    assert [(result.tenant_id, result.runs, result.found, result.whole) for result in results] == [
        ("acme", 7, 7, True),
        ("globex", 7, 7, True),
    ]
    assert all(result.digest == result.found_digest for result in results)
    assert results[0].digest != results[1].digest


async def test_another_surfaces_runs_stay_where_they_are(world, make_run):
    await world.legacy.write([make_run(surface="batch")])
    assert await world.backfill().run() == []
    assert world.user.ids == set()


async def test_a_second_backfill_copies_nothing(world, many):
    await world.legacy.write(many)
    await world.backfill().run()
    again = world.backfill()
    assert all(result.whole for result in await again.run())
    assert again.copied == 0


async def test_a_backfill_that_was_stopped_goes_on_where_it_was(world, many):
    await world.legacy.write(many)
    pages = []

    def fail_at_the_third_page():
        pages.append(1)
        world.legacy.down = len(pages) == 3

    world.legacy.on_page = fail_at_the_third_page
    with pytest.raises(StoreUnavailableError):
        await world.backfill(page=3).run()
    world.legacy.down, world.legacy.on_page = False, lambda: None
    looked_at = []
    resumed = world.backfill(page=3, tell=looked_at.append)
    assert all(result.whole for result in await resumed.run())
    assert (resumed.copied, looked_at[0].runs, world.user.runs == world.legacy.runs) == (14, 3, True)
    assert [progress.runs for progress in looked_at if progress.number == 1][-1] == 14 - 9


async def test_before_the_first_verified_backfill_nobody_enters_shadow(world):
    assert gate(world, Stage.SHADOW, "acme") == (
        "chat: `shadow` needs the thread history in the user store, and no backfill of it was verified yet; "
        "run `netra-migration backfill chat --to user` first"
    )
    await world.backfill().run()
    assert gate(world, Stage.SHADOW, "acme") is None


async def test_who_went_back_to_off_needs_another_backfill_and_nobody_else_does(world, make_run):
    await world.backfill().run()
    await world.finish(make_run(), Stage.OFF)
    assert "it lacks runs of acme" in gate(world, Stage.SHADOW, "acme")
    assert gate(world, Stage.SHADOW, "globex") is None
    assert gate(world, Stage.DUALWRITE, "acme") is None
    await world.backfill().run()
    assert gate(world, Stage.SHADOW, "acme") is None


async def test_who_comes_back_from_complete_needs_the_legacy_store_filled_before_control_serves_again(world, make_run):
    await world.backfill().run()
    await world.finish(make_run(), Stage.COMPLETE)
    assert gate(world, Stage.RAMPDOWN, "acme", before=Stage.COMPLETE) is None
    assert "run `netra-migration backfill chat --to legacy` first" in gate(world, Stage.SHADOW, "acme", before=Stage.LIVE)
    (result,) = await world.backfill("legacy").run()
    assert (result.whole, world.legacy.ids) == (True, {"run-1"})
    assert gate(world, Stage.SHADOW, "acme", before=Stage.LIVE) is None


async def test_a_run_written_to_the_other_store_alone_during_the_backfill_keeps_its_tenant_from_being_whole(world, many, make_run):
    await world.legacy.write(many)
    world.user.during_write = lambda: world.legacy.runs.update({("acme", "a", "a", "a"): make_run("a", user_id="a", thread_id="a")})
    await world.coverage.begin_without("chat", "acme", "user")
    results = {result.tenant_id: result for result in await world.backfill().run()}
    assert (results["acme"].whole, results["acme"].reason) == (False, "runs are still being written to the legacy store alone")
    assert results["globex"].whole
    await world.coverage.end_without("chat", "acme", "user")
    assert all(result.whole for result in await world.backfill().run())


async def test_a_write_that_a_crash_cut_off_keeps_its_tenant_waiting_ten_minutes_and_not_for_ever(world):
    await world.coverage.begin_without("chat", "acme", "user")
    assert not (await world.backfill().run())[0].whole
    world.clock.now += 601
    assert await world.backfill().run() == []
    assert gate(world, Stage.SHADOW, "acme") is None


async def test_a_write_that_ends_after_its_gap_was_forgotten_opens_it_again(world):
    await world.coverage.begin_without("chat", "acme", "user")
    world.clock.now += 601
    await world.backfill().run()
    await world.coverage.end_without("chat", "acme", "user")
    assert "it lacks runs of acme" in gate(world, Stage.SHADOW, "acme")


async def test_runs_that_come_in_behind_the_first_pass_are_copied_by_the_second(world, many, make_run):
    await world.legacy.write(many)
    late = make_run("late", tenant_id="aaa")
    world.user.during_write = lambda: world.legacy.runs.setdefault(("aaa", "ada", "t-1", "late"), late)
    assert all(result.whole for result in await world.backfill().run())
    assert "late" in world.user.ids


async def test_a_run_that_the_target_refuses_is_named_and_its_neighbours_are_copied(world, many):
    await world.legacy.write(many)
    world.user.refuses = {"run-3"}
    results = await world.backfill().run()
    assert [(result.whole, result.runs - result.found) for result in results] == [(False, 1), (False, 1)]
    assert results[0].reason == "the id of run run-3 already belongs to another run"
    assert len(world.user.runs) == 12
    assert "it lacks runs of acme, globex" in gate(world, Stage.SHADOW, "acme", "globex")


async def test_a_run_with_other_content_in_the_target_is_found(world, make_run):
    await world.legacy.write([make_run(body=b'{"a":1}')])
    await world.user.write([make_run(body=b'{"a":2}')])
    (result,) = await world.backfill().run()
    assert (result.whole, result.reason) == (False, "run run-1 is not the same in both stores")
    assert (result.runs, result.found, result.digest == result.found_digest) == (1, 1, False)


async def test_a_target_that_loses_what_it_took_is_found_out(world, make_run):
    await world.legacy.write([make_run()])
    world.user.between = world.legacy.__class__().between
    (result,) = await world.backfill().run()
    assert (result.whole, result.reason) == (False, "the user store accepted runs that it does not return")


async def test_parked_rows_are_tried_again(world, make_run):
    world.legacy.refuses = {"run-1"}
    await world.finish(make_run(), Stage.OFF)
    for _ in range(3):
        await world.delivery.deliver_due("legacy")
        world.clock.now += 10
    world.legacy.refuses = set()
    await world.backfill().run()
    await world.drain()
    assert world.legacy.ids == {"run-1"}
    # It was delivered after the backfill looked, so the user store lacks it, and that is known.
    assert "it lacks runs of acme" in gate(world, Stage.SHADOW, "acme")


async def test_the_gap_is_noted_before_the_run_is_written_so_that_a_crash_in_between_cannot_hide_it(world, make_run):
    seen = []
    world.legacy.during_write = lambda: seen.append(world.coverage.gaps_now("chat", "user")["acme"])
    await world.finish(make_run(), Stage.OFF)
    assert [(gap.begun, gap.ended) for gap in seen] == [(1, 0)]


async def test_a_gap_that_grew_while_the_store_was_looked_through_stays(world, make_run):
    await world.finish(make_run("run-1"), Stage.OFF)
    gap = (await world.coverage.gaps("chat", "user"))["acme"]
    await world.finish(make_run("run-2"), Stage.OFF)
    assert not await world.coverage.close(gap)
    assert await world.coverage.close((await world.coverage.gaps("chat", "user"))["acme"])
