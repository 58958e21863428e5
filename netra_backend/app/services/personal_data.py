"""All data that the backend stores about tenants and users, for erasing it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from sqlalchemy import ColumnElement, Table, delete, func, inspect, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from netra_backend.app.errors import RunStoreUnavailableError

_TENANT: Final = "tenant_id"
_USER: Final = "user_id"


class PersonalData:
    """Removes the rows of a tenant, or of one of its users, from every table that has a column for them.

    Args:
        tables: each table with its database; this object closes no database.
    """

    def __init__(self, tables: Sequence[tuple[AsyncEngine, Table]]) -> None:
        self._tables = tuple(tables)

    async def erase(self, tenant_id: str, user_id: str | None, /) -> Mapping[str, int]:
        """Remove the data, and return the number of removed rows by table. Repeating it is safe.

        Raises:
            RunStoreUnavailableError: a database cannot be written now.
        """
        removed: dict[str, int] = {}
        for engine, table in self._tables:
            try:
                async with engine.begin() as connection:
                    if (whose := _rows_of(table, tenant_id, user_id)) is not None and await _exists(connection, table):
                        removed[table.name] = (await connection.execute(delete(table).where(*whose))).rowcount
            except (SQLAlchemyError, OSError) as error:
                raise RunStoreUnavailableError(
                    f"{table.name}: {type(error).__name__}; check the database and repeat the erasure"
                ) from error
        return removed

    async def left(self, tenant_id: str, user_id: str | None, /) -> Mapping[str, int]:
        """Rewrite SQLite's files without the removed data, and return the number of remaining rows by table.

        Raises:
            RunStoreUnavailableError: a database cannot be read or compacted now.
        """
        found: dict[str, int] = {}
        try:
            for engine in {id(engine): engine for engine, _ in self._tables}.values():
                await _compact(engine)
            for engine, table in self._tables:
                async with engine.connect() as connection:
                    if (whose := _rows_of(table, tenant_id, user_id)) is not None and await _exists(connection, table):
                        query = select(func.count()).select_from(table).where(*whose)
                        found[table.name] = (await connection.execute(query)).scalar_one()
        except (SQLAlchemyError, OSError) as error:
            raise RunStoreUnavailableError(f"{type(error).__name__}; check the databases and repeat the erasure") from error
        return found

    def files(self) -> Sequence[Path]:
        """Return SQLite's files, with their logs."""
        names = {engine.url.database for engine, _ in self._tables if engine.dialect.name == "sqlite"}
        found = (Path(f"{name}{suffix}") for name in names if name and name != ":memory:" for suffix in ("", "-wal", "-shm"))
        return [path for path in found if path.exists()]


def _rows_of(table: Table, tenant_id: str, user_id: str | None) -> list[ColumnElement[bool]] | None:
    """Return the condition for the rows; None: the table has no column for users."""
    tenant = table.c[_TENANT] == tenant_id
    if user_id is None:
        return [tenant]
    return [tenant, table.c[_USER] == user_id] if _USER in table.c else None


async def _exists(connection: AsyncConnection, table: Table) -> bool:
    return await connection.run_sync(lambda sync: inspect(sync).has_table(table.name))


async def _compact(engine: AsyncEngine) -> None:
    if engine.dialect.name != "sqlite":
        return
    async with engine.connect() as connection:
        alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await alone.exec_driver_sql("VACUUM")
        await alone.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
