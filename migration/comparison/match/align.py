"""Pairs control's events with candidate's.

Events are matched lane by lane: lanes interleave freely, inside a lane order counts. The n-th call of a tool is matched by what it does,
not by its number, so that one call more or less does not shift all calls after it.
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

#: above this many differing fields, similarity is not measured
_UNLIKE = 40
_NO_LANES: dict[str, list[int]] = {}


@dataclass(slots=True, kw_only=True)
class Lane:
    """One lane of each stream, side by side. Numbers are indexes into the streams."""

    control: str | None  #: the lane's name; None when the stream has no such lane
    candidate: str | None
    equal: list[Match] = field(default_factory=list)  #: one canonical form
    changed: list[Match] = field(default_factory=list)  #: same kind and place, other content
    moved: list[Match] = field(default_factory=list)  #: equal, but not in the same order
    only_control: list[int] = field(default_factory=list)
    only_candidate: list[int] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The lane's name: control's, or candidate's when only that has it."""
        return self.control if self.control is not None else self.candidate or ""


class Alignment:
    """Both streams, lane by lane.

    Args:
        ours: the events of control's lanes.
        theirs: those of candidate's.
        unequal: lanes that are not plainly equal, in the order of control, then those that only candidate has.
        left: control's lanes among them.
    """

    def __init__(
        self,
        ours: dict[str, list[int]] = _NO_LANES,
        theirs: dict[str, list[int]] = _NO_LANES,
        unequal: Sequence[Lane] = (),
        left: Collection[str] = (),
    ) -> None:
        self._ours, self._theirs, self.unequal, self._left = ours, theirs, unequal, frozenset(left)

    def is_equal(self, lane: str) -> bool:
        """Tell whether the events of this lane of control are equal, one by one, to those of candidate's."""
        return lane not in self._left

    @cached_property
    def equal(self) -> list[tuple[str, list[int], list[int]]]:
        """Lanes whose events are equal one by one: name, control's events, candidate's."""
        return [(name, indexes, self._theirs[name]) for name, indexes in self._ours.items() if name not in self._left]

    def lanes(self) -> Iterator[Lane]:
        """Yield all lanes, the equal ones first."""
        for name, ours, theirs in self.equal:
            yield Lane(control=name, candidate=name, equal=list(zip(ours, theirs, strict=True)))
        yield from self.unequal


def align(pairing: Pairing) -> Alignment:
    """Return the pairs of events."""
    ours, theirs = pairing.control.lanes, pairing.candidate.lanes
    changed = {pairing.control.places[index] for index in pairing.differing}
    left, others = pairing.beside.unequal, pairing.beside.other_unequal
    if changed:
        left, others = sorted(changed.union(left), key=ours.__getitem__), sorted(changed.union(others), key=theirs.__getitem__)
    if not left and not others:
        return Alignment(ours, theirs)
    aligned = _Aligner(pairing, ours, theirs)
    lanes = [aligned.lane(a, b) for a, b in aligned.partners(left, others)]
    order = {name: position for position, name in enumerate(left)}
    lanes.sort(key=lambda lane: len(order) if lane.control is None else order[lane.control])
    return Alignment(ours, theirs, lanes, left)


