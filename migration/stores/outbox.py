"""The outbox: writes that wait for a run store. A row exists from before its run is reported complete until the store has the run."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, TextClause, bindparam, delete, func, select, text, update

from migration.model import encode
from migration.stages import Store
from migration.stores.database import StoresDatabase
from migration.stores.run import StoredRun
from migration.stores.tables import outbox

_decoder = msgspec.msgpack.Decoder(StoredRun)
# Made once, because making a statement takes longer than executing it.
_DROP: Final = delete(outbox).where(outbox.c.id == bindparam("row"))
_SHARED: Final = ("alone", "surface", "tenant_id", "user_id", "thread_id", "run", "added_at", "refusals")


@cache
def _adding(stores: int) -> TextClause:
    """Return the statement that adds a run's rows for that number of stores. SQLAlchemy would compile one with many rows at each use."""
    shared = ", ".join(f":{column}" for column in _SHARED)
    rows = ", ".join(f"(:store_{place}, :due_at_{place}, {shared})" for place in range(stores))
    return text(f"INSERT INTO {outbox.name} (store, due_at, {', '.join(_SHARED)}) VALUES {rows} RETURNING id, store")  # noqa: S608 - our own names


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A write that this process may try until the lease ends."""

    id: int
    run: StoredRun
    alone: bool  #: the plan writes to no other store
    refusals: int  #: number of times that the store refused the run


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How far a store is behind."""

    surface: str
    store: Store
    rows: int  #: number of writes that will be retried
    oldest_s: float  #: age of the oldest of these writes; 0: there are none
    parked: int  #: number of writes that the store refused too often; a person has to check them
    error: str | None  #: why a parked write, or if there is none the oldest write, failed last; None: no try failed yet


