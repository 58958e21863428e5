"""The requests of both runs to the outside, side by side and in order, as rows of an excerpt: differences are marked as for events."""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Literal

from migration.comparison.match.sequences import gaps, match
from migration.model import Effect, Event, RunRecord

Mark = Literal["equal", "changed", "missing", "extra"]

_NOTHING = b"{}"


def effect_rows(control: RunRecord, candidate: RunRecord, limit: int) -> list[tuple[Mark, str, Event | None, Event | None]]:
    """Return the effects of both journals, each written as an event whose kind is its name in paths: mark, lane, control, candidate.

    Args:
        control: the run that was compared as control.
        candidate: the run that was compared as candidate.
        limit: largest number of rows; equal ones are left out first.
    """
    rows = list(_rows(control.journal, candidate.journal))
    spare = len(rows) - limit
    if spare <= 0:
        return rows
    differing = [row for row in rows if row[0] != "equal"]
    return differing[:limit]


def _rows(control: tuple[Effect, ...], candidate: tuple[Effect, ...]) -> Iterator[tuple[Mark, str, Event | None, Event | None]]:
    pairs = match([_key(effect) for effect in control], [_key(effect) for effect in candidate])
    between = {(gap[0].start, gap[1].start): gap for gap in gaps(pairs, len(control), len(candidate))}
    i = j = 0
    for next_i, next_j in (*pairs, (len(control), len(candidate))):
        if (i, j) in between:
            yield from _gap([control[n] for n in between[i, j][0]], [candidate[n] for n in between[i, j][1]])
        if next_i < len(control):
            yield "equal", control[next_i].lane, _event(control[next_i]), _event(candidate[next_j])
        i, j = next_i + 1, next_j + 1


def _gap(control: list[Effect], candidate: list[Effect]) -> Iterator[tuple[Mark, str, Event | None, Event | None]]:
    met: list[tuple[Effect | None, Effect | None]] = []
    for one, other in zip_longest(control, candidate):
        alike = one is not None and other is not None and (one.kind, one.name, one.lane) == (other.kind, other.name, other.lane)
        met += [(one, other)] if alike or one is None or other is None else [(one, None), (None, other)]
    for one, other in met:
        mark: Mark = "extra" if one is None else "missing" if other is None else "changed"
        asked = one or other
        yield mark, "" if asked is None else asked.lane, _event(one), _event(other)


def _key(effect: Effect) -> tuple[str, str, str, bytes | None]:
    return effect.kind, effect.name, effect.lane, effect.request


def _event(effect: Effect | None) -> Event | None:
    if effect is None:
        return None
    return Event(kind=f"{effect.kind}.{effect.name}", lane=effect.lane, payload=effect.request or _NOTHING, at_s=effect.started_s)
