"""The tests of proofs of history and of gates' needs, once more, on a real PostgreSQL."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from migration.settings import MigrationSettings
from tests.unit.migration.evidence.test_needs import *  # noqa: F403 - whatever that module tests
from tests.unit.migration.stores.conftest import World, make_run  # noqa: F401 - a fixture of these tests
from tests.unit.migration.stores.test_proofs import *  # noqa: F403 - whatever that module tests

pytestmark = pytest.mark.server


@pytest.fixture
def empty(postgres_url: str) -> str:
    """Return the server's address, emptied."""
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return postgres_url


@pytest.fixture
def world(empty: str) -> Iterator[World]:
    with closing(World(empty)) as world:
        yield world


@pytest.fixture
def settings(empty: str, tmp_path: Path) -> MigrationSettings:
    return MigrationSettings(home=tmp_path, surfaces=("chat",), evidence_url=empty)
