"""Finds the equal frames of two streams, as fast as possible.

Both streams are read block by block, and nothing is stored for equal frames. Data about a whole long stream would not fit into the
processor's cache, so every pass over it would wait for memory.
"""

from collections.abc import Iterator, Sequence
from itertools import compress
from operator import ne
from typing import Final

from migration.comparison.match.sequences import Match
from migration.comparison.read.frames import picked
from migration.comparison.read.outline import side_by_side
from migration.comparison.read.shapes import Shapes
from migration.comparison.read.stream import Stream

_BLOCK: Final = 256  #: number of frames of each stream that are read together
_FEW: Final = 4  #: "few" frames means fewer than one in this many


class Pairing:
    """Two streams, and which of their frames are equal.

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
        self._different: set[Match] = set()  #: pairs of frames that were found to differ
        self.differing: list[int] = []  #: control's frames that differ from candidate's at the same place of the lane

    def same(self, i: int, j: int) -> bool:
        """Return whether control's frame i and candidate's frame j have the same canonical form."""
        if self.control.kinds[i] != self.candidate.kinds[j] or (i, j) in self._different:
            return False
        control, candidate = self.control.frames, self.candidate.frames
        if control.encoded[i] == candidate.encoded[j] and i not in control.unusual and j not in candidate.unusual:
            return True
        return self._alike(self.control.kinds[i], i, j)

    def _alike(self, kind: str, i: int, j: int) -> bool:
        control, candidate = self.control.frames, self.candidate.frames
        control_content, candidate_content = control.content(i), candidate.content(j)
        if control_content is None or candidate_content is None:
            return control.normal(i).canonical == candidate.normal(j).canonical
        if control_content[1:] != candidate_content[1:]:
            return False
        return (
            control_content[0] == candidate_content[0]
            or self._shapes.equal(kind, control_content[0], candidate_content[0])
            or control.body(i, control_content).canonical == candidate.body(j, candidate_content).canonical
        )

    def note(self, pairs: Sequence[Match]) -> None:
        """Compare frames at the same place of their lanes, and remember those that differ."""
        different = [pair for pair in pairs if not self.same(*pair)]
        self._different.update(different)
        self.differing += [i for i, _ in different]


def pair(control: Stream, candidate: Stream, shapes: Shapes) -> Pairing:
    """Read both streams, block by block, and return which of their frames are equal.

    Args:
        control: one stream.
        candidate: the other one.
        shapes: comparators for bodies.
    """
    pairing = Pairing(control, candidate, shapes)
    blocks = _Blocks(pairing, shapes)
    for control_block, candidate_block in blocks:
        pairing.note(blocks.doubted(control_block, candidate_block))
    return pairing


class _Blocks:
    """Reads two streams in parallel, and returns the pairs of frames that may not be equal."""

    def __init__(self, pairing: Pairing, shapes: Shapes) -> None:
        self._control, self._candidate, self._beside, self._shapes = pairing.control, pairing.candidate, pairing.beside, shapes
        self._in_step, self._same_kinds = pairing.in_step, pairing.in_step or pairing.beside.same_kinds

    def __iter__(self) -> Iterator[tuple[Sequence[int], Sequence[int]]]:
        """Yield the frames of control and candidate that are compared: frames of lanes with the same number of frames on both sides.

        All other frames are read during the iteration.
        """
        if self._in_step:
            whole = range(len(self._control.events))
            yield from ((block, block) for block in _cut(whole))
            return
        for stream, odd in zip((self._control, self._candidate), self._beside.others, strict=True):
            for block in _cut(odd):
                stream.owners.read(block)
        yield from zip(*map(_cut, self._beside.alike), strict=True)

    def doubted(self, control_block: Sequence[int], candidate_block: Sequence[int]) -> list[Match]:
        """Read a block of both streams. Returns the pairs that are not surely equal."""
        control, candidate = self._control.owners, self._candidate.owners
        # Engines without their own clock send most frames with the same bytes; such frames are read once.
        unlike = _places_that_differ(picked(control.frames.encoded, control_block), picked(candidate.frames.encoded, candidate_block))
        if len(unlike) * _FEW < len(control_block):
            control.read(control_block)  # reading a few frames more costs less than leaving them out
            left = [(control_block[place], candidate_block[place]) for place in unlike]
            candidate.read([j for _, j in left])
        elif len(unlike) == len(control_block):
            left = self._unsure(control_block, candidate_block)
        else:
            control.read(_without(unlike, control_block))
            left = self._unsure([control_block[place] for place in unlike], [candidate_block[place] for place in unlike])
        if (
            control.frames.unusual
            or not self._are_same_kinds(control_block, candidate_block)
            or control.misnamed
            or control.own != candidate.own
        ):
            both = list(zip(_without(unlike, control_block), _without(unlike, candidate_block), strict=True))
            candidate.take_over([j for _, j in both], control, [i for i, _ in both])
            left += [pair for pair in both if self._is_odd(*pair)]  # equal bytes may belong to events of different kinds, or be unreadable
        return left

    def _unsure(self, control_block: Sequence[int], candidate_block: Sequence[int]) -> list[Match]:
        """Return the pairs that are not surely equal; only these are read."""
        control, candidate = self._control.owners, self._candidate.owners
        places: Sequence[int] = range(len(control_block))
        if control.frames.reader.read is not None and control.own == candidate.own and self._are_same_kinds(control_block, candidate_block):
            frames = picked(control.frames.encoded, control_block), picked(candidate.frames.encoded, candidate_block)
            places = self._shapes.doubted(self._control.outline.by_kind(control_block), *frames, control.own)
        pairs = [(control_block[place], candidate_block[place]) for place in places]
        control.read([i for i, _ in pairs])
        candidate.read([j for _, j in pairs])
        return pairs

    def _are_same_kinds(self, control_block: Sequence[int], candidate_block: Sequence[int]) -> bool:
        return self._same_kinds or picked(self._control.kinds, control_block) == picked(self._candidate.kinds, candidate_block)

    def _is_odd(self, i: int, j: int) -> bool:
        unusual = i in self._control.frames.unusual or j in self._candidate.frames.unusual
        return unusual or self._control.kinds[i] != self._candidate.kinds[j]


def _places_that_differ(control: list[bytes], candidate: list[bytes]) -> list[int]:
    return [] if control == candidate else list(compress(range(len(control)), map(ne, control, candidate)))


def _without(places: Sequence[int], block: Sequence[int]) -> list[int]:
    """Return a block without the events at these places."""
    left_out = set(places)
    return [index for place, index in enumerate(block) if place not in left_out]


def _cut(indexes: Sequence[int]) -> Iterator[Sequence[int]]:
    return (indexes[start : start + _BLOCK] for start in range(0, len(indexes), _BLOCK))
