"""A bounded number at once, first come first served, and no permit is ever lost."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netra_backend.app.agents.supervisor.permits import Permits
from netra_backend.app.errors import EngineClosedError


async def say_nothing() -> None:
    pass


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_the_ones_who_wait_are_served_in_order() -> None:
    permits, order = Permits(1, 1.0), []

    async def hold(name: str) -> None:
        async with permits.held(say_nothing):
            order.append(name)
            await asyncio.sleep(0)

    await asyncio.gather(*(hold(name) for name in "abcd"))
    assert order == list("abcd")


def test_who_waits_for_over_a_second_is_told_once_and_the_wait_is_measured(virtual: Callable[..., Any]) -> None:
    told: list[float] = []

    async def scenario() -> float:
        permits = Permits(1, notice_after_s=1.0)
        loop = asyncio.get_running_loop()

        async def notice() -> None:
            told.append(loop.time())

        async def hold_long() -> None:
            async with permits.held(say_nothing):
                await asyncio.sleep(3)

        holder = asyncio.create_task(hold_long())
        await settle()
        async with permits.held(notice) as waited_s:
            await holder
            return waited_s

    assert virtual(scenario()) == pytest.approx(3.0)
    assert told == [pytest.approx(1.0)]


async def test_closing_turns_away_who_waits() -> None:
    permits = Permits(1, 1.0)

    async def wait_in_vain() -> None:
        async with permits.held(say_nothing):
            pytest.fail("it was let in")

    async with permits.held(say_nothing):
        waiting = asyncio.create_task(wait_in_vain())
        await settle()
        permits.close()
        with pytest.raises(EngineClosedError):
            await waiting


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.integers(1, 3), plan=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 8)), min_size=1, max_size=12))
def test_however_holders_are_cancelled_the_limit_holds_and_all_permits_come_back(
    limit: int, plan: list[tuple[int, int]], *, virtual: Callable[..., Any]
) -> None:
    async def scenario() -> None:
        permits = Permits(limit, 1.0)
        held = most = 0

        async def hold(turns: int) -> None:
            nonlocal held, most
            async with permits.held(say_nothing):
                held += 1
                most = max(most, held)
                try:
                    for _ in range(turns):
                        await asyncio.sleep(0)
                finally:
                    held -= 1

        tasks = []
        for turns, cancel_at in plan:
            tasks.append(asyncio.create_task(hold(turns)))
            await asyncio.sleep(0)
            if cancel_at < len(tasks):
                tasks[cancel_at].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert most <= limit
        async with asyncio.timeout(5):  # a lost permit would hang here
            await asyncio.gather(*(hold(0) for _ in range(limit)))
        assert permits._free == limit

    virtual(scenario())
