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


class LatePlans(ActionPlans):
    """Looks for the plan, and goes on only when all others have looked too."""

    def __init__(self, engine: AsyncEngine, all_looked: asyncio.Barrier) -> None:
        super().__init__(engine)
        self._all_looked: asyncio.Barrier | None = all_looked

    async def get(self, tenant_id: str, plan_id: str) -> ActionPlan | None:
        found = await super().get(tenant_id, plan_id)
        if self._all_looked is not None:
            barrier, self._all_looked = self._all_looked, None
            await barrier.wait()
        return found


async def test_saving_a_plan_many_times_at_once_is_saving_it_once(engine: AsyncEngine) -> None:
    barrier = asyncio.Barrier(4)
    assert await asyncio.gather(*(LatePlans(engine, barrier).save(PLAN) for _ in range(4))) == [True] * 4


async def test_of_different_plans_that_race_for_an_id_exactly_one_is_saved(engine: AsyncEngine) -> None:
    barrier = asyncio.Barrier(4)
    plans = [replace(PLAN, title=f"Plan {number}") for number in range(4)]
    saved = await asyncio.gather(*(LatePlans(engine, barrier).save(plan) for plan in plans))
    assert [plan for plan, kept in zip(plans, saved, strict=True) if kept] == [await ActionPlans(engine).get("acme", PLAN.id)]


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
