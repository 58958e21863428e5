"""A proof that the history is whole holds for one store, as it was then, and not for ever."""

import pytest

from migration.stores import Coverage, RunStores
from migration.stores.coverage import PROOF_AGE_S
from migration.stores.proof_watch import ProofWatch
from migration.stores.proofs import ProofCheck, recheck_now


@pytest.fixture
async def proved(world, make_run):
    """A world whose user store is proved to have four runs."""
    await world.legacy.write([make_run(f"run-{number}", tenant_id=f"tenant-{number % 2}") for number in range(4)])
    await world.backfill().run()
    return world


@pytest.fixture
def check(proved):
    async def run(*, identity="", **asked):
        stores = RunStores(stores=proved.stores, scans=proved.stores, identities={"user": identity} if identity else {})
        return await ProofCheck("chat", "user", stores=stores, coverage=proved.coverage, outbox=proved.outbox, on_its_way_s=0.0).run(
            **asked
        )

    return run


async def test_it_holds_while_the_store_has_every_run(proved, check):
    assert await check() is None
    assert proved.coverage.unproved_now("chat", "user") is None


async def test_a_deleted_row_is_refused_until_a_backfill_is_verified_again(proved, check):
    key, run = proved.user.runs.popitem()
    assert await check() == "it has 3 runs and had 4: runs were deleted, or an older copy was restored"
    proved.user.runs[key] = run
    assert await check() == proved.coverage.unproved_now("chat", "user")
    await proved.backfill().run()
    assert proved.coverage.unproved_now("chat", "user") is None
    assert await check() is None


async def test_a_deleted_row_is_noticed_even_if_a_new_one_replaces_it(proved, check, make_run):
    (_, tenant), *_ = [(key, run.tenant_id) for key, run in proved.user.runs.items()]
    proved.user.runs.popitem()
    new = make_run("run-9", tenant_id=tenant)
    await proved.user.write([new])
    await proved.legacy.write([new])
    assert await check() == "it lacks 1 runs of tenant-1 that the legacy store has"
    assert set(await proved.coverage.gaps("chat", "user")) == {"tenant-1"}


async def test_another_store_is_refused_even_if_its_runs_are_the_same(proved, check):
    await proved.coverage.verified("chat", "user", identity="a", runs=4)
    assert await check(identity="a") is None
    assert "the settings name another database" in await check(identity="b")


async def test_a_changed_run_counts_as_missing(proved, check, make_run):
    key = next(iter(proved.user.runs))
    proved.user.runs[key] = make_run(key[3], tenant_id=key[0], body=b'{"changed": 1}')
    assert "it lacks 1 runs" in await check()


async def test_a_proof_that_nobody_checked_for_a_day_is_too_old(proved, check):
    proved.clock.now += PROOF_AGE_S + 1
    assert proved.coverage.unproved_now("chat", "user") == "its proof was last checked 24 hours ago"
    assert await check() is None
    assert proved.coverage.unproved_now("chat", "user") is None


async def test_a_run_that_waits_in_the_outbox_is_not_missing(proved, check, make_run):
    late = make_run("run-9")
    await proved.outbox.add(late, ["user"])
    await proved.legacy.write([late])
    assert await check() is None


async def test_a_run_that_was_written_to_one_store_alone_is_known_to_be_missing(proved, check, make_run):
    await proved.legacy.write([make_run("run-9", tenant_id="globex")])
    await proved.coverage.mark("chat", "globex", "user")
    assert await check() is None


async def test_an_erasure_lets_both_stores_have_fewer_runs(proved, check):
    from migration.stores import erase_outbox

    await proved.database.run("erase", lambda connection: erase_outbox(connection, "tenant-0", None))
    for store in (proved.legacy, proved.user):
        store.runs = {key: run for key, run in store.runs.items() if run.tenant_id != "tenant-0"}
    assert await check() is None


async def test_a_look_without_keeping_stores_nothing(proved, check):
    proved.user.runs.popitem()
    assert await check(keep=False) is not None
    assert proved.coverage.unproved_now("chat", "user") is None


async def test_while_a_refused_proof_stands_threads_are_read_from_both_stores(proved, check):
    assert await proved.coverage.lacking(["chat"], "tenant-0") == set()
    proved.user.runs.popitem()
    await check()
    assert await proved.coverage.lacking(["chat"], "tenant-0") == {("chat", "user")}


class _Opened:
    def __init__(self, world):
        self.stores = RunStores(stores=world.stores, scans=world.stores)

    async def __aenter__(self):
        return self.stores

    async def __aexit__(self, *_):
        return None


async def test_a_process_checks_in_the_background_and_only_one_at_a_time(proved):
    await Coverage(proved.database).verified("chat", "user", runs=4)  # by the clock of the watches
    looked = []

    def opener():
        looked.append(1)
        return _Opened(proved)

    watches = [ProofWatch(proved.url, lambda: opener, proved.metrics, every_s=-1.0), ProofWatch(proved.url, lambda: opener, proved.metrics)]
    proved.user.runs.popitem()
    await watches[1].check_due()
    assert looked == []  # the proof was begun to be checked just now
    await watches[0].check_due()
    assert len(looked) == 1
    assert "it has 3 runs and had 4" in proved.coverage.unproved_now("chat", "user")
    for watch in watches:
        watch.close()


async def test_a_check_at_an_edit_gives_up_in_time_and_the_last_check_counts(proved):
    async def never(*_):
        import asyncio

        await asyncio.sleep(60)

    proved.user.between = never
    found = recheck_now(lambda: _Opened(proved), "chat", "user", proved.coverage, proved.outbox, at_most_s=0.05)
    assert found is None
