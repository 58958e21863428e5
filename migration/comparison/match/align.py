"""Pairs control's events with candidate's events.

Events are matched lane by lane: lanes may interleave in any order, but inside a lane the order counts. The n-th call of a tool is matched
by its content,
not by its number, so that one call more or less does not change the pairs of all calls after it.
"""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import zip_longest

from migration.comparison.match.differences import leaves
from migration.comparison.match.pairing import Pairing
from migration.comparison.match.sequences import Match, gaps, match, moved, pair_similar
from migration.comparison.read.normalise import Normal
from migration.comparison.read.stream import Stream

#: if more fields differ, similarity is not measured
_UNLIKE = 40
_NO_LANES: dict[str, list[int]] = {}


@dataclass(slots=True, kw_only=True)
class Lane:
    """One lane of each stream, side by side. Numbers are indexes into the streams."""

    control: str | None  #: the lane's name in control; None: control has no such lane
    candidate: str | None
    equal: list[Match] = field(default_factory=list)  #: both have the same canonical form
    changed: list[Match] = field(default_factory=list)  #: same kind and place, different content
    moved: list[Match] = field(default_factory=list)  #: equal, but not in the same order
    only_control: list[int] = field(default_factory=list)
    only_candidate: list[int] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The lane's name in control, or in candidate if only candidate has the lane."""
        return self.control if self.control is not None else self.candidate or ""


class Alignment:
    """Both streams, lane by lane.

    Args:
        control: the events of control, by lane.
        candidate: the events of candidate, by lane.
        unequal: lanes whose events are not all equal: first control's lanes in their order, then lanes that only candidate has.
        left: names of control's lanes among the unequal ones.
    """

    def __init__(
        self,
        control: dict[str, list[int]] = _NO_LANES,
        candidate: dict[str, list[int]] = _NO_LANES,
        unequal: Sequence[Lane] = (),
        left: Collection[str] = (),
    ) -> None:
        self._control, self._candidate, self.unequal, self._left = control, candidate, unequal, frozenset(left)

    def is_equal(self, lane: str) -> bool:
        """Return whether this lane has the same events in control and candidate, one by one."""
        return lane not in self._left

    @cached_property
    def equal(self) -> list[tuple[str, list[int], list[int]]]:
        """Lanes whose events are equal one by one: name, control's events, candidate's."""
        return [(name, indexes, self._candidate[name]) for name, indexes in self._control.items() if name not in self._left]

    def lanes(self) -> Iterator[Lane]:
        """Yield all lanes, the equal ones first."""
        for name, control, candidate in self.equal:
            yield Lane(control=name, candidate=name, equal=list(zip(control, candidate, strict=True)))
        yield from self.unequal


def align(pairing: Pairing) -> Alignment:
    """Return the pairs of events."""
    control, candidate = pairing.control.lanes, pairing.candidate.lanes
    changed = {pairing.control.places[index] for index in pairing.differing}
    left, others = pairing.beside.unequal, pairing.beside.other_unequal
    if changed:
        left, others = sorted(changed.union(left), key=control.__getitem__), sorted(changed.union(others), key=candidate.__getitem__)
    if not left and not others:
        return Alignment(control, candidate)
    aligned = _Aligner(pairing, control, candidate)
    lanes = [aligned.lane(*names) for names in aligned.partners(left, others)]
    order = {name: position for position, name in enumerate(left)}
    lanes.sort(key=lambda lane: len(order) if lane.control is None else order[lane.control])
    return Alignment(control, candidate, lanes, left)