class Outbox:
    """Reads and writes the table `outbox`. Several processes may share it: a claimed row belongs to one process until its lease ends.

    Args:
        database: contains the table.
        clock: Unix seconds, because other processes and later starts use the stored times.
    """

    def __init__(self, database: StoresDatabase, clock: Callable[[], float] = time.time) -> None:
        self._database, self._clock = database, clock

    async def add(self, run: StoredRun, stores: Sequence[Store], *, alone: bool = False, first_rests_s: float = 0.0) -> list[int]:
        """Store the run for these stores, all or none, and return the rows' ids in the same order.

        Args:
            run: the run to write.
            stores: the stores to write to.
            alone: whether the plan writes to no other store.
            first_rests_s: seconds until another process may try the first store's row, which the caller is trying now.

        Raises:
            OutboxError: the run could not be stored.
        """
        now = self._clock()
        shared = {
            "alone": alone,
            "surface": run.surface,
            "tenant_id": run.tenant_id,
            "user_id": run.user_id,
            "thread_id": run.thread_id,
            "run": encode(run),
            "added_at": now,
            "refusals": 0,
        }

        def work(connection: Connection) -> list[int]:
            each = {f"store_{place}": store for place, store in enumerate(stores)}
            due = {f"due_at_{place}": now + (0 if place else first_rests_s) for place in range(len(stores))}
            added = connection.execute(_adding(len(stores)), {**shared, **each, **due})
            ids = {store: row for row, store in added}
            return [ids[store] for store in stores]

        return await self._database.run("add to", work)

    async def claim(self, store: Store, limit: int, lease_s: float) -> list[Claim]:
        """Return the rows that are due, oldest first, and lock them for `lease_s` seconds.

        Raises:
            OutboxError: the outbox cannot be read.
        """
        now = self._clock()
        open_now = (outbox.c.store == store, outbox.c.parked_at.is_(None), outbox.c.due_at <= now)

        def work(connection: Connection) -> list[Claim]:
            due = select(outbox.c.id).where(*open_now).order_by(outbox.c.id).limit(limit)
            # The condition appears twice, because PostgreSQL checks the outer one again after waiting for another process that claims rows.
            rows = connection.execute(update(outbox).where(outbox.c.id.in_(due), *open_now).values(due_at=now + lease_s).returning(outbox))
            claims = [Claim(id=row.id, run=_decoder.decode(row.run), alone=row.alone, refusals=row.refusals) for row in rows]
            return sorted(claims, key=lambda claim: claim.id)

        return await self._database.run("read", work)

    async def done(self, ids: Sequence[int]) -> None:
        """Drop rows whose store has the run.

        Raises:
            OutboxError: the outbox cannot be written; the rows stay and are delivered again.
        """
        if ids:
            rows = [{"row": row} for row in ids]
            await self._database.run("clear", lambda connection: connection.execute(_DROP, rows))

    async def later(self, ids: Sequence[int], *, delay_s: float, error: str) -> None:
        """Delay rows because their store is unavailable. Raises OutboxError."""
        change = update(outbox).where(outbox.c.id.in_(ids)).values(due_at=self._clock() + delay_s, error=error)
        await self._database.run("write", lambda connection: _execute(connection, change))

    async def refused(self, claim: Claim, *, delay_s: float | None, error: str) -> None:
        """Record that the store refused a row: it is delayed by `delay_s` seconds; None: it is parked for a person. Raises OutboxError."""
        now = self._clock()
        fate = {"parked_at": now} if delay_s is None else {"due_at": now + delay_s}
        change = update(outbox).where(outbox.c.id == claim.id).values(refusals=claim.refusals + 1, error=error, **fate)
        await self._database.run("write", lambda connection: _execute(connection, change))

    async def unpark(self, surface: str) -> int:
        """Retry a surface's parked rows, now and as often as new rows; return how many there were. Raises OutboxError."""
        change = (
            update(outbox)
            .where(outbox.c.surface == surface, outbox.c.parked_at.is_not(None))
            .values(parked_at=None, refusals=0, due_at=self._clock())
        )
        return await self._database.run("write", lambda connection: _execute(connection, change))

    async def of_thread(self, tenant_id: str, user_id: str, thread_id: str) -> list[StoredRun]:
        """Return the thread's runs that still wait for a store, including parked ones. Raises OutboxError."""
        mine = (outbox.c.tenant_id == tenant_id, outbox.c.user_id == user_id, outbox.c.thread_id == thread_id)

        def work(connection: Connection) -> list[StoredRun]:
            return [_decoder.decode(row) for row in connection.execute(select(outbox.c.run).where(*mine)).scalars()]

        return await self._database.read("read", work)

    async def lags(self) -> list[Lag]:
        """Do the same as `lags_now`, in another thread. Raises OutboxError."""
        return await self._database.read("read", self._lags)

    def lags_now(self) -> list[Lag]:
        """Return how far each store is behind, by surface; []: no store is behind. Raises OutboxError."""
        return self._database.run_now("read", self._lags) if self._database.exists else []

    def _lags(self, connection: Connection) -> list[Lag]:
        column, now = outbox.c, self._clock()
        tried = column.parked_at.is_(None)
        query = select(
            column.surface,
            column.store,
            func.count().filter(tried).label("rows"),
            func.count().filter(~tried).label("parked"),
            func.min(column.added_at).filter(tried).label("oldest"),
        ).group_by(column.surface, column.store)
        return [
            Lag(
                surface=row.surface,
                store=row.store,
                rows=row.rows,
                oldest_s=0.0 if row.oldest is None else max(0.0, now - row.oldest),
                parked=row.parked,
                error=_last_error(connection, row.surface, row.store),
            )
            for row in connection.execute(query.order_by(column.surface, column.store)).all()
        ]


def _last_error(connection: Connection, surface: str, store: str) -> str | None:
    query = (
        select(outbox.c.error)
        .where(outbox.c.surface == surface, outbox.c.store == store, outbox.c.error.is_not(None))
        .order_by(outbox.c.parked_at.is_(None), outbox.c.id)
        .limit(1)
    )
    return connection.execute(query).scalar_one_or_none()


def _execute(connection: Connection, statement: Any) -> int:  # noqa: ANN401 - any DELETE or UPDATE
    """Return how many rows the statement changed."""
    changed: int = connection.execute(statement).rowcount
    return changed
