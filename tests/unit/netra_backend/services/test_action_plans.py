import asyncio
from dataclasses import replace

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from netra_backend.app.services.action_plans import ActionPlan, ActionPlans

PLAN = ActionPlan(tenant_id="acme", id="a" * 32, user_id="ada", thread_id="thread-1", title="Spend less", items=[{"action": "switch"}])


async def test_a_saved_plan_can_be_read_back(engine: AsyncEngine) -> None:
    plans = ActionPlans(engine)
    assert await plans.save(PLAN)
    assert await plans.get("acme", PLAN.id) == PLAN


async def test_saving_a_plan_again_changes_nothing(engine: AsyncEngine) -> None:
    plans = ActionPlans(engine)
    assert [await plans.save(PLAN), await plans.save(PLAN)] == [True, True]


async def test_saving_a_plan_many_times_at_once_is_saving_it_once(engine: AsyncEngine) -> None:
    assert all(await asyncio.gather(*(ActionPlans(engine).save(PLAN) for _ in range(8))))


@pytest.mark.parametrize("change", [{"title": "Spend more"}, {"items": []}, {"user_id": "bob"}, {"thread_id": "thread-2"}], ids=str)
async def test_an_id_that_stands_for_another_plan_is_refused_and_the_first_plan_stays(
    engine: AsyncEngine, change: dict[str, object]
) -> None:
    plans = ActionPlans(engine)
    await plans.save(PLAN)
    assert not await plans.save(replace(PLAN, **change))
    assert await plans.get("acme", PLAN.id) == PLAN


async def test_two_tenants_may_use_one_id_and_do_not_see_each_other(engine: AsyncEngine) -> None:
    plans = ActionPlans(engine)
    await plans.save(PLAN)
    assert await plans.get("globex", PLAN.id) is None
    assert await plans.save(replace(PLAN, tenant_id="globex", title="Another"))
