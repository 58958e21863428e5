"""The port for SQLAlchemy, with the real package on SQLite: what is read is on record, and a replay reaches no database."""

import asyncio
import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import create_engine, func, insert, select, text, union_all
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload
from sqlalchemy.schema import ForeignKey

from migration import Origin, stream_engine
from migration.effects.journals.guard import Guard
from migration.effects.journals.sql_record import answered, read_back
from migration.effects.journals.threads import follow_threads
from migration.effects.sql import read_port
from migration.errors import EffectMissingError, RecordedEffectError
from migration.testing import Verdict, compared, explained


class Base(DeclarativeBase):
    """Of the tables of these tests."""


class Person(Base):
    __tablename__ = "person"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    born: Mapped[dt.date]
    owes: Mapped[Decimal]
    orders: Mapped[list["Order"]] = relationship(order_by="Order.id")


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    what: Mapped[bytes]


@pytest.fixture
def file(tmp_path):
    return tmp_path / "shop.db"


@pytest.fixture
def engine(file):
    plain = create_engine(f"sqlite:///{file}")
    Base.metadata.create_all(plain)
    with Session(plain) as session, session.begin():
        ann = Person(id=1, name="Ann", born=dt.date(1990, 2, 3), owes=Decimal("9.50"), orders=[Order(what=b"\xff\x00"), Order(what=b"b")])
        session.add_all([ann, Person(id=2, name="Bo", born=dt.date(1980, 1, 1), owes=Decimal(0))])
    yield read_port(plain)
    plain.dispose()


@pytest.fixture
async def async_engine(engine, file):
    made = create_async_engine(f"sqlite+aiosqlite:///{file}")
    yield read_port(made)
    await made.dispose()


@pytest.fixture
def forgotten(file):
    """Empties the database: what is still read after that comes from a record."""
    return lambda: file.write_bytes(b"")


def reading(engine) -> list[object]:
    with Session(engine) as session:
        found = session.scalars(select(Person).options(selectinload(Person.orders)).order_by(Person.id)).all()
        people = [(one.name, one.born, one.owes, [order.what for order in one.orders]) for one in found]
        lazily = [order.what for order in session.get_one(Person, 1).orders]
        counted = session.scalar(select(func.count()).select_from(Order))
    with engine.connect() as connection:
        by_text = connection.execute(text("WITH p AS (SELECT * FROM person) SELECT name, 1.5 FROM p WHERE id = :id"), {"id": 2}).mappings()
        both = connection.scalars(union_all(select(Person.id), select(Order.id))).all()
        return [people, lazily, counted, list(by_text), both, connection.execute(select(Person.name).where(Person.id == 9)).first()]


READ = [
    [("Ann", dt.date(1990, 2, 3), Decimal("9.50"), [b"\xff\x00", b"b"]), ("Bo", dt.date(1980, 1, 1), Decimal("0.00"), [])],
    [b"\xff\x00", b"b"],
    2,
    [{"name": "Bo", "1.5": 1.5}],
    [1, 2, 1, 2],
    None,
]


def as_body(work: Callable[[], object]):
    async def body():
        return work()

    return body


async def test_what_is_read_is_read_again_from_the_record_and_from_nowhere_else(engine, recorded, replayed, forgotten):
    served = []
    journal = await recorded(as_body(lambda: served.append(reading(engine))))
    forgotten()
    found, replay = await replayed(as_body(lambda: reading(engine)), journal)
    assert served[0] == found == READ
    assert (replay.tally.missing, replay.tally.unused, replay.tally.performed) == (0, 0, 0)
    assert {(one.kind, one.name) for one in journal} == {("tool", "database")}
    asked = json.loads(journal[-1].request)["arguments"]
    assert asked == {"statement": "SELECT person.name \nFROM person \nWHERE person.id = ?", "parameters": [9]}


async def test_async_sessions_are_read_from_the_record_and_take_the_time_they_took(async_engine, recorded, replayed, forgotten):
    async def body():
        async with AsyncSession(async_engine) as session:
            found = await session.scalars(select(Person).options(selectinload(Person.orders)).order_by(Person.id))
            return [(one.name, len(one.orders)) for one in found]

    served, waited = [], []

    async def once():
        served.append(await body())

    async def sleep(delay_s):
        waited.append(delay_s)

    journal = await recorded(once)
    forgotten()
    found, replay = await replayed(body, journal, pacing="recorded", sleep=sleep)
    assert served == [found] == [[("Ann", 2), ("Bo", 0)]]
    assert replay.tally.missing == 0
    assert sum(waited) == pytest.approx(sum(one.duration_s for one in journal))


async def test_branches_that_read_at_once_in_tasks_find_their_own(async_engine, recorded, replayed):
    async def one(number):
        async with async_engine.connect() as connection:
            return await connection.scalar(select(Person.name).where(Person.id == number))

    async def body():
        return await asyncio.gather(*(one(number) for number in (2, 1, 2, 9)))

    journal = await recorded(body)
    found, _ = await replayed(body, journal)
    assert found == ["Bo", "Ann", "Bo", None]


async def test_threads_that_a_run_starts_read_from_its_record(engine, recorded, replayed, forgotten):
    follow_threads()

    async def body():
        return await asyncio.gather(*(asyncio.get_running_loop().run_in_executor(None, reading, engine) for _ in range(2)))

    journal = await recorded(body)
    forgotten()
    assert (await replayed(body, journal))[0] == [READ, READ]