class _Aligner:
    """Aligns the lanes that are not plainly equal."""

    def __init__(self, pairing: Pairing, ours: dict[str, list[int]], theirs: dict[str, list[int]]) -> None:
        self._same, self._control, self._candidate = pairing.same, pairing.control, pairing.candidate
        self._ours, self._theirs = ours, theirs

    def partners(self, ours: Iterable[str], theirs: Iterable[str]) -> Iterator[tuple[str | None, str | None]]:
        """Yield which lane of control belongs to which of candidate; None: to none."""
        families: dict[str, tuple[list[str], list[str]]] = {}
        for side, names in enumerate((ours, theirs)):
            for name in names:
                families.setdefault(_family(name), ([], []))[side].append(name)
        for a, b in families.values():
            yield from self._calls(a, b)

    def _calls(self, ours: list[str], theirs: list[str]) -> Iterator[tuple[str | None, str | None]]:
        """Match calls by all they hold, then by how they open, then in order."""
        if ours == theirs and len(ours) == 1:
            yield ours[0], theirs[0]
            return
        for whole in (True, False):
            waiting: dict[tuple[bytes, ...], deque[str]] = {}
            for name in theirs:
                waiting.setdefault(self._content(self._candidate, self._theirs[name], whole), deque()).append(name)
            met: dict[str, str] = {}
            for name in ours:
                same = waiting.get(self._content(self._control, self._ours[name], whole))
                if same:
                    met[name] = same.popleft()
            yield from met.items()
            taken = set(met.values())
            ours, theirs = [name for name in ours if name not in met], [name for name in theirs if name not in taken]
        yield from zip_longest(ours, theirs)

    @staticmethod
    def _content(stream: Stream, indexes: list[int], whole: bool) -> tuple[bytes, ...]:
        return tuple(stream.frames.normal(index).canonical for index in (indexes if whole else indexes[:1]))

    def lane(self, ours: str | None, theirs: str | None) -> Lane:
        """Align one lane of each stream."""
        a = self._ours[ours] if ours is not None else []
        b = self._theirs[theirs] if theirs is not None else []
        lane = Lane(control=ours, candidate=theirs)
        a, b = self._trim(a, b, lane.equal)
        if len(a) == len(b) == 1 and self._control.kinds[a[0]] == self._candidate.kinds[b[0]]:
            lane.changed.append((a[0], b[0]))
            return lane
        keys = _keys(self._control, a), _keys(self._candidate, b)
        pairs = match(*keys)
        lane.equal += [(a[i], b[j]) for i, j in pairs]
        between = gaps(pairs, len(a), len(b))
        crossed = moved(*keys, between)
        lane.moved = [(a[i], b[j]) for i, j in crossed]
        moved_a, moved_b = {i for i, _ in crossed}, {j for _, j in crossed}
        for mine, other in between:
            self._fill(lane, [a[i] for i in mine if i not in moved_a], [b[j] for j in other if j not in moved_b])
        return lane

    def _trim(self, a: list[int], b: list[int], equal: list[Match]) -> tuple[list[int], list[int]]:
        """Take the equal ends off, at the price of a comparison of bytes for most events; return what is between."""
        start, ours, theirs = 0, len(a), len(b)
        while start < min(ours, theirs) and self._same(a[start], b[start]):
            start += 1
        while min(ours, theirs) > start and self._same(a[ours - 1], b[theirs - 1]):
            ours, theirs = ours - 1, theirs - 1
        equal += zip(a[:start], b[:start], strict=True)
        equal += zip(a[ours:], b[theirs:], strict=True)
        return a[start:ours], b[start:theirs]

    def _fill(self, lane: Lane, ours: list[int], theirs: list[int]) -> None:
        """Pair what is left of one gap by kind and likeness; what then is left is on one side only."""
        near = self._similar(ours, theirs)
        lane.changed += near
        paired_a, paired_b = {i for i, _ in near}, {j for _, j in near}
        lane.only_control += [i for i in ours if i not in paired_a]
        lane.only_candidate += [j for j in theirs if j not in paired_b]

    def _similar(self, ours: list[int], theirs: list[int]) -> list[Match]:
        def likeness(i: int, j: int) -> float:
            return _likeness(self._control.frames.normal(ours[i]), self._candidate.frames.normal(theirs[j]))

        kinds = [self._control.events[i].kind for i in ours], [self._candidate.events[j].kind for j in theirs]
        pairs = pair_similar((range(len(ours)), range(len(theirs))), kinds, likeness)
        return [(ours[i], theirs[j]) for i, j in pairs]


def _family(lane: str) -> str:
    """Return the name that the calls of one tool by one agent share; a lane that is not a call is a separate family."""
    call, mark, number = lane.rpartition("#")
    return f"{call}{mark}" if number.isdigit() else lane


def _keys(stream: Stream, indexes: list[int]) -> list[tuple[str, bytes]]:
    return [(stream.events[index].kind, stream.frames.normal(index).canonical) for index in indexes]


def _likeness(a: Normal, b: Normal) -> float:
    differing = leaves(a.value, b.value, _UNLIKE)
    return 1.0 + (0.0 if differing is None else 1.0 / (1 + len(differing)))
