import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from netra_backend.app.errors import ThreadNotFoundError
from netra_backend.app.services.action_plans import ActionPlan, ActionPlans
from netra_backend.app.services.database import create_schema, open_engine
from netra_backend.app.services.sample_data import SAMPLE_PRICES, seed
from netra_backend.app.services.threads import ThreadStore
from netra_backend.app.services.usage_data import UsageData

pytestmark = pytest.mark.server

PLAN = ActionPlan(tenant_id="acme", id="a" * 32, user_id="ada", thread_id="thread-1", title="Spend less", items=[{"action": "switch"}])


async def claims(claim: Callable[[int], Awaitable[None]]) -> int:
    """Return how many of eight simultaneous claims succeeded."""
    results = await asyncio.gather(*map(claim, range(8)), return_exceptions=True)
    assert all(result is None or isinstance(result, ThreadNotFoundError) for result in results)
    return results.count(None)


async def test_processes_that_start_together_may_all_create_the_schema(postgres: AsyncEngine, postgres_url: str) -> None:
    engines = [open_engine(postgres_url) for _ in range(4)]
    await asyncio.gather(*(create_schema(engine) for engine in engines))
    for engine in engines:
        await engine.dispose()
    assert await UsageData(postgres).prices() == {}


async def test_sample_usage_adds_up_the_same_by_model_and_by_day(postgres: AsyncEngine) -> None:
    await create_schema(postgres)
    await seed(postgres, ["acme", "globex"], until=date(2025, 3, 31))
    usage = UsageData(postgres)
    period = await usage.period("acme", None, None)
    assert period is not None
    by_model, by_day = [await usage.spend("acme", period, by) for by in ("model", "day")]
    assert (len(by_day), len(await usage.prices())) == (30, len(SAMPLE_PRICES))
    assert sum(row.cost_micro_usd for row in by_model) == sum(row.cost_micro_usd for row in by_day) > 0


async def test_of_many_users_that_race_for_a_thread_exactly_one_gets_it(postgres: AsyncEngine) -> None:
    await create_schema(postgres)
    assert await claims(lambda number: ThreadStore(postgres).ensure("acme", f"user-{number}", "thread-1")) == 1


async def test_saving_a_plan_many_times_at_once_is_saving_it_once(postgres: AsyncEngine) -> None:
    await create_schema(postgres)
    assert all(await asyncio.gather(*(ActionPlans(postgres).save(PLAN) for _ in range(8))))
    assert not await ActionPlans(postgres).save(replace(PLAN, title="Spend more"))
    assert await ActionPlans(postgres).get("acme", PLAN.id) == PLAN


async def test_a_read_only_engine_reads_and_the_database_refuses_changes(postgres: AsyncEngine, postgres_url: str) -> None:
    await create_schema(postgres)
    read_only = open_engine(postgres_url, read_only=True)
    async with read_only.connect() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM prices"))).scalar_one() == 0
        with pytest.raises(DBAPIError, match="read-only transaction"):
            await connection.execute(text("DELETE FROM prices"))
    await read_only.dispose()
