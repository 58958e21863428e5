"""Shared by both run stores: one table of runs in SQLite or PostgreSQL, created on first use."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, Final

import msgspec
from sqlalchemy import Column, Connection, Float, Index, MetaData, Select, String, Table, Text, and_, bindparam, func, or_, select, tuple_
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError
from sqlalchemy.ext.asyncio import AsyncEngine

from netra_backend.app.errors import RunRefusedError, RunStoreUnavailableError
from netra_backend.app.services.database import ID_CHARACTERS, create_schema
from netra_backend.app.services.inserts import insert_into
from netra_backend.app.services.runs.finished_run import FinishedRun, RunKey, in_order, key_of
from netra_backend.app.services.transactions import transactions

KEY: Final = ("tenant_id", "user_id", "thread_id", "run_id")
# Pages follow the order of keys, so this order must not depend on the machine's locale.
_Id = String(ID_CHARACTERS).with_variant(String(ID_CHARACTERS, collation="C"), "postgresql")

_NONE: Final[Mapping[str, object]] = MappingProxyType({})
_decoder = msgspec.json.Decoder(FinishedRun)
_encoder = msgspec.json.Encoder()


def run_table(name: str, primary_key: Sequence[str]) -> Table:
    """Return a table of runs, in separate metadata, so that each store can be in a separate database."""
    table = Table(
        name,
        MetaData(),
        *(Column(column, _Id, primary_key=column in primary_key, nullable=False) for column in KEY),
        Column("surface", String(64), nullable=False),
        Column("started_at", Float(53), nullable=False, comment="Unix seconds"),
        Column("record", Text, nullable=False, comment="FinishedRun as JSON"),
    )
    if tuple(primary_key) != KEY:
        Index(f"ix_{name}_key", *(table.c[column] for column in KEY))
    return table


class SqlRuns:
    """Runs in one table.

    Args:
        engine: the database; the store does not close it.
        table: made by `run_table`.
    """

    def __init__(self, engine: AsyncEngine, table: Table) -> None:
        self._engine, self._table, self._database = engine, table, transactions(engine)
        self._key = tuple_(*(table.c[column] for column in KEY))
        # Statements are made once, because making a statement takes longer than executing it.
        column = table.c
        self._insert = insert_into(table, engine.dialect.name).on_conflict_do_nothing()
        self._thread = select(column.record).where(*(column[name] == bindparam(name) for name in KEY[:-1]))
        self._newest = self._thread.order_by(column.started_at.desc(), column.run_id.desc()).limit(bindparam("newest"))
        self._made = False
        self._making = asyncio.Lock()

    async def write(self, runs: Sequence[FinishedRun], /) -> None:
        """Store all of the runs or none. Writing a run again changes nothing.

        Raises:
            RunRefusedError: the id of one of the runs belongs to another run, or the store can never store one of them.
            RunStoreUnavailableError: the store cannot be reached or cannot store now.
        """
        if not runs:
            return

        def work(connection: Connection) -> None:
            rows = [_row(run) for run in runs]
            # A check before the write would not be enough: another process may write the same run between check and write.
            result = connection.execute(self._insert, rows)
            if result.rowcount < len(rows):
                self._check_kept(connection, rows)

        async with self._made_ready():
            await self._database.write(work)

    async def thread(self, tenant_id: str, user_id: str, thread_id: str, newest: int | None = None, /) -> list[FinishedRun]:
        """Return the thread's runs, oldest first: all of them, or only the `newest`. [] when this user has none.

        Raises:
            RunStoreUnavailableError: the store cannot be read now.
        """
        asked: dict[str, object] = dict(zip(KEY, (tenant_id, user_id, thread_id), strict=False))
        if newest is None:
            return in_order(await self._decoded(self._thread, asked))
        return in_order(await self._decoded(self._newest, asked | {"newest": newest}))

    async def count(self, surface: str, /) -> int:
        """Return how many runs of the surface there are. Raises RunStoreUnavailableError."""
        query = select(func.count()).select_from(self._table).where(self._table.c.surface == surface)
        async with self._made_ready():
            return await self._database.read(lambda connection: connection.execute(query).scalar_one())

    async def page(self, surface: str, after: RunKey | None, limit: int, /) -> list[FinishedRun]:
        """Return the next runs after the key `after`, sorted by key; None: from the first run on. Raises RunStoreUnavailableError."""
        query = select(self._table.c.record).where(self._table.c.surface == surface).order_by(*self._key.clauses).limit(limit)
        if after is not None:
            query = query.where(self._key > after)
        return await self._decoded(query)

    async def between(self, surface: str, first: RunKey, last: RunKey, /) -> list[FinishedRun]:
        """Return the runs of the surface between two keys, both included. Raises RunStoreUnavailableError."""
        query = select(self._table.c.record).where(self._table.c.surface == surface, self._key >= first, self._key <= last)
        return await self._decoded(query)

    async def _one(self, column: str, value: str) -> FinishedRun | None:
        """Return the only run with that value in a column; None when there is none."""
        query = select(self._table.c.record).where(self._table.c[column] == value)
        return next(iter(await self._decoded(query)), None)

    async def _decoded(self, query: Select[tuple[Any]], values: Mapping[str, object] = _NONE) -> list[FinishedRun]:
        async with self._made_ready():
            records = await self._database.read(lambda connection: connection.execute(query, values).scalars().all())
        return [_decoder.decode(record) for record in records]

    def _check_kept(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        """Called when some ids already existed: raise unless the stored runs are the same."""
        columns = list(self._table.primary_key)
        wanted = {tuple(row[column.name] for column in columns): row["record"] for row in rows}
        # Not `(a, b) IN (...)`, for which SQLite would scan the whole table.
        each = (and_(*(column == value for column, value in zip(columns, key, strict=True))) for key in wanted)
        for *key, record in connection.execute(select(*columns, self._table.c.record).where(or_(*each))):
            if wanted[tuple(key)] != record:
                raise RunRefusedError(f"the id of run {key[-1]} already belongs to another run")

    @asynccontextmanager
    async def _made_ready(self) -> AsyncIterator[None]:
        """Create the table if it is missing, and convert database errors: a driver's error text may quote a user."""
        try:
            if not self._made:
                async with self._making:
                    if not self._made:
                        await create_schema(self._engine, self._table.metadata)
                        self._made = True
            yield
        except (SQLAlchemyError, OSError, UnicodeError) as error:
            if _is_of_the_run(error):
                raise RunRefusedError(f"{self._table.name}: {_name(error)}; the run cannot be stored as it is") from error
            self._made = False
            raise RunStoreUnavailableError(
                f"{self._table.name}: {_name(error)}; check the database, its disk and its permissions"
            ) from error


def _row(run: FinishedRun) -> dict[str, Any]:
    values: dict[str, Any] = dict(zip(KEY, key_of(run), strict=True))
    return {**values, "surface": run.surface, "started_at": run.started_at, "record": _encoder.encode(run).decode()}


def _is_of_the_run(error: BaseException) -> bool:
    """Return whether the run itself causes the error: the database rejects the run, or the driver cannot send it.

    A lost connection is not caused by the run.
    """
    rejected = isinstance(error, IntegrityError | DataError | UnicodeError)
    return rejected or (isinstance(error, StatementError) and not isinstance(error, DBAPIError))


def _name(error: BaseException) -> str:
    cause = getattr(error, "orig", None) or error
    state = getattr(cause, "sqlstate", None)
    return type(cause).__name__ + (f" {state}" if state else "")
