"""Comparators for frames, generated from the policy for each shape of body that occurs.

A frame is decoded in one step into a struct: masked fields have types, and the rest of the body stays as raw bytes. Two frames of a shape
are equal if these bytes and the texts around the body are equal. This can only prove that frames are equal. Frames of different shapes, or
with different bytes, are normalised and compared completely.
"""

from collections.abc import Callable
from operator import attrgetter

import msgspec

from migration.comparison.paths import Json
from migration.comparison.read.canonical import UNREADABLE, check_text
from migration.comparison.read.heads import HeadReader
from migration.comparison.read.normalise import Normaliser
from migration.comparison.read.outline import ByKind
from migration.comparison.read.sketches import Content, Sketch

#: shapes that are learned for one kind of event; after that, bodies with other shapes than the last one are compared completely
_SHAPES_PER_KIND = 32
_MASKED_AS: dict[type, type] = {int: float, float: float, str: str, bool: bool}


class _Shape(msgspec.Struct, frozen=True):
    """Readers of bodies of one shape."""

    decode: Callable[[msgspec.Raw], object]
    content: Callable[[object], object]
    sketch: Sketch  #: reads whole frames with bodies of this shape


class Shapes:
    """Learns shapes from bodies. Use one object for many comparisons."""

    def __init__(self, normaliser: Normaliser, reader: HeadReader) -> None:
        self._normaliser, self._reader = normaliser, reader
        self._shapes: dict[str, _Shape | None] = {}
        self._learned: dict[str, int] = {}
        self._plain = reader.sketch(msgspec.Raw, ())  #: reader for kinds without a learned shape
        self._sketches: dict[str, Sketch] = {}

    def doubted(self, kinds: ByKind, control_frames: list[bytes], candidate_frames: list[bytes], own: Content) -> list[int]:
        """Return the places at which the two frames may differ, or may name another identity than the run's own.

        Args:
            kinds: the kinds of control's frames, each with its places.
            control_frames: control's frames.
            candidate_frames: candidate's frames, at the same places.
            own: the identity that the run's own frames name.
        """
        try:
            check_text(control_frames)
        except UnicodeDecodeError:
            return list(range(len(control_frames)))
        doubted: list[int] = []
        for kind, places, pick in kinds:
            sketch, pairs = self._sketches.get(kind, self._plain), (pick(control_frames), pick(candidate_frames))
            try:
                unsure = sketch.differing(*pairs, own)
            except UNREADABLE:  # a frame has another shape than the one that was learned last
                unsure = [place for place, pair in enumerate(zip(*pairs, strict=True)) if _is_unsure(sketch, *pair, own)]
            doubted += [places[place] for place in unsure]
        return sorted(doubted)

    def equal(self, kind: str, control: msgspec.Raw, candidate: msgspec.Raw) -> bool:
        """Return whether two bodies are surely equal under the policy. If this returns False, they may still be equal."""
        try:
            if kind in self._shapes:
                return self._same(kind, control, candidate)
        except UNREADABLE:
            pass  # the body has another shape than the one that was learned last
        try:
            self._learn(kind, control)
            return self._same(kind, control, candidate)
        except UNREADABLE:
            return False

    def _same(self, kind: str, control: msgspec.Raw, candidate: msgspec.Raw) -> bool:
        shape = self._shapes.get(kind)
        if shape is None:
            return False
        decode, content = shape.decode, shape.content
        return bool(content(decode(control)) == content(decode(candidate)))

    def _learn(self, kind: str, body: msgspec.Raw) -> None:
        learned = self._learned[kind] = self._learned.get(kind, 0) + 1
        if learned <= _SHAPES_PER_KIND:
            self._shapes[kind] = shape = self._shape(kind, body)
            if shape is not None:
                self._sketches[kind] = shape.sketch

    def _shape(self, kind: str, body: msgspec.Raw) -> _Shape | None:
        masked = self._normaliser.masked(kind, body)
        value = msgspec.json.decode(body)
        if not masked or not isinstance(value, dict):
            return None
        raw: list[str] = []
        struct = _struct(value, masked, (), "", raw)
        if struct is None or not raw:
            return None
        return _Shape(msgspec.json.Decoder(struct).decode, attrgetter(*raw), self._reader.sketch(struct, raw))


def _is_unsure(sketch: Sketch, control: bytes, candidate: bytes, own: Content) -> bool:
    try:
        return bool(sketch.differing([control], [candidate], own))
    except UNREADABLE:
        return True


def _struct(value: dict[str, Json], masked: set[tuple[str, ...]], path: tuple[str, ...], prefix: str, raw: list[str]) -> type | None:
    """Return a struct type for the object, and add the attribute path of each raw field to `raw`; None: a masked field has no type."""
    fields: list[tuple[str, type]] = []
    for number, (key, child) in enumerate(value.items()):
        name, here = f"f{number}", (*path, key)
        kind: type | None = msgspec.Raw
        if here in masked:
            kind = _MASKED_AS.get(type(child))
        elif isinstance(child, dict) and any(one[: len(here)] == here for one in masked):
            kind = _struct(child, masked, here, f"{prefix}{name}.", raw)
        else:
            raw.append(f"{prefix}{name}")
        if kind is None:
            return None
        fields.append((name, kind))
    names = {f"f{number}": key for number, key in enumerate(value)}
    return msgspec.defstruct("Body", fields, rename=names, frozen=True, forbid_unknown_fields=True, gc=False)
