"""What is known about the completeness of each store: verified backfills, and tenants with later runs that were not written to a store.

The user store is complete for a tenant if a backfill of the surface was verified and there has been no gap since. The legacy store
contained everything before the migration began, so it is complete as long as there is no gap.
"""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, or_, select, update

from migration.database import insert_into
from migration.stages import Store
from migration.stores.database import StoresDatabase
from migration.stores.run import RunKey
from migration.stores.tables import gaps, passes, proofs

#: No write takes this long. A write that began earlier and has no recorded end was cut off by a crash; it will not write any more.
_CUT_OFF_S: Final = 600.0
PROOF_AGE_S: Final = 86_400.0
"""A proof is too old this many seconds after its last check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Records that a store lacks runs of a tenant, or may lack some."""

    surface: str
    tenant_id: str
    store: Store
    begun: int  #: number of writes without this store that began
    ended: int  #: number of these writes that ended
    touched_at: float  #: Unix seconds of the last write


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """A backfill of one store of a surface."""

    after: RunKey | None  #: the run copied last; None: at the beginning
    copied: int  #: number of runs since the beginning
    verified_at: float | None  #: Unix seconds; None: never yet


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryProof:
    """The proof, by a verified backfill, that a store has every run."""

    identity: str  #: digest of the store's address; "": the backend gives none
    runs: int  #: the store had at least this many runs
    checked_at: float  #: Unix seconds of the last check that succeeded
    refused: str | None  #: why the proof no longer holds; None: it holds


