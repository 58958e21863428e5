"""Sample prices and usage, so that the agents have data. The same tenants and days always give the same rows."""

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from netra_backend.app.services.database import PriceRow, UsageRow
from netra_backend.app.services.usage_data import Price

_WORKDAYS = 5


def _price(model: str, input_usd: float, output_usd: float, context_window: int, quality_tier: str) -> Price:
    return Price(
        model=model,
        input_micro_usd=round(input_usd * 1e6),
        output_micro_usd=round(output_usd * 1e6),
        context_window=context_window,
        quality_tier=quality_tier,
    )


#: Dollars for a million input and output tokens: sample values, close to the vendors' prices in 2025.
SAMPLE_PRICES = (
    _price("claude-haiku-3.5", 0.80, 4.00, 200_000, "economy"),
    _price("claude-sonnet-4", 3.00, 15.00, 200_000, "frontier"),
    _price("gemini-2.5-flash", 0.30, 2.50, 1_048_576, "standard"),
    _price("gemini-2.5-pro", 1.25, 10.00, 1_048_576, "frontier"),
    _price("gpt-4.1", 2.00, 8.00, 1_047_576, "frontier"),
    _price("gpt-4.1-mini", 0.40, 1.60, 1_047_576, "standard"),
    _price("gpt-4.1-nano", 0.10, 0.40, 1_047_576, "economy"),
    _price("gpt-4o", 2.50, 10.00, 128_000, "frontier"),
    _price("gpt-4o-mini", 0.15, 0.60, 128_000, "economy"),
)


async def seed(engine: AsyncEngine, tenants: Iterable[str], *, until: date, days: int = 60) -> Mapping[str, int]:
    """Load the missing sample prices, and sample usage for each tenant without usage.

    Args:
        engine: the database, with its schema created.
        tenants: the tenants to load usage for.
        until: last day of the usage.
        days: how many days of usage, 1 or more.

    Returns:
        The number of added rows of usage, by tenant: 0 for a tenant that already had usage, which stays unchanged.

    Raises:
        ValueError: `days` is less than 1.
    """
    if days < 1:
        raise ValueError("days must be 1 or more")
    async with engine.begin() as connection:
        known = set((await connection.execute(select(PriceRow.model))).scalars())
        missing = [_columns(price) for price in SAMPLE_PRICES if price.model not in known]
        if missing:
            await connection.execute(insert(PriceRow), missing)
    return {tenant: await _seed_tenant(engine, tenant, until, days) for tenant in dict.fromkeys(tenants)}


async def _seed_tenant(engine: AsyncEngine, tenant: str, until: date, days: int) -> int:
    async with engine.begin() as connection:
        had = (await connection.execute(select(func.count()).select_from(UsageRow).where(UsageRow.tenant_id == tenant))).scalar_one()
        if had:
            return 0
        rows = list(_usage(tenant, until, days))
        await connection.execute(insert(UsageRow), rows)
        return len(rows)


def _usage(tenant: str, until: date, days: int) -> Iterator[dict[str, Any]]:
    """Yield rows for three to five models: usage is higher on workdays and grows slowly."""
    dice = random.Random(f"netra sample usage of {tenant}")  # noqa: S311 - sample data, seeded so that it repeats
    for price in dice.sample(SAMPLE_PRICES, dice.randint(3, 5)):
        daily, read, written = dice.randint(200, 5_000), dice.randint(400, 3_000), dice.randint(80, 900)
        for number in range(days):
            day = until - timedelta(days=days - 1 - number)
            quiet = 1.0 if day.weekday() < _WORKDAYS else 0.3
            requests = max(1, round(daily * quiet * (1 + number / days) * dice.uniform(0.8, 1.2)))
            input_tokens, output_tokens = requests * read, requests * written
            yield {
                "tenant_id": tenant,
                "model": price.model,
                "day": day,
                "requests": requests,
                "input_tokens": input_tokens,
                "output_tokens": output_tokens,
                "cost_micro_usd": price.cost_micro_usd(input_tokens, output_tokens),
            }


def _columns(price: Price) -> dict[str, Any]:
    return {name: getattr(price, name) for name in Price.__struct_fields__}
