from collections.abc import Awaitable, Callable
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from netra_backend.app.services.usage_data import Period, Price, UsageData

Add = Callable[..., Awaitable[None]]
MARCH = Period(since=date(2025, 3, 1), until=date(2025, 3, 31))


async def test_a_period_ends_on_the_last_day_on_record_and_is_30_days_long(engine: AsyncEngine, add_usage: Add) -> None:
    await add_usage("gpt-4o", "2025-03-01")
    await add_usage("gpt-4o", "2025-03-30")
    assert await UsageData(engine).period("acme", None, None) == Period(since=date(2025, 3, 1), until=date(2025, 3, 30))


async def test_a_given_end_of_a_period_is_kept(engine: AsyncEngine, add_usage: Add) -> None:
    await add_usage("gpt-4o", "2025-03-01")
    asked = date(2025, 2, 1), date(2025, 4, 1)
    assert await UsageData(engine).period("acme", *asked) == Period(since=asked[0], until=asked[1])


async def test_a_period_that_ends_on_the_first_day_on_record_has_usage_and_one_before_it_has_none(
    engine: AsyncEngine, add_usage: Add
) -> None:
    await add_usage("gpt-4o", "2025-03-01", usd=3)
    asked = (
        UsageData(engine).spending("acme", None, date(2025, 3, 1), "model"),
        UsageData(engine).spending("acme", None, date(2025, 2, 28), "model"),
    )
    (period, (spend,)), nothing = [await each for each in asked]
    assert (period, spend.cost_micro_usd) == (Period(since=date(2025, 1, 31), until=date(2025, 3, 1)), 3_000_000)
    assert nothing == (None, ())


async def test_without_any_usage_there_is_no_period(engine: AsyncEngine, add_usage: Add) -> None:
    await add_usage("gpt-4o", "2025-03-01", tenant="globex")
    assert await UsageData(engine).period("acme", None, None) is None


async def test_spending_by_model_comes_dearest_first(engine: AsyncEngine, add_usage: Add) -> None:
    await add_usage("a-cheap-one", "2025-03-01", usd=1)
    await add_usage("dear-one", "2025-03-01", usd=2)
    await add_usage("dear-one", "2025-03-02", usd=3)
    spend = await UsageData(engine).spend("acme", MARCH, "model")
    assert [(row.key, row.cost_micro_usd) for row in spend] == [("dear-one", 5_000_000), ("a-cheap-one", 1_000_000)]


async def test_spending_by_day_comes_earliest_first(engine: AsyncEngine, add_usage: Add) -> None:
    await add_usage("gpt-4o", "2025-03-02", requests=7)
    await add_usage("gpt-4o", "2025-03-01", requests=5)
    await add_usage("gpt-4.1", "2025-03-01", requests=1)
    spend = await UsageData(engine).spend("acme", MARCH, "day")
    assert [(row.key, row.requests) for row in spend] == [("2025-03-01", 6), ("2025-03-02", 7)]


async def test_days_outside_the_period_do_not_count(engine: AsyncEngine, add_usage: Add) -> None:
    for day in ("2025-02-28", "2025-03-01", "2025-03-31", "2025-04-01"):
        await add_usage("gpt-4o", day, requests=1)
    (row,) = await UsageData(engine).spend("acme", MARCH, "model")
    assert row.requests == 2


@pytest.mark.parametrize("by", ["model", "day"])
async def test_spending_of_another_tenant_is_never_seen(engine: AsyncEngine, add_usage: Add, by: str) -> None:
    await add_usage("gpt-4o", "2025-03-01", tenant="globex", usd=99)
    assert await UsageData(engine).spend("acme", MARCH, by) == ()


async def test_sums_beyond_64_bit_floats_stay_exact(engine: AsyncEngine, add_usage: Add) -> None:
    await add_usage("gpt-4o", "2025-03-01", tokens=(2**53, 0))
    await add_usage("gpt-4o", "2025-03-02", tokens=(1, 0))
    (row,) = await UsageData(engine).spend("acme", MARCH, "model")
    assert row.input_tokens == 2**53 + 1


@given(tokens=st.integers(0, 10**12), price=st.integers(0, 10**9), factor=st.integers(1, 1000))
def test_cost_is_exact_to_half_a_millionth_of_a_dollar(tokens: int, price: int, factor: int) -> None:
    cost = Price(
        model="m", input_micro_usd=price, output_micro_usd=price * factor, context_window=1, quality_tier="economy"
    ).cost_micro_usd(tokens, tokens)
    assert abs(cost * 1_000_000 - tokens * price * (1 + factor)) <= 500_000