class Coverage:
    """Reads and writes the tables `gaps`, `passes` and `proofs`.

    Args:
        database: contains the tables.
        clock: Unix seconds.
    """

    def __init__(self, database: StoresDatabase, clock: Callable[[], float] = time.time) -> None:
        self._database, self._clock = database, clock
        self._touched: Any = None  #: the statement of `_touch`, made once for the database's dialect

    async def begin_without(self, surface: str, tenant_id: str, store: Store) -> None:
        """Record, before a run is written, that this store will not get it. Raises OutboxError."""
        await self._touch(surface, tenant_id, store, begun=1, ended=0)

    async def end_without(self, surface: str, tenant_id: str, store: Store) -> None:
        """Record that the write ended, so that a backfill finds the run from now on. Raises OutboxError."""
        await self._touch(surface, tenant_id, store, begun=0, ended=1)

    async def mark(self, surface: str, tenant_id: str, store: Store) -> None:
        """Record that the store lacks runs of the tenant, for whatever reason. Raises OutboxError."""
        await self._touch(surface, tenant_id, store, begun=1, ended=1)

    async def lacking(self, surfaces: Collection[str], tenant_id: str) -> set[tuple[str, Store]]:
        """Return the (surface, store) pairs that are not known to contain every run of the tenant. Raises OutboxError."""

        def work(connection: Connection) -> set[tuple[str, Store]]:
            verified = _verified(connection, "user")
            query = select(gaps.c.surface, gaps.c.store).where(gaps.c.tenant_id == tenant_id, gaps.c.surface.in_(surfaces))
            found: set[tuple[str, Store]] = {(row.surface, row.store) for row in connection.execute(query)}
            return found | {(surface, "user") for surface in surfaces if surface not in verified}

        return await self._database.read("read", work)

    async def gaps(self, surface: str, store: Store) -> dict[str, Gap]:
        """Return the store's gaps by tenant. Raises OutboxError."""
        return await self._database.read("read", lambda connection: _gaps(connection, surface, store))

    def gaps_now(self, surface: str, store: Store) -> dict[str, Gap]:
        """Do the same as `gaps`, in this thread. Raises OutboxError."""
        return self._database.run_now("read", lambda connection: _gaps(connection, surface, store)) if self._database.exists else {}

    def tenants_now(self) -> dict[tuple[str, str], int]:
        """Return for each (surface, store) the number of tenants with runs that the store lacks; runs in this thread.

        Raises OutboxError.
        """
        if not self._database.exists:
            return {}
        query = select(gaps.c.surface, gaps.c.store, func.count().label("tenants")).group_by(gaps.c.surface, gaps.c.store)
        ordered = query.order_by(gaps.c.surface, gaps.c.store)
        found = self._database.run_now("read", lambda connection: connection.execute(ordered).all())
        return {(row.surface, row.store): row.tenants for row in found}

    def unproved_now(self, surface: str, store: Store, *, most_age_s: float = PROOF_AGE_S) -> str | None:
        """Return why it is not proved that the store has every run except for its gaps; None: it is proved. Runs in this thread.

        The legacy store needs no backfill. A proof whose last check is more than `most_age_s` seconds ago does not hold. Raises
        OutboxError.
        """
        if not self._database.exists:
            return None if store == "legacy" else _UNVERIFIED
        proof = self._database.run_now("read", lambda connection: _proof(connection, surface, store))
        if proof is None:
            return None if store == "legacy" else _UNVERIFIED
        if proof.refused is not None:
            return proof.refused
        age_s = self._clock() - proof.checked_at
        return f"its proof was last checked {age_s / 3600:.0f} hours ago" if age_s > most_age_s else None

    def proved_now(self) -> list[tuple[str, Store]]:
        """Return the (surface, store) pairs that have a proof, even one that no longer holds; runs in this thread. Raises OutboxError."""
        if not self._database.exists:
            return []
        query = select(proofs.c.surface, proofs.c.store).order_by(proofs.c.surface, proofs.c.store)
        return [(row.surface, row.store) for row in self._database.run_now("read", lambda connection: connection.execute(query).all())]

    async def proof(self, surface: str, store: Store) -> HistoryProof | None:
        """Return the proof of the store; None: there is none, because no backfill was verified since proofs are stored.

        Raises OutboxError.
        """
        return await self._database.read("read", lambda connection: _proof(connection, surface, store))

    async def checked(self, surface: str, store: Store, refused: str | None, runs: int) -> None:
        """Record the result of a check. A proof that was refused stays refused until a backfill is verified. Raises OutboxError.

        Args:
            surface: the surface.
            store: the store.
            refused: why the proof does not hold; None: it holds.
            runs: number of runs that the store had when the check began.
        """
        mine = (proofs.c.surface == surface, proofs.c.store == store, proofs.c.refused.is_(None))
        held = {"checked_at": self._clock(), "runs": runs}
        change = update(proofs).where(*mine).values(**(held if refused is None else {"refused": refused}))
        await self._database.run("write", lambda connection: connection.execute(change))

    async def claim(self, surface: str, store: Store, every_s: float) -> bool:
        """Return whether this process has to check the proof now, because no process began a check within `every_s` seconds.

        Raises OutboxError.
        """
        now = self._clock()
        mine = (proofs.c.surface == surface, proofs.c.store == store, proofs.c.claimed_at < now - every_s)
        change = update(proofs).where(*mine).values(claimed_at=now)
        return await self._database.run("write", lambda connection: bool(connection.execute(change).rowcount))

    async def close(self, gap: Gap) -> bool:
        """Remove a filled gap; return False if new runs were written meanwhile, or one is still being written. Raises
        OutboxError.

        Args:
            gap: the gap as it was before the store was read.
        """
        column = gaps.c
        unchanged = (
            column.surface == gap.surface,
            column.tenant_id == gap.tenant_id,
            column.store == gap.store,
            column.begun == gap.begun,
            column.ended == gap.ended,
            or_(column.ended >= column.begun, column.touched_at < self._clock() - _CUT_OFF_S),
        )
        return await self._database.run("write", lambda connection: bool(connection.execute(delete(gaps).where(*unchanged)).rowcount))

    async def progress(self, surface: str, store: Store) -> Pass:
        """Return the progress of the backfill of the store. Raises OutboxError."""

        def work(connection: Connection) -> Pass:
            row = connection.execute(select(passes).where(passes.c.surface == surface, passes.c.store == store)).one_or_none()
            if row is None:
                return Pass(after=None, copied=0, verified_at=None)
            after: RunKey | None = tuple(row.after) if row.after else None
            return Pass(after=after, copied=row.copied, verified_at=row.verified_at)

        return await self._database.read("read", work)

    async def advance(self, surface: str, store: Store, after: RunKey | None, copied: int) -> None:
        """Store the progress of the backfill, so that it can continue there. Raises OutboxError."""
        await self._put(surface, store, {"after": after, "copied": copied})

    async def verified(self, surface: str, store: Store, *, identity: str = "", runs: int = 0) -> None:
        """Record that all runs were found in the store, except for the gaps. The next backfill starts at the beginning. Raises
        OutboxError.

        Args:
            surface: the surface.
            store: the store that was filled.
            identity: see `RunStores.identities`.
            runs: the store has at least this many runs.
        """
        now = self._clock()
        await self._put(surface, store, {"after": None, "verified_at": now})
        values = {"identity": identity, "runs": runs, "checked_at": now, "claimed_at": now, "refused": None}

        def work(connection: Connection) -> None:
            insert = insert_into(connection, proofs).values(surface=surface, store=store, **values)
            connection.execute(insert.on_conflict_do_update(index_elements=[proofs.c.surface, proofs.c.store], set_=values))

        await self._database.run("write", work)

    async def _put(self, surface: str, store: Store, values: dict[str, object]) -> None:
        def work(connection: Connection) -> None:
            insert = insert_into(connection, passes).values(surface=surface, store=store, **{"copied": 0, **values})
            connection.execute(insert.on_conflict_do_update(index_elements=[passes.c.surface, passes.c.store], set_=values))

        await self._database.run("write", work)

    async def _touch(self, surface: str, tenant_id: str, store: Store, *, begun: int, ended: int) -> None:
        now = self._clock()

        def work(connection: Connection) -> None:
            if (statement := self._touched) is None:
                statement = self._touched = _touching(connection)
            # If a write ends after its gap was removed, a new gap is recorded for it.
            first = {"surface": surface, "tenant_id": tenant_id, "store": store, "begun": 1, "ended": ended, "touched_at": now}
            connection.execute(statement, {**first, "more_begun": begun, "more_ended": ended})

        await self._database.run("write", work)


