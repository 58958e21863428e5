"""The state of ramps in the migration's own database.

The position of a ramp is read from its flag; the store contains the state that no flag shows.
"""

from typing import Any, Final, Literal

import msgspec
from sqlalchemy import Connection, select, update

from migration.database import IN_MEMORY, SqlDatabase, insert_into
from migration.errors import LostLeaseError, RolloutStateError
from migration.evidence import note_need
from migration.model import Stage
from migration.rollout.position import Position
from migration.rollout.tables import leases, positions, prepare, rollouts
from migration.settings import MigrationSettings

State = Literal["running", "paused", "rolled back", "aborted", "complete"]
"""`running`: a controller promotes, holds and rolls back; `paused`, `rolled back`: it does nothing until an operator resumes the ramp."""

_LEASE: Final = "controller"
_WAIT_S: Final = 5.0


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """The position at which a surface was last seen, and since when."""

    position: Position
    since: float  #: Unix seconds
    approved_by: tuple[str, ...] = ()


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """A move that its controller has decided on, recorded before the flag is written."""

    id: str
    what: Literal["promote", "roll back"]
    stage: Stage  #: the new stage
    percent: float
    cohorts: tuple[str, ...] = ()
    version: int  #: the flag's version before the move; 0: there was no flag
    reasons: tuple[str, ...]


class Rollout(msgspec.Struct, frozen=True, kw_only=True):
    """The ramp of a surface and its present state."""

    surface: str
    state: State
    why: str = ""
    ramp_name: str
    ramp: str  #: TOML
    revision: int = 0
    at: Position | None = None  #: the position at which a controller last saw the surface; None: it has not seen it yet
    since: float = 0.0  #: Unix seconds at which the step of `lasted_s` was taken
    lasted_s: float = 0.0  #: seconds for which controllers have watched this step
    looked_at: float = 0.0
    intent: Intent | None = None
    decision: dict[str, Any] | None = None


