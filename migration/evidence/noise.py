"""Noise of engines compared with themselves: stores rounds and returns counts.

Rounds are counted by day, so that old ones can be removed.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Table, delete, func, select

from migration.evidence.tables import comparisons, counted_rounds, noise_hits, noise_rounds, occurrences
from migration.evidence.views import NoiseHit, NoiseView

_DAY_S = 86_400
_HITS = noise_hits.c
_FOUND = occurrences.c


def add_round(connection: Connection, surface: str, run: str, *, control: Collection[str], candidate: Collection[str], now: float) -> None:
    """Count one round, unless the round of this run was counted before: if a worker dies before it answers, its job is done again.

    Args:
        connection: a connection in a transaction.
        surface: the engines' surface.
        run: digest of the id of the run that the round followed.
        control: fingerprints of control's differences from itself.
        candidate: fingerprints of candidate's differences from itself.
        now: Unix seconds.
    """
    day = int(now // _DAY_S)
    if not _is_new(connection, surface, run, day):
        return
    _count(connection, noise_rounds, [{"surface": surface, "day": day, "rounds": 1}], ("surface", "day"))
    hits = [
        {
            "surface": surface,
            "fingerprint": fingerprint,
            "day": day,
            "rounds": 1,
            "control": int(fingerprint in control),
            "candidate": int(fingerprint in candidate),
        }
        # The order is the same in every process, so that two processes cannot deadlock.
        for fingerprint in sorted({*control, *candidate})
    ]
    if hits:
        _count(connection, noise_hits, hits, ("surface", "fingerprint", "day"))


def noise(connection: Connection, surface: str) -> NoiseView:
    """Return the rounds of a surface, and how many comparisons show each divergence that rounds found.

    If rounds found no divergences, the comparisons are not read.
    """
    number = rounds(connection, surface)
    sums = [func.sum(_HITS[name]) for name in ("rounds", "control", "candidate")]
    shown = connection.execute(select(_HITS.fingerprint, *sums).where(_HITS.surface == surface).group_by(_HITS.fingerprint)).all()
    if not shown:
        return NoiseView(surface=surface, rounds=number, comparisons=0, hits=[])
    total = connection.execute(select(func.count()).select_from(comparisons).where(comparisons.c.surface == surface)).scalar() or 0
    seen = (
        select(_FOUND.fingerprint, func.count())
        .where(_FOUND.surface == surface, _FOUND.fingerprint.in_([row[0] for row in shown]))
        .group_by(_FOUND.fingerprint)
    )
    compared = {row[0]: int(row[1]) for row in connection.execute(seen)}
    hits = [
        NoiseHit(fingerprint=name, compared=compared.get(name, 0), rounds=int(both), control=int(in_control), candidate=int(in_candidate))
        for name, both, in_control, in_candidate in shown
    ]
    return NoiseView(surface=surface, rounds=number, comparisons=total, hits=sorted(hits, key=lambda hit: (-hit.rounds, hit.fingerprint)))


def rounds(connection: Connection, surface: str) -> int:
    """Return the rounds of a surface."""
    return int(connection.execute(select(func.sum(noise_rounds.c.rounds)).where(noise_rounds.c.surface == surface)).scalar() or 0)


def remove_before(connection: Connection, cutoff: float) -> None:
    """Remove the rounds of days that ended before `cutoff` (Unix seconds)."""
    for table in (noise_rounds, noise_hits, counted_rounds):
        connection.execute(delete(table).where(table.c.day < int(cutoff // _DAY_S)))


def _is_new(connection: Connection, surface: str, run: str, day: int) -> bool:
    """Record the round of a run, and return whether it is new."""
    made = _insert(connection)(counted_rounds).values(surface=surface, run=run, day=day).on_conflict_do_nothing()
    return connection.execute(made.returning(counted_rounds.c.run)).first() is not None


def _count(connection: Connection, table: Table, rows: list[dict[str, Any]], keys: tuple[str, ...]) -> None:
    made = _insert(connection)(table)
    sums = {column.name: column + made.excluded[column.name] for column in table.c if column.name not in keys}
    connection.execute(made.on_conflict_do_update(index_elements=list(keys), set_=sums), rows)


def _insert(connection: Connection) -> Any:  # noqa: ANN401 - the two dialects have a type each
    from sqlalchemy.dialects import postgresql, sqlite

    return sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