def _touching(connection: Connection) -> Any:  # noqa: ANN401 - the two dialects' inserts have no common type with upserts
    """Return the statement that counts a begin or an end. Making it takes longer than executing it."""
    insert = insert_into(connection, gaps)
    more = {"begun": gaps.c.begun + bindparam("more_begun"), "ended": gaps.c.ended + bindparam("more_ended")}
    change = more | {"touched_at": insert.excluded.touched_at}
    return insert.on_conflict_do_update(index_elements=[gaps.c.surface, gaps.c.tenant_id, gaps.c.store], set_=change)


_UNVERIFIED: Final = "no backfill of it was verified yet"


def _proof(connection: Connection, surface: str, store: Store) -> HistoryProof | None:
    row = connection.execute(select(proofs).where(proofs.c.surface == surface, proofs.c.store == store)).one_or_none()
    return None if row is None else HistoryProof(identity=row.identity, runs=row.runs, checked_at=row.checked_at, refused=row.refused)


def _verified(connection: Connection, store: Store) -> set[str]:
    """Return the surfaces whose store may be read alone: its backfill was verified, and no later check refused the proof."""
    verified = select(passes.c.surface).where(passes.c.store == store, passes.c.verified_at.is_not(None))
    refused = select(proofs.c.surface).where(proofs.c.store == store, proofs.c.refused.is_not(None))
    return set(connection.execute(verified).scalars()) - set(connection.execute(refused).scalars())


def _gaps(connection: Connection, surface: str, store: Store) -> dict[str, Gap]:
    query = select(gaps).where(gaps.c.surface == surface, gaps.c.store == store).order_by(gaps.c.tenant_id)
    return {row["tenant_id"]: Gap(**row) for row in connection.execute(query).mappings()}