class RolloutStore:
    """Reads and writes the state of ramps. Threads may share it; it connects on first use, and again after a failure.

    Args:
        url: SQLAlchemy URL of SQLite or PostgreSQL.

    Raises:
        ConfigurationError: the URL does not parse or names another database.
    """

    def __init__(self, url: str) -> None:
        self._database = SqlDatabase(
            url,
            holds="the state of ramps",
            setting="NETRA_MIGRATION_EVIDENCE_URL",
            prepare=prepare,
            error=RolloutStateError,
            flush=True,
            wait_s=_WAIT_S,
        )

    @classmethod
    def of_settings(cls, settings: MigrationSettings, *, reading: bool = False) -> "RolloutStore":
        """Return the configured store. If `reading` is true, a missing file is not created; there are no ramps then.

        Raises:
            ConfigurationError: see the class.
        """
        store = RolloutStore(settings.evidence())
        file = store._database.file
        return RolloutStore(IN_MEMORY) if reading and file is not None and not file.exists() else store

    def close(self) -> None:
        """Close all connections. The next call connects again."""
        self._database.close()

    def seen(self, surface: str, here: Position, now: float, *, anew: bool = False) -> Taken:
        """Record the position of a surface unless it is recorded already, and return the record.

        Args:
            surface: its name.
            here: the position that its flag shows.
            now: Unix seconds.
            anew: whether the step begins again although the surface was already seen at this position.

        Raises:
            RolloutStateError: the database cannot be used.
        """
        with self._database.transaction("write") as connection:
            known = _taken(connection, surface)
            if known is not None and known.position == here and not anew:
                return known
            row: dict[str, Any] = {"position": msgspec.to_builtins(here), "since": now, "approved_by": []}
            added = insert_into(connection, positions).values(surface=surface, **row)
            connection.execute(added.on_conflict_do_update(index_elements=["surface"], set_=row))
        return Taken(position=here, since=now)

    def taken(self, surface: str) -> Taken | None:
        """Return the position at which the surface was last seen; None: it was not seen yet. Raises RolloutStateError."""
        with self._database.transaction("read") as connection:
            return _taken(connection, surface)

    def approve(self, surface: str, here: Position, who: str) -> tuple[str, ...]:
        """Record that a person approves leaving this position; return all who approved.

        Raises:
            RolloutStateError: the surface was last seen at another position, or the database cannot be used.
        """
        with self._database.transaction("write") as connection:
            known = _taken(connection, surface)
            if known is None or known.position != here:
                raise RolloutStateError(f"{surface} is at {known and known.position}, not at {here}; look at it again")
            by = (*known.approved_by, *(() if who in known.approved_by else (who,)))
            connection.execute(update(positions).where(positions.c.surface == surface).values(approved_by=list(by)))
        return by

    def rollouts(self) -> list[Rollout]:
        """Return all ramps that were started, by surface. Raises RolloutStateError."""
        with self._database.transaction("read") as connection:
            return [_rollout(row) for row in connection.execute(select(rollouts).order_by(rollouts.c.surface)).mappings()]

    def rollout(self, surface: str) -> Rollout | None:
        """Return the ramp of a surface; None: none was started. Raises RolloutStateError."""
        return next((one for one in self.rollouts() if one.surface == surface), None)

    def start(self, rollout: Rollout) -> None:
        """Write a new ramp in place of the surface's last one. Raises RolloutStateError."""
        with self._database.transaction("write") as connection:
            row = msgspec.to_builtins(rollout)
            before = connection.execute(select(rollouts.c.revision).where(rollouts.c.surface == rollout.surface)).scalar()
            row["revision"] = (before or 0) + 1
            added = insert_into(connection, rollouts).values(**row)
            connection.execute(added.on_conflict_do_update(index_elements=["surface"], set_=row))

    def change(self, before: Rollout, *, holder: str | None = None, **changes: Any) -> Rollout:  # noqa: ANN401 - fields of `Rollout`
        """Change a ramp, and return it.

        Args:
            before: the ramp as it was read.
            holder: the controller that changes it; None: a person changes it.
            changes: fields and their new values.

        Raises:
            LostLeaseError: the controller no longer leads, or the ramp was changed since it was read.
            RolloutStateError: the database cannot be used.
        """
        after = msgspec.structs.replace(before, revision=before.revision + 1, **changes)
        row = msgspec.to_builtins(after)
        with self._database.transaction("write") as connection:
            here = (rollouts.c.surface == before.surface, rollouts.c.revision == before.revision)
            done = connection.execute(update(rollouts).where(*here).values(**row)).rowcount
            if done != 1 or (holder is not None and _leader(connection) != holder):
                raise LostLeaseError(before.surface)
            if (decision := changes.get("decision")) is not None:
                note_need(connection, before.surface, decision.get("runs_needed"), decision["at"])
        return after

    def need(self, surface: str, runs_needed: int | None, now: float) -> None:
        """Record how many more runs the gate of a surface needs, for the governors of shadows. Raises RolloutStateError."""
        with self._database.transaction("write") as connection:
            note_need(connection, surface, runs_needed, now)

    def renew(self, holder: str) -> bool:
        """Renew the lease, if this controller holds it; False: it does not. Raises RolloutStateError."""
        own = (leases.c.name == _LEASE, leases.c.holder == holder)
        with self._database.transaction("write") as connection:
            return connection.execute(update(leases).where(*own).values(beats=leases.c.beats + 1)).rowcount == 1

    def lease(self) -> tuple[str, int] | None:
        """Return who holds the lease, and how often it was renewed; None: it was never held. Raises RolloutStateError."""
        with self._database.transaction("read") as connection:
            row = connection.execute(select(leases.c.holder, leases.c.beats).where(leases.c.name == _LEASE)).first()
        return None if row is None else (row.holder, row.beats)

    def take(self, holder: str, before: tuple[str, int] | None) -> bool:
        """Take the lease, if it has not changed since it was seen; return whether it was taken. Raises RolloutStateError."""
        with self._database.transaction("write") as connection:
            if before is None:
                first = insert_into(connection, leases).values(name=_LEASE, holder=holder, beats=1)
                # Not `rowcount`: SQLAlchemy does not pass on psycopg's value for inserts
                # (https://docs.sqlalchemy.org/en/21/core/connections.html).
                return connection.execute(first.on_conflict_do_nothing().returning(leases.c.name)).first() is not None
            unchanged = (leases.c.name == _LEASE, leases.c.holder == before[0], leases.c.beats == before[1])
            return connection.execute(update(leases).where(*unchanged).values(holder=holder, beats=before[1] + 1)).rowcount == 1

    def release(self, holder: str) -> None:
        """Give up the lease, so that another controller need not wait. Raises RolloutStateError."""
        with self._database.transaction("write") as connection:
            connection.execute(leases.delete().where(leases.c.name == _LEASE, leases.c.holder == holder))


def _leader(connection: Connection) -> str | None:
    """Return who holds the lease; it cannot change before this transaction ends."""
    holder: str | None = connection.execute(select(leases.c.holder).where(leases.c.name == _LEASE).with_for_update()).scalar()
    return holder


def _taken(connection: Connection, surface: str) -> Taken | None:
    row = connection.execute(select(positions).where(positions.c.surface == surface)).first()
    if row is None:
        return None
    return Taken(position=msgspec.convert(row.position, Position), since=row.since, approved_by=tuple(row.approved_by))


def _rollout(row: Any) -> Rollout:  # noqa: ANN401 - a row of the table
    return msgspec.convert({str(name): value for name, value in row.items()}, Rollout)
