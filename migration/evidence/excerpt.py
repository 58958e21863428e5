"""Both streams side by side around a divergence, redacted, as they are stored."""

import re
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from migration.evidence.redaction import Redactor
from migration.model import Comparison, Event, RunRecord

_GAP = re.compile(r"\.\.\. \d{1,9} more\Z")


class AlignedEvents(Protocol):
    """One row of two aligned streams."""

    @property
    def control(self) -> Event | None:
        """The control's event; None if it has none here."""
        ...

    @property
    def candidate(self) -> Event | None:
        """The candidate's event; None if it has none here."""
        ...

    @property
    def mark(self) -> str:
        """The relation of the two, in one word: "equal", "changed", "missing", "gap", ..."""
        ...

    @property
    def lane(self) -> str:
        """The lane of both; in a gap, the number of rows left out."""
        ...


Aligner = Callable[[RunRecord, RunRecord, Comparison], Sequence[AlignedEvents]]
"""Aligns control and candidate around the comparison's divergences."""


class ExcerptEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it may be stored."""

    kind: str
    lane: str
    at_s: float
    payload: str  #: redacted JSON


class ExcerptRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of two aligned streams. Neither side has an event in a gap."""

    mark: str
    lane: str  #: in a gap, the number of rows left out
    control: ExcerptEvent | None
    candidate: ExcerptEvent | None


def redacted(rows: Sequence[AlignedEvents], redactor: Redactor, *, plain: bool) -> list[ExcerptRow]:
    """Return the rows in redacted form; `plain` is True for a tenant that allows its texts."""

    def event(event: Event | None) -> ExcerptEvent | None:
        if event is None:
            return None
        payload = redactor.json(event.payload.decode("utf-8", "replace"), plain=plain) or ""
        return ExcerptEvent(kind=redactor.path(event.kind), lane=redactor.path(event.lane), at_s=event.at_s, payload=payload)

    def lane(row: AlignedEvents) -> str:
        return row.lane if _GAP.match(row.lane) else redactor.path(row.lane)

    return [
        ExcerptRow(mark=redactor.path(row.mark), lane=lane(row), control=event(row.control), candidate=event(row.candidate)) for row in rows
    ]
