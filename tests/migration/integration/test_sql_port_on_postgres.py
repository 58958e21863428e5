"""The port for SQLAlchemy on PostgreSQL, whose driver makes more kinds of values than SQLite's: a replay has the same, and no server."""

import datetime as dt
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

from migration.effects.journals.recording import Recording
from migration.effects.journals.replaying import ReplayJournal
from migration.effects.ports import activate, deactivate
from migration.effects.sql import read_port
from migration.model import Origin, RunRequest
from tests.integration import postgres_server

pytestmark = pytest.mark.skipif(not postgres_server.installed(), reason="PostgreSQL is not installed")
REQUEST = RunRequest(surface="shop", tenant_id="t", user_id="u", thread_id="d", run_id="r", payload=b"{}", received_at=0.0)
ROW = text(
    "SELECT 1::bigint, 1.50::numeric, '2024-01-02 03:04:05.6+00'::timestamptz, '2024-01-02'::date, '1 day 2 s'::interval, "
    "'00000000-0000-0000-0000-000000000005'::uuid, '{\"a\": [1, 2.5, null]}'::jsonb, ARRAY['x', 'y'], '\\x00ff'::bytea, true, null, :given"
)
READ = (
    1,
    Decimal("1.50"),
    dt.datetime(2024, 1, 2, 3, 4, 5, 600_000, tzinfo=dt.UTC),
    dt.date(2024, 1, 2),
    dt.timedelta(days=1, seconds=2),
    UUID(int=5),
    {"a": [1, 2.5, None]},
    ["x", "y"],
    b"\x00\xff",
    True,
    None,
    "ü",
)


@pytest.fixture(scope="module")
def url():
    with postgres_server.running() as url:
        yield url


async def served_and_replayed(body):
    """What a body gives when a run serves, and again from its journal."""
    tape, found = Recording(REQUEST), []

    async def run():
        found.append(await body())
        return
        yield

    events = run()
    await tape.next_of(events)
    await tape.close(events)
    journal = tape.record(Origin.CONTROL, "completed", None, None).journal
    token = activate(ReplayJournal(journal))
    try:
        return found[0], await body()
    finally:
        deactivate(token)


async def test_values_of_every_kind_come_back_sync(url):
    engine = read_port(create_engine(url))
    other = read_port(create_engine(url))  # as in a worker: it never saw the server

    async def body(engines=[other, engine]):  # noqa: B006 - the first run takes the last one
        with engines.pop().connect() as connection:
            return tuple(connection.execute(ROW, {"given": "ü"}).one())

    assert await served_and_replayed(body) == (READ, READ)
    engine.dispose()


async def test_values_of_every_kind_come_back_async(url):
    engine = read_port(create_async_engine(url))
    other = read_port(create_async_engine(url))

    async def body(engines=[other, engine]):  # noqa: B006 - as above
        async with engines.pop().connect() as connection:
            return tuple((await connection.execute(ROW, {"given": "ü"})).one())

    assert await served_and_replayed(body) == (READ, READ)
    await engine.dispose()
