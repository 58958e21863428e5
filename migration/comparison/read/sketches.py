"""Reads many frames of one kind together: the texts with which they all begin are compared as bytes, and only the rest is decoded."""

import secrets
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from operator import attrgetter, itemgetter
from typing import Any, Final

import msgspec

from migration.comparison.read.canonical import UNREADABLE

_Head = Any  # a struct type generated from the policy; mypy cannot know its fields
_Columns = tuple[Sequence[object], ...]
Fields = Sequence[tuple[str, Any]]
Content = tuple[Any, ...]
"""Texts of a frame, or its raw body and the texts that are compared."""

#: The key that begins every rest. No frame can contain it, so frames that are not JSON alone cannot become JSON together.
_MARK: Final = f"mark {secrets.token_hex(8)}"
_NEXT: Final = f',{{"{_MARK}":null,'.encode()
_FIRST: Final = b"[" + _NEXT[1:]


class Sketch:
    """Reads frames of one shape.

    Args:
        fields: the fields of a frame; the last one is the body: a struct, or `msgspec.Raw`.
        identity: the fields that name the owner.
        compared: the other fields that are compared, without the body.
        parts: attribute paths in the body's struct of the parts that are compared; (): the whole body.
    """

    def __init__(self, fields: Fields, *, identity: Sequence[str], compared: Sequence[str], parts: Sequence[str]) -> None:
        place = {name: place for place, (name, _) in enumerate(fields)}
        length = 1 + max(map(place.__getitem__, identity), default=-1)  # number of fields in an opening: up to the last name
        begin = msgspec.defstruct("Begin", fields[:length], frozen=True, gc=False)
        rest = typed([("mark", type(None)), *fields[length:]], rename={"mark": _MARK})
        self._parts: Callable[[_Head], object] | None = attrgetter(*parts) if parts else None
        self._whole: Callable[[bytes], _Head] = msgspec.json.Decoder(typed(fields)).decode
        self._whole_places = [place[name] for name in (*identity, *compared)]
        self._rests: Callable[[bytes], list[_Head]] = msgspec.json.Decoder(list[rest]).decode  # type: ignore[valid-type] # made at run time
        self._rest_places = [1 + place[name] - length for name in compared if place[name] >= length]
        self._begin: Callable[[bytes], _Head] = msgspec.json.Decoder(begin).decode
        self._names = itemgetter(*map(place.__getitem__, identity)) if len(identity) > 1 else itemgetter(slice(length - 1, length))
        self._comma = b"," if length else b""

    def differing(self, control: Sequence[bytes], candidate: Sequence[bytes], own: Content) -> Sequence[int]:
        """Return the places at which two frames differ, or do not name this identity.

        Raises:
            DecodeError: a frame has another shape. Other errors in `UNREADABLE` are possible too.
        """
        try:
            opening = self._opening(control[0], own)
            if opening is not None:
                return _places(self._read_rests(opening, control), self._read_rests(opening, candidate))
        except UNREADABLE:
            pass  # a frame begins in another way than the first one, or has another shape
        columns, others = self._read_whole(control), self._read_whole(candidate)
        foreign = [place for place, names in enumerate(zip(*columns[: len(own)], strict=True)) if names != own]
        return sorted({*foreign, *_places(columns, others)})

    def _opening(self, frame: bytes, own: Content) -> bytes | None:
        """Return the bytes with which a frame begins if it names this identity and has no blanks; None: it names another one."""
        begin = self._begin(frame)
        if self._names(msgspec.structs.astuple(begin)) != own:
            return None
        return msgspec.json.encode(begin)[:-1] + self._comma

    def _read_rests(self, opening: bytes, frames: Sequence[bytes]) -> _Columns:
        heads = self._rests(_FIRST + _NEXT.join(map(bytes.removeprefix, frames, repeat(opening))) + b"]")
        return self._columns(heads, self._rest_places)

    def _read_whole(self, frames: Sequence[bytes]) -> _Columns:
        return self._columns(map(self._whole, frames), self._whole_places)

    def _columns(self, heads: Iterable[_Head], places: Sequence[int]) -> _Columns:
        """Return the compared values, one column for each field and the last one for the bodies, in the order of the frames."""
        fields = tuple(zip(*map(msgspec.structs.astuple, heads), strict=True))
        bodies = fields[-1]
        return *map(fields.__getitem__, places), bodies if self._parts is None else list(map(self._parts, bodies))


def typed(fields: Fields, rename: dict[str, str] | None = None) -> type:
    """Return a struct type with these fields, and no others."""
    return msgspec.defstruct("Head", fields, rename=rename, frozen=True, forbid_unknown_fields=True, gc=False)


def _places(control: _Columns, candidate: _Columns) -> Sequence[int]:
    """Return the places at which the columns differ."""
    if control == candidate:
        return ()
    rows = enumerate(zip(zip(*control, strict=True), zip(*candidate, strict=True), strict=True))
    return [place for place, (one, other) in rows if one != other]
