"""Which frames of two streams are equal, found out as cheaply as can be.

Frames are read block by block, each with the frames of the other stream that stand for them if nothing differs, and what was found equal is
forgotten: what is known of a long stream would not fit into the processor's cache, and every pass over it would wait for memory.
"""

from collections.abc import Iterable, Iterator, Sequence
from operator import eq
from typing import Final

from migration.comparison.shapes import Shapes
from migration.comparison.stream import Content, Stream

_BLOCK: Final = 256  #: frames of each stream that are read at once; a stream that is no longer is kept whole


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
        self.in_step = control.kinds == candidate.kinds and control.places == candidate.places
        if self.in_step:
            candidate.lanes = control.lanes
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
        ours, theirs = self.control.lanes, self.candidate.lanes
        paired = [(indexes, theirs[name]) for name, indexes in ours.items() if len(theirs.get(name, ())) == len(indexes)]
        for stream, others in ((self.control, theirs), (self.candidate, ours)):
            odd = [index for name, indexes in stream.lanes.items() if len(others.get(name, ())) != len(indexes) for index in indexes]
            for block in _cut(odd):
                stream.read(block)
        yield from zip(*(_cut([index for pair in paired for index in pair[side]]) for side in (0, 1)), strict=True)

    def _differing(self, ours: Sequence[int], theirs: Sequence[int]) -> list[int]:
        """Read and compare a block of both streams, and forget what is equal. Returns control's frames that differ."""
        control, candidate = self.control, self.candidate
        control.read(ours)
        candidate.read(theirs, ours)
        kinds, others, unusual = control.kinds, candidate.kinds, control.unusual
        equal: Iterable[bool] = map(eq, _picked(control.contents, ours), _picked(candidate.contents, theirs))
        if not self.in_step:
            equal = (same and kinds[i] == others[j] for same, i, j in zip(equal, ours, theirs, strict=True))
        if unusual:  # of two frames without a head the contents, None, say nothing
            equal = (same and index not in unusual for index, same in zip(ours, equal, strict=True))
        places = [place for place, same in enumerate(equal) if not same and not self.same(ours[place], theirs[place])]
        if len(control.events) > _BLOCK:
            for stream, indexes in ((control, ours), (candidate, theirs)):
                left = [indexes[place] for place in places]
                kept = _picked(stream.contents, left)
                stream.keep(indexes, [None] * len(indexes))
                stream.keep(left, kept)
        return [ours[place] for place in places]

    def same(self, i: int, j: int) -> bool:
        """Tell whether control's frame i and candidate's frame j have one canonical form."""
        control, candidate = self.control, self.candidate
        kind = control.kinds[i]
        if kind != candidate.kinds[j]:
            return False
        a, b = control.content(i), candidate.content(j)
        if a is None or b is None:
            return control.normal(i).canonical == candidate.normal(j).canonical
        if a == b:
            return True
        if a[1:] != b[1:]:
            return False
        if self._shapes.equal(kind, a[0], b[0]):
            return True
        return control.body(i, a).canonical == candidate.body(j, b).canonical


def _cut(indexes: Sequence[int]) -> Iterator[Sequence[int]]:
    return (indexes[start : start + _BLOCK] for start in range(0, len(indexes), _BLOCK))


def _picked(contents: list[Content | None], indexes: Sequence[int]) -> list[Content | None]:
    if isinstance(indexes, range):
        return contents[indexes.start : indexes.stop]
    return [contents[index] for index in indexes]