class _Aligner:
    """Aligns the lanes whose events are not all equal."""

    def __init__(self, pairing: Pairing, control_lanes: dict[str, list[int]], candidate_lanes: dict[str, list[int]]) -> None:
        self._same, self._control, self._candidate = pairing.same, pairing.control, pairing.candidate
        self._control_lanes, self._candidate_lanes = control_lanes, candidate_lanes

    def partners(self, control: Iterable[str], candidate: Iterable[str]) -> Iterator[tuple[str | None, str | None]]:
        """Yield pairs of corresponding lanes (control's, candidate's); None: the lane has no counterpart."""
        families: dict[str, tuple[list[str], list[str]]] = {}
        for side, names in enumerate((control, candidate)):
            for name in names:
                families.setdefault(_family(name), ([], []))[side].append(name)
        for names_of_both in families.values():
            yield from self._calls(*names_of_both)

    def _calls(self, control: list[str], candidate: list[str]) -> Iterator[tuple[str | None, str | None]]:
        """Match calls by their whole content, then by their first event, then in order."""
        if control == candidate and len(control) == 1:
            yield control[0], candidate[0]
            return
        for whole in (True, False):
            waiting: dict[tuple[bytes, ...], deque[str]] = {}
            for name in candidate:
                waiting.setdefault(self._content(self._candidate, self._candidate_lanes[name], whole), deque()).append(name)
            met: dict[str, str] = {}
            for name in control:
                same = waiting.get(self._content(self._control, self._control_lanes[name], whole))
                if same:
                    met[name] = same.popleft()
            yield from met.items()
            taken = set(met.values())
            control, candidate = [name for name in control if name not in met], [name for name in candidate if name not in taken]
        yield from zip_longest(control, candidate)

    @staticmethod
    def _content(stream: Stream, indexes: list[int], whole: bool) -> tuple[bytes, ...]:
        return tuple(stream.frames.normal(index).canonical for index in (indexes if whole else indexes[:1]))

    def lane(self, control: str | None, candidate: str | None) -> Lane:
        """Align one lane of each stream."""
        in_control = self._control_lanes[control] if control is not None else []
        in_candidate = self._candidate_lanes[candidate] if candidate is not None else []
        lane = Lane(control=control, candidate=candidate)
        in_control, in_candidate = self._trim(in_control, in_candidate, lane.equal)
        if len(in_control) == len(in_candidate) == 1 and self._control.kinds[in_control[0]] == self._candidate.kinds[in_candidate[0]]:
            lane.changed.append((in_control[0], in_candidate[0]))
            return lane
        if not in_control or not in_candidate:
            lane.only_control, lane.only_candidate = in_control, in_candidate
            return lane
        keys = _keys(self._control, in_control), _keys(self._candidate, in_candidate)
        pairs = match(*keys)
        lane.equal += [(in_control[i], in_candidate[j]) for i, j in pairs]
        between = gaps(pairs, len(in_control), len(in_candidate))
        crossed = moved(*keys, between)
        lane.moved = [(in_control[i], in_candidate[j]) for i, j in crossed]
        moved_control, moved_candidate = {i for i, _ in crossed}, {j for _, j in crossed}
        for control_gap, candidate_gap in between:
            self._fill(
                lane,
                [in_control[i] for i in control_gap if i not in moved_control],
                [in_candidate[j] for j in candidate_gap if j not in moved_candidate],
            )
        return lane

    def _trim(self, control: list[int], candidate: list[int], equal: list[Match]) -> tuple[list[int], list[int]]:
        """Remove equal events at the beginning and the end, mostly by comparing only bytes; return the part in between."""
        same, start, control_end, candidate_end = self._same, 0, len(control), len(candidate)
        for i, j in zip(control, candidate, strict=False):
            if not same(i, j):
                break
            start += 1
        while min(control_end, candidate_end) > start and same(control[control_end - 1], candidate[candidate_end - 1]):
            control_end, candidate_end = control_end - 1, candidate_end - 1
        equal += zip(control[:start], candidate[:start], strict=True)
        equal += zip(control[control_end:], candidate[candidate_end:], strict=True)
        return control[start:control_end], candidate[start:candidate_end]

    def _fill(self, lane: Lane, control: list[int], candidate: list[int]) -> None:
        """Pair the remaining events of one gap by kind and likeness; events without a partner are on one side only."""
        near = self._similar(control, candidate)
        lane.changed += near
        paired_control, paired_candidate = {i for i, _ in near}, {j for _, j in near}
        lane.only_control += [i for i in control if i not in paired_control]
        lane.only_candidate += [j for j in candidate if j not in paired_candidate]

    def _similar(self, control: list[int], candidate: list[int]) -> list[Match]:
        def likeness(i: int, j: int) -> float:
            return _likeness(self._control.frames.normal(control[i]), self._candidate.frames.normal(candidate[j]))

        kinds = [self._control.events[i].kind for i in control], [self._candidate.events[j].kind for j in candidate]
        pairs = pair_similar((range(len(control)), range(len(candidate))), kinds, likeness)
        return [(control[i], candidate[j]) for i, j in pairs]


def _family(lane: str) -> str:
    """Return the family of a lane: all calls of one tool by one agent are a family; a lane that is not a call has its own."""
    call, mark, number = lane.rpartition("#")
    return f"{call}{mark}" if number.isdigit() else lane


def _keys(stream: Stream, indexes: list[int]) -> list[tuple[str, bytes]]:
    return [(stream.events[index].kind, stream.frames.normal(index).canonical) for index in indexes]


def _likeness(control: Normal, candidate: Normal) -> float:
    differing = leaves(control.value, candidate.value, _UNLIKE)
    return 1.0 + (0.0 if differing is None else 1.0 / (1 + len(differing)))
