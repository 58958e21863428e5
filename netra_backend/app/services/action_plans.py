"""Plans that users saved."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.ext.asyncio import AsyncEngine

from netra_backend.app.services.database import ActionPlanRow
from netra_backend.app.services.inserts import insert_into
from netra_backend.app.services.transactions import transactions


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionPlan:
    """A plan to spend less."""

    tenant_id: str
    id: str  #: 32 hex digits, chosen by the caller that saves the plan
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
        self._database = transactions(engine)

    async def save(self, plan: ActionPlan) -> bool:
        """Save the plan once: a repeated or concurrent call changes nothing.

        Returns:
            False if another plan of the tenant already has the id; that plan stays unchanged.
        """
        return await self._database.write(lambda connection: _kept(connection, plan)) == plan

    async def get(self, tenant_id: str, plan_id: str) -> ActionPlan | None:
        """Return the tenant's plan with this id; None when there is none."""
        return await self._database.read(lambda connection: _read(connection, tenant_id, plan_id))


# Statements are made once, because making a statement takes longer than executing it.
_plans: Final = ActionPlanRow.metadata.tables[ActionPlanRow.__tablename__]
_COLUMNS: Final = ("tenant_id", "id", "user_id", "thread_id", "title", "items")
_PLAN: Final = select(*(_plans.c[name] for name in _COLUMNS)).where(
    _plans.c.tenant_id == bindparam("tenant"), _plans.c.id == bindparam("plan")
)


@functools.cache
def _save(dialect: str) -> Any:  # noqa: ANN401 - see `insert_into`
    return insert_into(_plans, dialect).values({name: bindparam(name) for name in _COLUMNS}).on_conflict_do_nothing()


def _read(connection: Connection, tenant_id: str, plan_id: str) -> ActionPlan | None:
    row = connection.execute(_PLAN, {"tenant": tenant_id, "plan": plan_id}).one_or_none()
    if row is None:
        return None
    return ActionPlan(
        tenant_id=row.tenant_id, id=row.id, user_id=row.user_id, thread_id=row.thread_id, title=row.title, items=list(row.items)
    )


def _kept(connection: Connection, plan: ActionPlan) -> ActionPlan | None:
    """Insert the plan unless its id exists, and return the stored plan with this id; the primary key decides a race."""
    values = {name: getattr(plan, name) for name in _COLUMNS} | {"items": list(plan.items)}
    connection.execute(_save(connection.dialect.name), values)
    return _read(connection, plan.tenant_id, plan.id)
