"""A tenant's usage and spending, and the prices of models. Every query for usage names its tenant."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from netra_backend.app.services.database import PriceRow, UsageRow
from netra_backend.app.services.transactions import transactions

_DEFAULT_DAYS = 30
_MILLION = 1_000_000

Dimension = Literal["model", "day"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Days, both ends included."""

    since: date
    until: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """The usage of one model, or of one day."""

    key: str  #: the model, or the day as YYYY-MM-DD
    requests: int
    input_tokens: int
    output_tokens: int
    cost_micro_usd: int  #: millionths of a dollar


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The price of a model."""

    model: str
    input_micro_usd: int  #: in millionths of a dollar, for a million input tokens
    output_micro_usd: int  #: the same for output tokens
    context_window: int  #: tokens
    quality_tier: str  #: "economy", "standard" or "frontier"

    def cost_micro_usd(self, input_tokens: int, output_tokens: int) -> int:
        """Return what these tokens cost in millionths of a dollar, rounded half up."""
        return (input_tokens * self.input_micro_usd + output_tokens * self.output_micro_usd + _MILLION // 2) // _MILLION


class UsageData:
    """Reads usage and prices.

    Args:
        engine: the database, with its schema created.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._database = transactions(engine)

    async def period(self, tenant_id: str, since: date | None, until: date | None) -> Period | None:
        """Return the requested period. None as `until`: the last recorded day; None as `since`: 29 days before the end.

        Returns None if nothing is recorded for the tenant up to `until`.
        """
        last = select(func.max(UsageRow.day)).where(UsageRow.tenant_id == tenant_id)
        if until is not None:
            last = last.where(UsageRow.day <= until)
        latest: date | None = await self._database.read(lambda connection: connection.execute(last).scalar_one())
        if latest is None:
            return None
        end = until or latest
        return Period(since=since or end - timedelta(days=_DEFAULT_DAYS - 1), until=end)

    async def spend(self, tenant_id: str, period: Period, by: Dimension) -> tuple[Spend, ...]:
        """Return the tenant's spending: by model, highest cost first; or by day, earliest first."""
        key = UsageRow.model if by == "model" else UsageRow.day
        cost = func.sum(UsageRow.cost_micro_usd)
        query = (
            select(key, func.sum(UsageRow.requests), func.sum(UsageRow.input_tokens), func.sum(UsageRow.output_tokens), cost)
            .where(UsageRow.tenant_id == tenant_id, UsageRow.day.between(period.since, period.until))
            .group_by(key)
            .order_by(*((cost.desc(), key) if by == "model" else (key,)))
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        # The sum of 64-bit integers is a decimal in PostgreSQL.
        return tuple(
            Spend(key=str(name), requests=int(requests), input_tokens=int(read), output_tokens=int(written), cost_micro_usd=int(spent))
            for name, requests, read, written, spent in rows
        )

    async def prices(self) -> Mapping[str, Price]:
        """Return the price list by model, in alphabetical order."""
        query = select(PriceRow.__table__).order_by(PriceRow.model)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return {row.model: Price(**row._mapping) for row in rows}  # noqa: SLF001 - SQLAlchemy's documented name, underscored against clashes
