"""One begin and one end stand for the writes of a tenant that follow each other closely; a backfill still waits for each of them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from migration.errors import OutboxError
from migration.stages import Store
from migration.stores.coverage import Coverage
from migration.stores.database import StoresDatabase
from migration.stores.omissions import Omissions


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Counted(Coverage):
    """Counts the commits."""

    def __init__(self, database: StoresDatabase) -> None:
        super().__init__(database)
        self.begins = self.ends = 0
        self.fails = False

    async def begin_without(self, surface: str, tenant_id: str, store: Store) -> None:
        self.begins += 1
        if self.fails:
            raise OutboxError("planned")
        await super().begin_without(surface, tenant_id, store)

    async def end_without(self, surface: str, tenant_id: str, store: Store) -> None:
        self.ends += 1
        await super().end_without(surface, tenant_id, store)

    async def under_way(self, tenant: str = "acme") -> int:
        gap = (await self.gaps("chat", "user"))[tenant]
        return gap.begun - gap.ended


@pytest.fixture
async def coverage(tmp_path: Path) -> AsyncIterator[Counted]:
    database = StoresDatabase(f"sqlite:///{tmp_path / 'stores.db'}")
    yield Counted(database)
    database.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def omissions(coverage: Counted, clock: Clock) -> AsyncIterator[Omissions]:
    made = Omissions(coverage, linger_s=3600.0, clock=clock)
    yield made
    await made.aclose()


async def write(omissions: Omissions, tenant: str = "acme") -> None:
    async with omissions.leaving_out("chat", tenant, "user"):
        pass


async def test_a_write_after_a_pause_is_recorded_at_once(omissions: Omissions, coverage: Counted, clock: Clock) -> None:
    for _ in range(3):
        await write(omissions)
        assert await coverage.under_way() == 0
        clock.now += 1.0
    assert (coverage.begins, coverage.ends) == (3, 3)


async def test_writes_without_a_pause_have_one_begin_and_no_backfill_ends_between_them(omissions: Omissions, coverage: Counted) -> None:
    for _ in range(20):
        await write(omissions)
    gap = (await coverage.gaps("chat", "user"))["acme"]
    assert (coverage.begins, coverage.ends, gap.begun - gap.ended) == (2, 1, 1)
    assert not await coverage.close(gap)
    await omissions.aclose()
    assert not await coverage.close(gap)  # it may lack what was written since
    assert await coverage.close((await coverage.gaps("chat", "user"))["acme"])


async def test_an_end_is_recorded_when_no_further_write_comes(coverage: Counted) -> None:
    omissions = Omissions(coverage, linger_s=0.01)
    await write(omissions)
    await write(omissions)
    async with asyncio.timeout(30.0):
        while await coverage.under_way():  # noqa: ASYNC110 - the database sets no event
            await asyncio.sleep(0.005)
    assert coverage.ends == 2


async def test_a_stretch_is_short_however_long_writes_follow_each_other(omissions: Omissions, coverage: Counted, clock: Clock) -> None:
    for _ in range(100):
        await write(omissions)
        clock.now += 0.5
    await omissions.aclose()
    assert await coverage.under_way() == 0
    assert 10 <= coverage.begins == coverage.ends <= 15


async def test_a_write_that_takes_longer_than_a_stretch_keeps_its_own_end(omissions: Omissions, coverage: Counted, clock: Clock) -> None:
    async with omissions.leaving_out("chat", "acme", "user"):
        clock.now += 60.0
        await write(omissions)
        await omissions.aclose()
        assert (coverage.begins, await coverage.under_way()) == (2, 1)
    assert await coverage.under_way() == 0


async def test_tenants_have_their_own_begins(omissions: Omissions, coverage: Counted) -> None:
    for tenant in ("acme", "globex", "acme", "globex"):
        await write(omissions, tenant)
    assert coverage.begins == 4
    assert (await coverage.under_way("acme"), await coverage.under_way("globex")) == (1, 1)


async def test_no_write_begins_unless_its_begin_is_recorded(omissions: Omissions, coverage: Counted) -> None:
    coverage.fails = True
    for _ in range(2):
        with pytest.raises(OutboxError, match="planned"):
            await write(omissions)
    coverage.fails = False
    await write(omissions)
    assert (coverage.begins, coverage.ends) == (3, 1)


async def test_whoever_stops_waiting_leaves_no_write_open(omissions: Omissions, coverage: Counted) -> None:
    task = asyncio.create_task(write(omissions))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await coverage.under_way() == 0
