"""Detections: how many injected differences the comparison saw, for each basis."""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from migration.database import insert_into
from migration.evidence.tables import detections

_COUNTED = detections.c


class Detections(NamedTuple):
    """Differences that were injected with one basis."""

    injected: int = 0
    seen: int = 0


def add_detections(connection: Connection, surface: str, basis: str, found: Mapping[str, tuple[int, int]]) -> None:
    """Add to the counts.

    Args:
        connection: a connection in a transaction.
        surface: the shadows' surface.
        basis: digest of the basis.
        found: for each kind of difference, how many were injected, and how many of these were seen.
    """
    rows = [
        {"surface": surface, "basis": basis, "kind": kind, "injected": injected, "seen": seen}
        # The order is the same in every process, so that two processes cannot deadlock.
        for kind, (injected, seen) in sorted(found.items())
    ]
    insert = insert_into(connection, detections)
    more = {name: _COUNTED[name] + insert.excluded[name] for name in ("injected", "seen")}
    connection.execute(insert.on_conflict_do_update(index_elements=["surface", "basis", "kind"], set_=more), rows)


def read_detections(connection: Connection, surface: str, basis: str | None) -> Detections:
    """Return the counts of a basis; zeros if it is not known."""
    sums = (func.coalesce(func.sum(_COUNTED.injected), 0), func.coalesce(func.sum(_COUNTED.seen), 0))
    row = connection.execute(select(*sums).where(_COUNTED.surface == surface, _COUNTED.basis == (basis or ""))).one()
    return Detections(int(row[0]), int(row[1]))
