"""The outbox is emptied, however often a store fails, and nothing is dropped."""

import asyncio
from itertools import pairwise

from migration.model import Stage
from migration.stores import Retry
from migration.stores.delivery import Delivery
from migration.stores.writing import StoreWrites


async def rows(world, store):
    return {lag.store: lag for lag in await world.outbox.lags()}[store]


async def test_an_unavailable_store_is_tried_after_longer_and_longer_rests(world, make_run):
    world.user.down = True
    await world.finish(make_run(), Stage.SHADOW)
    tried_at = []
    for _ in range(40):
        if await world.delivery.deliver_due("user"):
            tried_at.append(world.clock.now)
        world.clock.now += 1
    assert [late - early for early, late in pairwise(tried_at)] == [1, 2, 4, 8, 8, 8, 8]


async def test_a_store_that_is_away_for_days_parks_nothing(world, make_run):
    world.user.down = True
    await world.finish(make_run(), Stage.SHADOW)
    for _ in range(200):
        await world.delivery.deliver_due("user")
        world.clock.now += 3600
    assert ((await rows(world, "user")).rows, (await rows(world, "user")).parked) == (1, 0)
    world.user.down = False
    await world.drain()
    assert world.user.ids == {"run-1"}


async def test_when_a_store_is_down_its_other_rows_are_not_tried_in_the_same_round(world, make_run):
    for number in range(5):
        await world.finish(make_run(f"run-{number}"), Stage.SHADOW)
    world.user.down = True
    assert (await world.delivery.deliver_due("user"), world.user.asked) == (5, 1)
    world.user.down = False
    await world.drain()
    assert len(world.user.ids) == 5


async def test_rows_that_are_due_together_are_written_together(world, make_run):
    for number in range(5):
        await world.finish(make_run(f"run-{number}"), Stage.SHADOW)
    assert (await world.delivery.deliver_due("user"), world.user.asked, len(world.user.ids)) == (5, 1, 5)
    assert [lag.store for lag in await world.outbox.lags()] == ["legacy"]  # those rows are dropped with the store's next delivery


async def test_after_an_outage_rows_are_written_one_by_one_because_the_store_may_be_slow(world, make_run):
    for number in range(5):
        await world.finish(make_run(f"run-{number}"), Stage.SHADOW)
    world.user.down = True
    await world.delivery.deliver_due("user")
    world.user.down = False
    world.clock.now += 10
    assert (await world.delivery.deliver_due("user"), world.user.asked, len(world.user.ids)) == (5, 1 + 5, 5)


async def test_a_row_that_is_refused_again_and_again_is_parked_with_its_error_and_never_dropped(world, make_run):
    world.user.refuses = {"run-1"}
    await world.finish(make_run(), Stage.SHADOW)
    for _ in range(20):
        await world.delivery.deliver_due("user")
        world.clock.now += 10
    lag = await rows(world, "user")
    assert (lag.rows, lag.parked, world.user.writes) == (0, 1, 3)
    assert lag.error == "the id of run run-1 already belongs to another run"


async def test_a_refused_row_keeps_nobody_else_waiting(world, make_run):
    world.user.refuses = {"run-1"}
    for number in range(3):
        await world.finish(make_run(f"run-{number}"), Stage.SHADOW)
    await world.delivery.deliver_due("user")
    assert world.user.ids == {"run-0", "run-2"}


async def test_a_parked_row_is_tried_again_when_a_person_asks(world, make_run):
    world.user.refuses = {"run-1"}
    await world.finish(make_run(), Stage.SHADOW)
    for _ in range(3):
        await world.delivery.deliver_due("user")
        world.clock.now += 10
    world.user.refuses = set()
    assert (await world.outbox.unpark("batch"), await world.outbox.unpark("chat")) == (0, 1)
    await world.drain()
    assert world.user.ids == {"run-1"}


async def test_a_row_that_one_process_has_is_no_other_processs_until_the_lease_ends(world, make_run):
    await world.outbox.add(make_run(), ["user"])
    assert [claim.run for claim in await world.outbox.claim("user", 10, 60)] == [make_run()]
    assert await world.outbox.claim("user", 10, 60) == []
    world.clock.now += 61
    assert len(await world.outbox.claim("user", 10, 60)) == 1


async def test_the_authoritative_write_is_not_tried_twice_while_it_is_under_way(world, make_run):
    seen = []

    def deliver():
        seen.append(world.database.run_now("read", lambda connection: connection.exec_driver_sql("select store, due_at from outbox").all()))

    world.legacy.during_write = deliver
    await world.finish(make_run(), Stage.SHADOW)
    assert dict(seen[0]) == {"legacy": world.clock.now + 10, "user": world.clock.now}


async def test_a_started_delivery_delivers_by_itself_and_shows_the_lag(world, make_run):
    delivered = asyncio.Event()
    world.user.during_write = delivered.set
    world.delivery.start()
    await world.finish(make_run(), Stage.SHADOW)
    async with asyncio.timeout(5):
        await delivered.wait()
    await world.delivery.aclose()
    assert world.user.ids == {"run-1"}
    assert world.metrics.registry.get_sample_value("migration_outbox_rows", {"store": "legacy"}) is not None


async def test_the_lag_is_shown_by_store(world, make_run):
    world.user.down = True
    await world.finish(make_run(), Stage.SHADOW)
    world.clock.now += 90
    await world.delivery.deliver_due("legacy")
    await world.delivery.show_lag()
    value = world.metrics.registry.get_sample_value
    assert [value(f"migration_outbox_{name}", {"store": "user"}) for name in ("rows", "oldest_seconds", "parked")] == [1, 90, 0]
    assert value("migration_outbox_rows", {"store": "legacy"}) == 0


async def test_an_outbox_that_cannot_be_read_stops_no_delivery(world, make_run, monkeypatch):
    delivered, failed = asyncio.Event(), asyncio.Event()
    world.user.during_write = delivered.set
    await world.finish(make_run(), Stage.SHADOW)
    good = world.database._database
    world.break_outbox()
    monkeypatch.setattr(world.metrics, "failed", lambda _operation: failed.set())
    world.delivery.start()
    async with asyncio.timeout(5):
        await failed.wait()
        world.database._database = good
        world.delivery.wake("user")
        await delivered.wait()
    await world.delivery.aclose()


def test_waiting_times_stay_bounded_however_often_a_store_failed():
    assert [Retry().delay_s(failures) for failures in (1, 2, 3, 7, 10**6)] == [1, 2, 4, 60, 60]


async def test_rows_that_come_while_the_delivery_rests_are_claimed_together(world, make_run):
    claimed = []
    claim = world.outbox.claim

    async def counting(*about):
        found = await claim(*about)
        claimed.append(len(found))
        return found

    world.outbox.claim = counting
    writes = StoreWrites(world.stores, world.coverage)
    delivery = Delivery(outbox=world.outbox, writes=writes, metrics=world.metrics, rest_s=0.3, poll_s=60.0)
    delivery.start()
    for number in range(6):
        await world.outbox.add(make_run(f"run-{number}"), ["user"])
        delivery.wake("user")
    async with asyncio.timeout(30):
        while len(world.user.ids) < 6:  # noqa: ASYNC110 - a fake store sets no event
            await asyncio.sleep(0.01)
    await delivery.aclose()
    assert len([rows for rows in claimed if rows]) <= 3
