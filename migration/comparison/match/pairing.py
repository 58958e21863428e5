"""Which frames of two streams are equal, found out as cheaply as can be.

Frames are read block by block, each with the frames of the other stream that stand for them if nothing differs, and nothing is kept of
those found equal: what is known of a long stream would not fit into the processor's cache, and every pass over it would wait for memory.
"""

from collections.abc import Iterator, Sequence
from itertools import compress
from operator import ne, not_
from typing import Final

from migration.comparison.match.sequences import Match
from migration.comparison.read.outline import side_by_side
from migration.comparison.read.shapes import Shapes
from migration.comparison.read.stream import Stream, picked

_BLOCK: Final = 256  #: frames of each stream that are read at once
_FEW: Final = 4  #: frames that differ are few when less than one in so many does


class Pairing:
    """Tells whether a frame of control and a frame of candidate are equal, as cheaply as can be.

    Args:
        control: one stream.
        candidate: the other one.
        shapes: comparators for bodies.
    """

    def __init__(self, control: Stream, candidate: Stream, shapes: Shapes) -> None:
        self.control, self.candidate, self._shapes = control, candidate, shapes
        #: whether both streams send the same kinds of event in the same lanes in the same order, as replays mostly do
        self.in_step = control.outline.encoded == candidate.outline.encoded
        self.beside = side_by_side(control.outline, candidate.outline)
        self._same_kinds = self.in_step or self.beside.same_kinds
        self._different: set[Match] = set()  #: frames that were found not to be the same
        self.differing: list[int] = []  #: control's frames that are not the same as candidate's in that place of their lane
        for ours, theirs in self._blocks():
            self.differing += self._differing(ours, theirs)

    def _blocks(self) -> Iterator[tuple[Sequence[int], Sequence[int]]]:
        """Yield which frames of control and of candidate to set side by side: those of lanes that have as many on both sides.

        All others are read on the way.
        """
        if self.in_step:
            whole = range(len(self.control.events))
            yield from ((block, block) for block in _cut(whole))
            return
        for stream, odd in zip((self.control, self.candidate), self.beside.others, strict=True):
            for block in _cut(odd):
                stream.read(block)
        yield from zip(*map(_cut, self.beside.alike), strict=True)

    def _differing(self, ours: Sequence[int], theirs: Sequence[int]) -> list[int]:
        """Read and compare a block of both streams. Returns control's frames that differ."""
        control, candidate = self.control, self.candidate
        # Engines without a clock of their own send most frames in the same bytes: those are read once.
        unlike = list(map(ne, picked(control.frames, ours), picked(candidate.frames, theirs)))
        differ = sum(unlike)
        left: list[Match] = []
        if differ * _FEW < len(unlike):
            control.read(ours)  # one more costs less than picking the others out
            left = list(zip(compress(ours, unlike), compress(theirs, unlike), strict=True)) if differ else []
            candidate.read([j for _, j in left])
        elif differ == len(unlike):
            left = self._doubted(ours, theirs)
        else:
            control.read(list(compress(ours, map(not_, unlike))))
            left = self._doubted(list(compress(ours, unlike)), list(compress(theirs, unlike)))
        if control.unusual or not self._are_same_kinds(ours, theirs) or control.misnamed or control.own != candidate.own:
            both = [pair for pair, differs in zip(zip(ours, theirs, strict=True), unlike, strict=True) if not differs]
            candidate.take_over([j for _, j in both], control, [i for i, _ in both])
            left += [pair for pair in both if self._is_odd(*pair)]  # equal bytes may stand for another kind, or for nothing
        different = [pair for pair in left if not self.same(*pair)]
        self._different.update(different)
        return [i for i, _ in different]

    def _doubted(self, ours: Sequence[int], theirs: Sequence[int]) -> list[Match]:
        """Return those of the pairs that are not surely equal; only these are read."""
        control, candidate = self.control, self.candidate
        places: Sequence[int] = range(len(ours))
        if control.reader.read is not None and control.own == candidate.own and self._are_same_kinds(ours, theirs):
            kinds = picked(control.kinds, ours)
            places = self._shapes.doubted(kinds, picked(control.frames, ours), picked(candidate.frames, theirs), control.own)
        pairs = [(ours[place], theirs[place]) for place in places]
        control.read([i for i, _ in pairs])
        candidate.read([j for _, j in pairs])
        return pairs

    def _are_same_kinds(self, ours: Sequence[int], theirs: Sequence[int]) -> bool:
        return self._same_kinds or picked(self.control.kinds, ours) == picked(self.candidate.kinds, theirs)

    def _is_odd(self, i: int, j: int) -> bool:
        return self.control.kinds[i] != self.candidate.kinds[j] or i in self.control.unusual or j in self.candidate.unusual

    def same(self, i: int, j: int) -> bool:
        """Tell whether control's frame i and candidate's frame j have one canonical form."""
        control, candidate = self.control, self.candidate
        if control.kinds[i] != candidate.kinds[j] or (i, j) in self._different:
            return False
        if control.frames[i] == candidate.frames[j] and i not in control.unusual and j not in candidate.unusual:
            return True
        return self._alike(control.kinds[i], i, j)

    def _alike(self, kind: str, i: int, j: int) -> bool:
        control, candidate = self.control, self.candidate
        a, b = control.content(i), candidate.content(j)
        if a is None or b is None:
            return control.normal(i).canonical == candidate.normal(j).canonical
        if a[1:] != b[1:]:
            return False
        return a[0] == b[0] or self._shapes.equal(kind, a[0], b[0]) or control.body(i, a).canonical == candidate.body(j, b).canonical


def _cut(indexes: Sequence[int]) -> Iterator[Sequence[int]]:
    return (indexes[start : start + _BLOCK] for start in range(0, len(indexes), _BLOCK))
