"""What the tombstones show about the last days."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, select

from migration.model import Origin, Stage
from migration.stores.database import StoresDatabase
from migration.stores.tables import tombstones, watched_days
from migration.stores.tombstones import DAY_S


@dataclass(frozen=True, slots=True, kw_only=True)
class RanOn:
    """Runs of one engine at one stage on one day."""

    day: int  #: days since 1970-01-01, UTC
    stage: Stage
    origin: Origin
    runs: int
    last_at: float  #: Unix seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """The recorded runs of one surface on the last whole days and today."""

    days: tuple[int, ...]  #: the whole days, oldest first, as days since 1970-01-01, UTC
    watched: frozenset[int]  #: the days among them on which a process counted
    ran: tuple[RanOn, ...]  #: runs on these days, today and, if a clock was ahead, later; oldest first

    @property
    def unwatched(self) -> tuple[int, ...]:
        """The days on which no process counted."""
        return tuple(day for day in self.days if day not in self.watched)

    def of(self, *, origins: Collection[Origin] = tuple(Origin), stages: Collection[Stage] = tuple(Stage)) -> tuple[RanOn, ...]:
        """Return the runs of these engines at these stages."""
        return tuple(one for one in self.ran if one.origin in origins and one.stage in stages)


def watch_now(database: StoresDatabase, surface: str, *, days: int, now: float) -> Watch:
    """Return the recorded runs of a surface; runs in this thread.

    Args:
        database: contains the tombstones.
        surface: the surface.
        days: number of whole UTC days before today.
        now: Unix seconds.

    Raises:
        OutboxError: the database cannot be read.
    """
    today = int(now // DAY_S)
    whole = tuple(range(today - days, today))
    if not database.exists:
        return Watch(days=whole, watched=frozenset(), ran=())
    ran, beats = database.run_now("read", lambda connection: _read(connection, surface, whole[0]))
    return Watch(days=whole, watched=frozenset(whole) & {*beats, *(one.day for one in ran)}, ran=tuple(ran))


def _read(connection: Connection, surface: str, first: int) -> tuple[list[RanOn], list[int]]:
    column, beat = tombstones.c, watched_days.c
    counted = (
        select(column.day, column.stage, column.origin, column.runs, column.last_at)
        .where(column.surface == surface, column.day >= first)
        .order_by(column.day, column.last_at)
    )
    ran = [
        RanOn(day=row.day, stage=Stage(row.stage), origin=Origin(row.origin), runs=row.runs, last_at=row.last_at)
        for row in connection.execute(counted)
    ]
    return ran, list(connection.execute(select(beat.day).where(beat.surface == surface, beat.day >= first)).scalars())
