from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from netra_backend.app.services.database import PriceRow, UsageRow, create_schema, open_engine
from netra_backend.app.services.sample_data import SAMPLE_PRICES, seed
from netra_backend.app.services.usage_data import UsageData

UNTIL = date(2025, 3, 31)


async def rows(engine: AsyncEngine) -> list[tuple[object, ...]]:
    async with engine.connect() as connection:
        return [
            tuple(row)
            for row in await connection.execute(select(UsageRow.__table__).order_by(UsageRow.tenant_id, UsageRow.model, UsageRow.day))
        ]


async def test_the_same_tenants_and_days_give_the_same_rows(engine: AsyncEngine, tmp_path: Path) -> None:
    another = open_engine(f"sqlite+aiosqlite:///{tmp_path / 'another.db'}")
    await create_schema(another)
    await seed(engine, ["acme", "globex"], until=UNTIL)
    await seed(another, ["globex", "acme"], until=UNTIL)
    assert await rows(engine) == await rows(another)
    await another.dispose()


async def test_each_tenant_gets_its_own_days_up_to_the_last(engine: AsyncEngine) -> None:
    added = await seed(engine, ["acme", "globex"], until=UNTIL, days=10)
    assert set(added) == {"acme", "globex"}
    assert all(3 * 10 <= count <= 5 * 10 for count in added.values())
    assert {row[2] for row in await rows(engine)} == {date(2025, 3, day) for day in range(22, 32)}


async def test_a_tenant_that_has_usage_keeps_it(engine: AsyncEngine) -> None:
    await seed(engine, ["acme"], until=UNTIL)
    before = await rows(engine)
    assert await seed(engine, ["acme"], until=date(2025, 6, 30)) == {"acme": 0}
    assert await rows(engine) == before


async def test_a_price_that_is_known_already_stays(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        known = {"model": "gpt-4o", "input_micro_usd": 1, "output_micro_usd": 2, "context_window": 3, "quality_tier": "economy"}
        await connection.execute(insert(PriceRow).values(**known))
    await seed(engine, [], until=UNTIL)
    prices = await UsageData(engine).prices()
    assert (len(prices), prices["gpt-4o"].input_micro_usd) == (len(SAMPLE_PRICES), 1)


async def test_no_days_are_refused(engine: AsyncEngine) -> None:
    with pytest.raises(ValueError, match="days must be 1 or more"):
        await seed(engine, ["acme"], until=UNTIL, days=0)