async def test_a_failed_read_fails_again_as_sqlalchemy_says_it(engine, recorded, replayed):
    def work():
        with engine.connect() as connection, pytest.raises(OperationalError, match="no such table") as failure:
            connection.execute(text("SELECT * FROM nowhere"))
        return failure.value.statement

    journal = await recorded(as_body(work))
    assert (await replayed(as_body(work), journal))[0] == "SELECT * FROM nowhere"


def adding(engine):
    with Session(engine) as session, session.begin():
        session.add(Person(id=3, name="Cy", born=dt.date(2000, 1, 1), owes=Decimal(1)))


def adding_many(engine):
    with engine.begin() as connection:
        connection.execute(insert(Order), [{"person_id": 1, "what": b"c"}, {"person_id": 2, "what": b"d"}])


def adding_within_a_query(engine):
    with engine.begin() as connection:
        connection.execute(text("UPDATE person SET name = 'X' RETURNING name")).all()


def counting(engine):
    with engine.connect() as connection:
        return connection.scalar(text("SELECT (SELECT count(*) FROM person) + (SELECT count(*) FROM orders)"))


@pytest.mark.parametrize("write", [adding, adding_many, adding_within_a_query])
async def test_a_write_is_performed_and_not_recorded_when_a_run_serves(engine, recorded, write):
    before = counting(engine)
    assert await recorded(as_body(lambda: write(engine))) == ()
    assert (counting(engine) > before) is (write is not adding_within_a_query)


@pytest.mark.parametrize("write", [adding, adding_many, adding_within_a_query])
async def test_a_replay_refuses_a_write_and_says_which_port_it_needs(engine, replayed, write):
    before = counting(engine)
    with pytest.raises(EffectMissingError, match=r"@migration\.effects\.effect on the function that writes"):
        await replayed(as_body(lambda: write(engine)), ())
    assert counting(engine) == before


@pytest.fixture(scope="module")
def guard():
    return Guard()


async def test_where_shadows_run_a_refused_write_is_counted_even_by_an_engine_that_goes_on(engine, replayed, guard):
    def work():
        with engine.connect() as connection:
            with connection.begin_nested(), pytest.raises(EffectMissingError):
                connection.execute(insert(Order).values(person_id=1, what=b"c"))
            raw = connection.connection.cursor()
            with pytest.raises(EffectMissingError):
                raw.execute("DELETE FROM person")

    with guard.sealed() as refused:
        await replayed(as_body(work), ())
    assert refused == ["database.write"] * 2


async def test_a_streamed_result_has_no_port(async_engine, recorded, replayed):
    async def body():
        async with async_engine.connect() as connection:
            return [row async for row in await connection.stream(select(Person.id))]

    assert await recorded(body) == ()
    with pytest.raises(EffectMissingError, match="read results at once"):
        await replayed(body, ())


async def test_outside_of_runs_and_after_a_dispose_nothing_changes(engine, replayed):
    assert reading(engine) == READ
    engine.dispose()
    assert reading(engine) == READ
    with pytest.raises(EffectMissingError):
        await replayed(as_body(lambda: reading(engine)), ())


@pytest.fixture
def surface(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text('[tool.netra-migration.surfaces]\nshop = "shop.toml"\n')
    (tmp_path / "shop.toml").write_text('surface = "shop"\nversion = 1\n[envelope]\ntexts = ["type"]\n')
    monkeypatch.setenv("NETRA_MIGRATION_PROJECT", str(tmp_path / "pyproject.toml"))
    return "shop"


async def test_a_query_that_changed_is_a_divergence_in_words_of_sql(async_engine, surface):
    def build(_surface, origin):
        async def answer(request):
            async with async_engine.connect() as connection:
                chosen = select(Person.name).order_by(Person.id if origin is Origin.CONTROL else Person.name.desc())
                yield {"type": "done", "names": list(await connection.scalars(chosen if request.body["ask"] else select(Person.name)))}

        return stream_engine(answer)

    alike = await compared(surface, {"ask": False}, engines=build)
    assert alike.verdict is Verdict.MATCH, explained(alike)
    other = await compared(surface, {"ask": True}, engines=build)
    assert other.verdict is Verdict.DIVERGENT
    assert "effect_changed" in {one.kind for one in other.divergences}, explained(other)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -1,
        2**80,
        1.0,
        float("inf"),
        "ü",
        b"\x00",
        Decimal("1.50"),
        dt.datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=dt.UTC),
        dt.datetime(2024, 1, 2),  # noqa: DTZ001 - as drivers give them
        dt.date(2024, 1, 2),
        dt.time(1, 2),
        dt.timedelta(days=-1, microseconds=3),
        UUID(int=5),
        [1, {"a": [Decimal(2)], "unknown": "list"}],
    ],
    ids=str,
)
def test_a_value_comes_back_as_the_driver_gave_it(value):
    description, rows = read_back(answered([("column", 1700)], [(value, 1)]))
    assert (description[0][:2], rows) == (("column", 1700), [(value, 1)])
    assert type(rows[0][0]) is type(value)


def test_a_value_of_another_type_does_not_fail_the_run_that_serves_and_a_replay_says_what_to_do():
    reply = answered([("column", None)], [(object(),)])
    with pytest.raises(RecordedEffectError, match="read it by a function with @effect"):
        read_back(reply)
