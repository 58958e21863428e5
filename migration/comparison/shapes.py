"""Comparators for the bodies of frames, generated from the policy for each shape that is met.

A body is decoded into a struct that is typed along the masked fields and keeps everything else as raw bytes; two bodies of the shape are
equal when those bytes are. That only ever proves equality: whatever is of another shape, or differs in bytes, is normalised and compared
in full.
"""

from collections.abc import Callable
from operator import attrgetter

import msgspec

from migration.comparison.canonical import UNREADABLE
from migration.comparison.normalise import Normaliser
from migration.comparison.paths import Json

#: shapes learned for one kind of event; a kind with more is compared in full when its shape is not the last one learned
_SHAPES_PER_KIND = 32
_MASKED_AS: dict[type, type] = {int: float, float: float, str: str, bool: bool}

_Decode = Callable[[msgspec.Raw], object]
_Shape = tuple[_Decode, Callable[[object], object]]


class Shapes:
    """Learns shapes from the bodies it is given. Keep one for many comparisons."""

    def __init__(self, normaliser: Normaliser) -> None:
        self._normaliser = normaliser
        self._shapes: dict[str, _Shape | None] = {}
        self._learned: dict[str, int] = {}

    def equal(self, kind: str, control: msgspec.Raw, candidate: msgspec.Raw) -> bool:
        """Tell whether two bodies are surely equal under the policy. They may be equal all the same when this says no."""
        try:
            if kind in self._shapes:
                return self._same(kind, control, candidate)
        except UNREADABLE:
            pass  # of another shape than the one learned last
        try:
            self._learn(kind, control)
            return self._same(kind, control, candidate)
        except UNREADABLE:
            return False

    def _same(self, kind: str, control: msgspec.Raw, candidate: msgspec.Raw) -> bool:
        shape = self._shapes.get(kind)
        if shape is None:
            return False
        decode, content = shape
        return bool(content(decode(control)) == content(decode(candidate)))

    def _learn(self, kind: str, body: msgspec.Raw) -> None:
        learned = self._learned[kind] = self._learned.get(kind, 0) + 1
        if learned <= _SHAPES_PER_KIND:
            self._shapes[kind] = self._shape(kind, body)

    def _shape(self, kind: str, body: msgspec.Raw) -> _Shape | None:
        masked = self._normaliser.masked(kind, body)
        value = msgspec.json.decode(body)
        if not masked or not isinstance(value, dict):
            return None
        raw: list[str] = []
        struct = _struct(value, masked, (), "", raw)
        if struct is None or not raw:
            return None
        return msgspec.json.Decoder(struct).decode, attrgetter(*raw)


def _struct(value: dict[str, Json], masked: set[tuple[str, ...]], path: tuple[str, ...], prefix: str, raw: list[str]) -> type | None:
    """Return a struct type for the object, and add each raw field's attribute path to `raw`; None when a masked field has no type."""
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
