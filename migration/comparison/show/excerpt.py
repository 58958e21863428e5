"""Both streams side by side around their differences, for a terminal or a page. Values are left out unless they are asked for."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from migration.comparison.compare import aligned
from migration.comparison.describe.fingerprint import value_shape
from migration.comparison.limits import NOTHING_COMPARED
from migration.comparison.match.align import Lane
from migration.comparison.match.differences import leaves
from migration.comparison.match.pairing import Pairing
from migration.comparison.match.sequences import Match
from migration.comparison.paths import Json, text
from migration.comparison.policy import Policy
from migration.comparison.read.canonical import encode
from migration.comparison.read.stream import Stream
from migration.comparison.show.effect_rows import effect_rows
from migration.model import Comparison, Divergence, Event, RunRecord

Mark = Literal["equal", "changed", "moved", "missing", "extra", "gap", "effect", "end"]
"""The mark of a row. Two events are equal, differ or changed places, or only control or only candidate has the event.

Or equal rows are left out, or the row is a difference in an effect or in the ends of the runs.
"""

_FIELDS_SHOWN = 4
_CELL = 160
_LAST = 2**62


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the excerpt, as text."""

    mark: Mark
    lane: str
    control: str | None  #: None: there is no event
    candidate: str | None


class EventRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the excerpt, as the events themselves. Both are None in a gap."""

    mark: Mark
    lane: str
    control: Event | None
    candidate: Event | None


def aligned_events(
    control: RunRecord, candidate: RunRecord, comparison: Comparison, context: int = 3, *, policy: Policy | None = None, limit: int = 60
) -> list[EventRow]:
    """Return the events around the differences, in control's order; candidate's extra events are at their place in their lane.

    If an effect differs, the effects of both sides come first, in order, each as an event: `tool.<name>`, `model.<name>`.

    Args:
        control: the run that was compared as control.
        candidate: the run that was compared as candidate.
        comparison: the result of comparing both; if it hit a limit, nothing was compared, and there are no rows.
        context: equal events shown before and after each difference.
        policy: None: the one that the project configures.
        limit: largest number of rows; if there are more, the last row represents them.

    Raises:
        UnconfiguredSurfaceError: no policy was given and the project has none for the surface.
    """
    if _nothing_compared(comparison):
        return []
    pairing, places = _shown(control, candidate, context, policy)
    control_events, candidate_events = pairing.control.events, pairing.candidate.events
    asked = effect_rows(control, candidate, limit) if any(map(_is_effect, comparison.divergences)) else []
    return [
        *(EventRow(mark=mark, lane=lane, control=one, candidate=other) for mark, lane, one, other in asked),
        *(
            EventRow(
                mark=mark, lane=lane, control=None if i is None else control_events[i], candidate=None if j is None else candidate_events[j]
            )
            for mark, lane, i, j in _limited(places, limit)
        ),
    ]


def aligned_rows(
    control: RunRecord,
    candidate: RunRecord,
    comparison: Comparison,
    context: int = 3,
    *,
    show_values: bool = False,
    policy: Policy | None = None,
    limit: int = 60,
) -> list[Row]:
    """Return the same as `aligned_events` as text for a terminal, after one row for each divergence in effects and endings.

    Args:
        control: the run that was compared as control.
        candidate: the run that was compared as candidate.
        comparison: its result.
        context: equal events shown before and after each difference.
        show_values: whether payloads may be shown; False: a cell contains only kinds, field names and types.
        policy: None: the one that the project configures.
        limit: largest number of rows of events; if there are more, the last row represents them.

    Raises:
        UnconfiguredSurfaceError: no policy was given and the project has none for the surface.
    """
    if _nothing_compared(comparison):
        return []
    pairing, places = _shown(control, candidate, context, policy)
    writer = _Writer(pairing, show_values=show_values)
    return [*_apart(comparison, show_values=show_values), *(writer.row(*place) for place in _limited(places, limit))]


_Place = tuple[Mark, str, int | None, int | None]


def _in_order(lanes: Sequence[Lane]) -> list[_Place]:
    """Return all events of both streams in one order, which keeps control's order, and candidate's order within each lane."""
    keyed: list[tuple[tuple[int, int], _Place]] = []
    for lane in lanes:
        paired: list[tuple[int, int, Mark]] = []
        marked: tuple[tuple[Mark, list[Match]], ...] = (("equal", lane.equal), ("changed", lane.changed), ("moved", lane.moved))
        for mark, pairs in marked:
            paired += [(i, j, mark) for i, j in pairs]
        keyed += [((i, 0), (mark, lane.name, i, j)) for i, j, mark in paired]
        keyed += [((i, 0), ("missing", lane.name, i, None)) for i in lane.only_control]
        kept = sorted((j, i) for i, j, mark in paired if mark != "moved")
        of_control = [i for i, _, _ in paired] + lane.only_control
        start = min(of_control) - 1 if of_control else _LAST  # a lane that control lacks comes last
        for j in lane.only_candidate:
            # Placed after the last event of its lane with an earlier partner, because indexes of pairs rise on both sides.
            before = bisect_left(kept, (j, 0))
            after = kept[before - 1][1] if before else start
            keyed.append(((after, j + 1), ("extra", lane.name, None, j)))
    return [place for _, place in sorted(keyed, key=lambda item: item[0])]


def _nothing_compared(comparison: Comparison) -> bool:
    return any(str(reason).endswith(NOTHING_COMPARED) for reason in comparison.reasons)


def _shown(control: RunRecord, candidate: RunRecord, context: int, policy: Policy | None) -> tuple[Pairing, list[_Place]]:
    pairing, alignment = aligned(control, candidate, policy)
    return pairing, list(_around(_in_order(list(alignment.lanes())), context))


def _around(places: Sequence[_Place], context: int) -> Iterable[_Place]:
    telling = [index for index, place in enumerate(places) if place[0] != "equal"]
    shown = {near for index in telling for near in range(max(0, index - context), min(len(places), index + context + 1))}
    skipped = 0
    for index, place in enumerate(places):
        if index in shown:
            if skipped:
                yield _gap(skipped)
            skipped = 0
            yield place
        else:
            skipped += 1
    if skipped:
        yield _gap(skipped)


def _limited(places: list[_Place], limit: int) -> list[_Place]:
    return places if len(places) <= limit else [*places[: limit - 1], _gap(len(places) - limit + 1)]


def _gap(rows: int) -> _Place:
    return "gap", f"... {rows} more", None, None


def _is_effect(divergence: Divergence) -> bool:
    return divergence.kind.startswith("effect_") or divergence.path.partition(".")[0] in {"model", "tool", "clock", "id"}


def _apart(comparison: Comparison, *, show_values: bool) -> Iterable[Row]:
    for divergence in comparison.divergences:
        is_effect = _is_effect(divergence)
        if is_effect or divergence.path.startswith("run."):
            sides = [
                _cell(divergence.path, _written(encoded, show_values=show_values)) for encoded in (divergence.control, divergence.candidate)
            ]
            yield Row(mark="effect" if is_effect else "end", lane=divergence.lane, control=sides[0], candidate=sides[1])


def _written(encoded: str | None, *, show_values: bool) -> str | None:
    if encoded is None or show_values:
        return encoded
    return value_shape(msgspec.json.decode(encoded))


def _cell(path: str, shown: str | None) -> str | None:
    return None if shown is None else _cut(f"{path} = {shown}")


def _cut(cell: str) -> str:
    return cell if len(cell) <= _CELL else f"{cell[: _CELL - 3]}..."


class _Writer:
    """Writes the cells of one excerpt."""

    def __init__(self, pairing: Pairing, *, show_values: bool) -> None:
        self._control, self._candidate, self._show_values = pairing.control, pairing.candidate, show_values

    def row(self, mark: Mark, lane: str, i: int | None, j: int | None) -> Row:
        """Write the row of a pair, or of an event without a partner."""
        if mark == "changed" and i is not None and j is not None and self._readable(i, j):
            return self._changed(lane, i, j)
        control = None if i is None else self._event(self._control, i)
        candidate = None if j is None else self._event(self._candidate, j)
        return Row(mark=mark, lane=lane, control=control, candidate=candidate)

    def _readable(self, i: int, j: int) -> bool:
        self._control.frames.normal(i)
        self._candidate.frames.normal(j)
        return i not in self._control.frames.undecodable and j not in self._candidate.frames.undecodable

    def _changed(self, lane: str, i: int, j: int) -> Row:
        kind = self._control.events[i].kind
        differing = leaves(self._control.frames.normal(i).value, self._candidate.frames.normal(j).value, _FIELDS_SHOWN)
        if differing is None:
            told = f"{kind}: more than {_FIELDS_SHOWN} fields differ"
            return Row(mark="changed", lane=lane, control=told, candidate=told)
        control = ", ".join(f"{text(leaf.path)} = {self._value(leaf.control)}" for leaf in differing)
        candidate = ", ".join(f"{text(leaf.path)} = {self._value(leaf.candidate)}" for leaf in differing)
        return Row(mark="changed", lane=lane, control=_cut(f"{kind}: {control}"), candidate=_cut(f"{kind}: {candidate}"))

    def _value(self, value: Json | msgspec.UnsetType) -> str:
        if value is msgspec.UNSET:
            return "nothing"
        return encode(value).decode() if self._show_values else value_shape(value)

    def _event(self, stream: Stream, index: int) -> str:
        kind = stream.events[index].kind
        value = stream.frames.value(index)
        if value is None or index in stream.frames.undecodable:
            return f"{kind}: undecodable"
        body = value.get("payload", value)
        if self._show_values:
            return _cut(f"{kind}: {encode(body).decode()}")
        names = f": {', '.join(body)}" if isinstance(body, dict) and body else ""
        return _cut(f"{kind}{names}")
