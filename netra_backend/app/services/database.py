"""The backend's tables, and how to open their database: SQLite by default, PostgreSQL if the URL says so."""

import asyncio
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiosqlite
from pydantic import SecretStr
from sqlalchemy import JSON, BigInteger, Connection, Date, DateTime, Index, Integer, MetaData, String, func, inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InvalidRequestError, NoSuchModuleError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from netra_backend.app.errors import SettingsError
from netra_backend.app.services.sqlite_files import prepare_sqlite

ID_CHARACTERS = 256  #: longest id of a tenant, user or thread
_STOP_S = 1.0


class Table(DeclarativeBase):
    """Registry of the tables below."""


class UsageRow(Table):
    """A tenant's use of a model on a day."""

    __tablename__ = "usage"

    tenant_id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    model: Mapped[str] = mapped_column(String(100), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    requests: Mapped[int] = mapped_column(BigInteger)
    input_tokens: Mapped[int] = mapped_column(BigInteger)
    output_tokens: Mapped[int] = mapped_column(BigInteger)
    cost_micro_usd: Mapped[int] = mapped_column(BigInteger)  #: in millionths of a dollar, so that sums stay exact


class PriceRow(Table):
    """The price of a model. Prices are public, and the same for all tenants."""

    __tablename__ = "prices"

    model: Mapped[str] = mapped_column(String(100), primary_key=True)
    input_micro_usd: Mapped[int] = mapped_column(BigInteger)  #: in millionths of a dollar, for a million input tokens
    output_micro_usd: Mapped[int] = mapped_column(BigInteger)  #: the same for output tokens
    context_window: Mapped[int] = mapped_column(Integer)  #: tokens
    quality_tier: Mapped[str] = mapped_column(String(20))  #: "economy", "standard" or "frontier"


class ActionPlanRow(Table):
    """A plan that a user saved. The caller chooses the id, so that saving a plan twice stores it once."""

    __tablename__ = "action_plans"
    __table_args__ = (Index("ix_action_plans_thread", "tenant_id", "user_id", "thread_id"),)

    tenant_id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(ID_CHARACTERS))
    thread_id: Mapped[str] = mapped_column(String(ID_CHARACTERS))
    title: Mapped[str] = mapped_column(String(200))
    items: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class ThreadRow(Table):
    """A conversation and its owner. Thread ids are unique within a tenant: there an id has one owner."""

    __tablename__ = "threads"

    tenant_id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(ID_CHARACTERS))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


def open_engine(url: SecretStr | str, *, read_only: bool = False, setting: str = "NETRA_DATABASE_URL") -> AsyncEngine:
    """Return an engine for the database, without connecting yet. The caller calls its `dispose()` at the end.

    Args:
        url: SQLAlchemy URL with an async driver, such as `sqlite+aiosqlite:///var/netra.db` (the folder is created) or
            `postgresql+psycopg://user:password@host/name`.
        read_only: the database refuses every change on these connections. A SQLite file is not created: it must exist.

        setting: the variable that contains the URL, for the error message.

    Raises:
        SettingsError: the URL cannot be read, its driver is not async, or its driver is not installed. The message never quotes the URL.
    """
    text = url.get_secret_value() if isinstance(url, SecretStr) else url
    try:
        parsed = make_url(text)
        is_sqlite = parsed.get_backend_name() == "sqlite"
        engine = create_async_engine(
            _read_only(parsed) if read_only and is_sqlite else parsed,
            hide_parameters=True,
            pool_pre_ping=not is_sqlite,
            execution_options={"postgresql_readonly": True} if read_only and not is_sqlite else {},
            connect_args={"async_creator_fn": _connect_sqlite} if is_sqlite else {},
        )
    except (ArgumentError, InvalidRequestError, NoSuchModuleError):
        raise SettingsError(
            f"{setting} is not an SQLAlchemy URL with an async driver; set it like sqlite+aiosqlite:///var/netra.db "
            "or postgresql+psycopg://user:password@host/name"
        ) from None
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"{setting} needs the module {error.name}, which is not installed; "
            "for PostgreSQL use postgresql+psycopg:// and pip install 'netra-backend[postgres]'"
        ) from None
    if is_sqlite and not read_only:
        if parsed.database and parsed.database != ":memory:":
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        prepare_sqlite(engine.sync_engine)
    return engine


def _read_only(url: URL) -> URL:
    """Return the URL with the file as a URI, because SQLite reads open modes from a URI only: https://sqlite.org/uri.html ."""
    name = url.database or ""
    return url.set(database=name if name.startswith("file:") else f"file:{quote(name)}", query={**url.query, "mode": "ro", "uri": "true"})


async def _connect_sqlite(*arguments: Any, **options: Any) -> aiosqlite.Connection:  # noqa: ANN401 - as the dialect gives them
    """Connect. After a failure, wait for aiosqlite's thread, which would otherwise answer a loop that may be closed by then."""
    connection = aiosqlite.connect(*arguments, **options)
    connection._thread.daemon = True  # noqa: SLF001 - as SQLAlchemy does, so that a hanging thread does not keep the process alive
    try:
        return await connection
    except BaseException:
        await asyncio.to_thread(connection._thread.join, _STOP_S)  # noqa: SLF001 - there is no other way to wait for it
        raise


async def create_schema(engine: AsyncEngine, metadata: MetaData = Table.metadata) -> None:
    """Create the missing tables. This is safe when several processes start at once.

    Args:
        engine: the database.
        metadata: the tables; by default those of this module.

    Raises:
        sqlalchemy.exc.DBAPIError: the database cannot be reached, or refuses the statement.
    """
    # Checking and creating are not atomic: a process that loses the race tries again, at most once for each table.
    for _ in metadata.tables:
        try:
            await _create_missing(engine, metadata)
        except DBAPIError:
            continue
        return
    await _create_missing(engine, metadata)


async def _create_missing(engine: AsyncEngine, metadata: MetaData) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
        if ThreadRow.__tablename__ in metadata.tables:
            await connection.run_sync(_make_threads_a_tenants_own)


def _make_threads_a_tenants_own(connection: Connection) -> None:
    """Change the primary key of an old table from the thread's id to tenant and id.

    Every row can be kept, because ids were unique over all tenants.
    """
    if inspect(connection).get_pk_constraint("threads")["constrained_columns"] != ["id"]:
        return
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql("LOCK TABLE threads IN ACCESS EXCLUSIVE MODE")
        if inspect(connection).get_pk_constraint("threads")["constrained_columns"] == ["id"]:
            connection.exec_driver_sql("ALTER TABLE threads DROP CONSTRAINT threads_pkey, ADD PRIMARY KEY (tenant_id, id)")
        return
    # SQLite cannot change a key, so the table is rebuilt. The driver does not begin a transaction for these statements itself.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    if inspect(connection).get_pk_constraint("threads")["constrained_columns"] != ["id"]:
        return
    connection.exec_driver_sql("ALTER TABLE threads RENAME TO threads_of_before")
    Table.metadata.tables["threads"].create(connection)
    columns = "id, tenant_id, user_id, created_at"
    connection.exec_driver_sql(f"INSERT INTO threads ({columns}) SELECT {columns} FROM threads_of_before")  # noqa: S608 - our own names
    connection.exec_driver_sql("DROP TABLE threads_of_before")
