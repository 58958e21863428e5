"""A real PostgreSQL on loopback, for this folder's tests. Skips, and says why, where there is none."""

from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from netra_backend.app.services.database import Table, open_engine
from tests.integration import postgres_server


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    if not postgres_server.installed():
        pytest.skip(postgres_server.MISSING)
    with postgres_server.running() as url:
        yield url


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[AsyncEngine]:
    """A database without tables."""
    engine = open_engine(postgres_url)
    async with engine.begin() as connection:
        await connection.run_sync(Table.metadata.drop_all)
    yield engine
    await engine.dispose()
