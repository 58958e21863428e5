"""The backend's tables, and how to open the database that holds them: SQLite by default, PostgreSQL by URL."""

from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import SecretStr
from sqlalchemy import JSON, BigInteger, Date, DateTime, Index, Integer, MetaData, String, event, func
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InvalidRequestError, NoSuchModuleError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from netra_backend.app.errors import SettingsError

ID_CHARACTERS = 256  #: longest id of a tenant, user or thread
_BUSY_TIMEOUT_MS = 5000


class Table(DeclarativeBase):
    """Registry of the tables below."""


class UsageRow(Table):
    """What a tenant used of a model on a day."""

    __tablename__ = "usage"

    tenant_id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    model: Mapped[str] = mapped_column(String(100), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    requests: Mapped[int] = mapped_column(BigInteger)
    input_tokens: Mapped[int] = mapped_column(BigInteger)
    output_tokens: Mapped[int] = mapped_column(BigInteger)
    cost_micro_usd: Mapped[int] = mapped_column(BigInteger)  #: millionths of a dollar: sums stay exact


class PriceRow(Table):
    """What a model costs. Public: the same for all tenants."""

    __tablename__ = "prices"

    model: Mapped[str] = mapped_column(String(100), primary_key=True)
    input_micro_usd: Mapped[int] = mapped_column(BigInteger)  #: millionths of a dollar for a million input tokens
    output_micro_usd: Mapped[int] = mapped_column(BigInteger)  #: the same for output tokens
    context_window: Mapped[int] = mapped_column(Integer)  #: tokens
    quality_tier: Mapped[str] = mapped_column(String(20))  #: "economy", "standard" or "frontier"


class ActionPlanRow(Table):
    """A plan that a user saved. The id is chosen by the caller, so that saving twice is saving once."""

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
    """A conversation and whose it is. Thread ids are unique across tenants, so that an id has one owner."""

    __tablename__ = "threads"

    id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(String(ID_CHARACTERS))
    user_id: Mapped[str] = mapped_column(String(ID_CHARACTERS))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


def open_engine(url: SecretStr | str, *, read_only: bool = False) -> AsyncEngine:
    """Return an engine for the database; `dispose()` it at the end. Connects to nothing yet.

    Args:
        url: SQLAlchemy URL with an async driver, such as `sqlite+aiosqlite:///var/netra.db` (the folder is made) or
            `postgresql+psycopg://user:password@host/name`.
        read_only: the database itself refuses to change anything on these connections. A SQLite file is not made: it must be there.

    Raises:
        SettingsError: the URL cannot be read, its driver is not async or not installed. Never quotes the URL.
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
        )
    except (ArgumentError, InvalidRequestError, NoSuchModuleError):
        raise SettingsError(
            "NETRA_DATABASE_URL is no SQLAlchemy URL with an async driver; set it like sqlite+aiosqlite:///var/netra.db "
            "or postgresql+psycopg://user:password@host/name"
        ) from None
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"NETRA_DATABASE_URL needs the module {error.name}, which is not installed; "
            "for PostgreSQL use postgresql+psycopg:// and pip install 'netra-strangler[postgres]'"
        ) from None
    if is_sqlite and not read_only:
        if parsed.database and parsed.database != ":memory:":
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    return engine


def _read_only(url: URL) -> URL:
    """Return the address as a URI, in which alone SQLite reads how a file is to be opened: https://sqlite.org/uri.html ."""
    name = url.database or ""
    return url.set(database=name if name.startswith("file:") else f"file:{quote(name)}", query={**url.query, "mode": "ro", "uri": "true"})


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - a DB-API connection has no type
    cursor = connection.cursor()
    for pragma in (f"busy_timeout={_BUSY_TIMEOUT_MS}", "journal_mode=WAL", "synchronous=NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


async def create_schema(engine: AsyncEngine, metadata: MetaData = Table.metadata) -> None:
    """Create the tables that are missing. Safe when several processes start at once.

    Args:
        engine: the database.
        metadata: the tables; those above unless told otherwise.

    Raises:
        sqlalchemy.exc.DBAPIError: the database cannot be reached, or refuses.
    """
    # Looking and creating is not atomic: a process that loses the race looks again, at most once a table.
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
