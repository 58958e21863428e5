"""Plans that users saved."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from netra_backend.app.services.database import ActionPlanRow


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionPlan:
    """A plan to spend less."""

    tenant_id: str
    id: str  #: 32 hex digits, chosen by whoever saves it
    user_id: str
    thread_id: str
    title: str
    items: Sequence[dict[str, Any]]  #: {"action": text, "saving_usd": number, if known}, in order


class ActionPlans:
    """Saves and reads plans.

    Args:
        engine: the database, with its schema created.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def save(self, plan: ActionPlan) -> bool:
        """Save the plan once: repeating the call, also at the same time, changes nothing.

        Returns:
            False when the id already stands for another plan of the tenant, which stays as it is.
        """
        # Looking first and in its own transaction: a failed insert costs more, and SQLite cannot turn a read into a write under load.
        kept = await self.get(plan.tenant_id, plan.id) or await self._insert(plan)
        return kept == plan

    async def get(self, tenant_id: str, plan_id: str) -> ActionPlan | None:
        """Return the tenant's plan with this id, None when there is none."""
        query = select(ActionPlanRow.__table__).where(ActionPlanRow.tenant_id == tenant_id, ActionPlanRow.id == plan_id)
        async with self._engine.connect() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        return ActionPlan(
            tenant_id=row.tenant_id, id=row.id, user_id=row.user_id, thread_id=row.thread_id, title=row.title, items=list(row.items)
        )

    async def _insert(self, plan: ActionPlan) -> ActionPlan | None:
        """Return the plan that has the id afterwards: the primary key decides a race."""
        values = {name: getattr(plan, name) for name in ("tenant_id", "id", "user_id", "thread_id", "title")}
        try:
            async with self._engine.begin() as connection:
                await connection.execute(insert(ActionPlanRow).values(**values, items=list(plan.items)))
        except IntegrityError:
            kept = await self.get(plan.tenant_id, plan.id)
            if kept is None:
                raise
            return kept
        return plan
