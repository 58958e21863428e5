"""A tenant's usage and spending, and the prices of models. Every query for usage names its tenant."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import Connection, Select, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from netra_backend.app.services.database import PriceRow, UsageRow
from netra_backend.app.services.transactions import transactions

_DEFAULT_DAYS = 30
_MILLION = 1_000_000

Dimension = Literal["model", "day"]


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """Days, both ends included."""

    since: date
    until: date


class Spend(msgspec.Struct, frozen=True, kw_only=True):
    """The usage of one model, or of one day."""

    key: str  #: the model, or the day as YYYY-MM-DD
    requests: int
    input_tokens: int
    output_tokens: int
    cost_micro_usd: int  #: millionths of a dollar


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """The price of a model."""

    model: str
    input_micro_usd: int  #: in millionths of a dollar, for a million input tokens
    output_micro_usd: int  #: the same for output tokens
    context_window: int  #: tokens
    quality_tier: str  #: "economy", "standard" or "frontier"

    def cost_micro_usd(self, input_tokens: int, output_tokens: int) -> int:
        """Return what these tokens cost in millionths of a dollar, rounded half up."""
        return (input_tokens * self.input_micro_usd + output_tokens * self.output_micro_usd + _MILLION // 2) // _MILLION


# Statements are made once, because making a statement takes longer than executing it.
_usage, _prices = UsageRow.__table__.c, PriceRow.__table__.c


def _spend_by(dimension: Dimension) -> Select[Any]:
    key = _usage.model if dimension == "model" else _usage.day
    cost = func.sum(_usage.cost_micro_usd)
    return (
        select(key, func.sum(_usage.requests), func.sum(_usage.input_tokens), func.sum(_usage.output_tokens), cost)
        .where(_usage.tenant_id == bindparam("tenant_id"), _usage.day.between(bindparam("since"), bindparam("until")))
        .group_by(key)
        .order_by(*((cost.desc(), key) if dimension == "model" else (key,)))
    )


_LAST_DAY: Final = select(func.max(_usage.day)).where(_usage.tenant_id == bindparam("tenant_id"))
_LAST_DAY_UNTIL: Final = _LAST_DAY.where(_usage.day <= bindparam("until"))
_SPEND: Final[Mapping[Dimension, Select[Any]]] = {"model": _spend_by("model"), "day": _spend_by("day")}
_PRICES: Final = select(
    _prices.model, _prices.input_micro_usd, _prices.output_micro_usd, _prices.context_window, _prices.quality_tier
).order_by(_prices.model)


class UsageData:
    """Reads usage and prices.

    Args:
        engine: the database, with its schema created.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._database = transactions(engine)

    async def spending(
        self, tenant_id: str, since: date | None, until: date | None, by: Dimension
    ) -> tuple[Period | None, tuple[Spend, ...]]:
        """Return the requested period (see `period`), and the tenant's spending in it (see `spend`), in one read."""
        return await self._database.read(lambda connection: _spending(connection, tenant_id, since, until, by))

    async def priced_spending(
        self, tenant_id: str, since: date | None, until: date | None
    ) -> tuple[Mapping[str, Price], Period | None, tuple[Spend, ...]]:
        """Return the price list, the requested period, and the tenant's spending in it by model, in one read."""
        return await self._database.read(
            lambda connection: (_price_list(connection), *_spending(connection, tenant_id, since, until, "model"))
        )

    async def period(self, tenant_id: str, since: date | None, until: date | None) -> Period | None:
        """Return the requested period. None as `until`: the last recorded day; None as `since`: 29 days before the end.

        Returns None if nothing is recorded for the tenant up to `until`.
        """
        return await self._database.read(lambda connection: _period(connection, tenant_id, since, until))

    async def spend(self, tenant_id: str, period: Period, by: Dimension) -> tuple[Spend, ...]:
        """Return the tenant's spending: by model, highest cost first; or by day, earliest first."""
        return await self._database.read(lambda connection: _spend(connection, tenant_id, period, by))

    async def prices(self) -> Mapping[str, Price]:
        """Return the price list by model, in alphabetical order."""
        return await self._database.read(_price_list)


def _period(connection: Connection, tenant_id: str, since: date | None, until: date | None) -> Period | None:
    asked: dict[str, object] = {"tenant_id": tenant_id}
    last = connection.execute(_LAST_DAY, asked) if until is None else connection.execute(_LAST_DAY_UNTIL, {**asked, "until": until})
    latest: date | None = last.scalar_one()
    if latest is None:
        return None
    end = until or latest
    return Period(since=since or end - timedelta(days=_DEFAULT_DAYS - 1), until=end)


def _spend(connection: Connection, tenant_id: str, period: Period, by: Dimension) -> tuple[Spend, ...]:
    rows = connection.execute(_SPEND[by], {"tenant_id": tenant_id, "since": period.since, "until": period.until}).all()
    # The sum of 64-bit integers is a decimal in PostgreSQL.
    return tuple(
        Spend(key=str(name), requests=int(requests), input_tokens=int(read), output_tokens=int(written), cost_micro_usd=int(spent))
        for name, requests, read, written, spent in rows
    )


def _spending(
    connection: Connection, tenant_id: str, since: date | None, until: date | None, by: Dimension
) -> tuple[Period | None, tuple[Spend, ...]]:
    period = _period(connection, tenant_id, since, until)
    return period, _spend(connection, tenant_id, period, by) if period else ()


def _price_list(connection: Connection) -> dict[str, Price]:
    return {
        model: Price(model=model, input_micro_usd=read, output_micro_usd=written, context_window=window, quality_tier=tier)
        for model, read, written, window, tier in connection.execute(_PRICES)
    }
