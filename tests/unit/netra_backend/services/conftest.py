"""A fresh database for each test, and settings that no variable of the machine reaches."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from netra_backend.app.config import Settings
from netra_backend.app.services.database import UsageRow, create_schema, open_engine
from netra_backend.app.services.user_execution_context import UserExecutionContext


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("NETRA_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, jwt_secret="s" * 32)


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    engine = open_engine(f"sqlite+aiosqlite:///{tmp_path / 'netra.db'}")
    await create_schema(engine)
    yield engine
    await engine.dispose()


@pytest.fixture
def make_context() -> Callable[..., UserExecutionContext]:
    def make(tenant: str = "acme", user: str = "ada") -> UserExecutionContext:
        return UserExecutionContext(tenant_id=tenant, user_id=user, thread_id="thread-1", run_id="run-1")

    return make


@pytest.fixture
def add_usage(engine: AsyncEngine) -> Callable[..., Awaitable[None]]:
    """Add a day's usage of a model that costs `usd`."""

    async def add(
        model: str, day: str, *, tenant: str = "acme", requests: int = 10, tokens: tuple[int, int] = (0, 0), usd: float = 0.0
    ) -> None:
        values = {
            "tenant_id": tenant,
            "model": model,
            "day": date.fromisoformat(day),
            "requests": requests,
            "input_tokens": tokens[0],
            "output_tokens": tokens[1],
            "cost_micro_usd": round(usd * 1e6),
        }
        async with engine.begin() as connection:
            await connection.execute(insert(UsageRow).values(**values))

    return add
