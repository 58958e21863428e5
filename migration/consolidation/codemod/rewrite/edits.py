"""Edits of a text. An edit replaces a span by pieces: new texts, or other spans of the text, in which further edits apply."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit. An empty span is an insertion."""

    span: Span
    pieces: tuple[str | Span, ...]

    def changes(self, text: bytes) -> bool:
        """Return whether the edit itself changes the text; edits inside its pieces do not count."""
        new = b"".join(piece.encode() if isinstance(piece, str) else text[piece[0] : piece[1]] for piece in self.pieces)
        return new != text[self.span[0] : self.span[1]]


def apply_edits(text: bytes, edits: Iterable[Edit]) -> bytes:
    """Return the text, as UTF-8, with the edits applied.

    An edit inside the span of a wider edit has an effect only if it is inside one of the wider edit's pieces.
    """
    # Of edits that begin at one place, the widest is first. Insertions keep the order given and come before the text at their place.
    ordered = sorted(dict.fromkeys(edits), key=lambda edit: (edit.span[0], edit.span[0] != edit.span[1], -edit.span[1]))
    return _render(text, (0, len(text)), ordered)


def _render(text: bytes, span: Span, edits: Sequence[Edit]) -> bytes:
    position, end = span
    parts: list[bytes] = []
    for index, edit in enumerate(edits):
        start, stop = edit.span
        if start < position or stop > end or (start == stop == end != len(text)):
            continue
        parts.append(text[position:start])
        parts.extend(piece.encode() if isinstance(piece, str) else _render(text, piece, edits[index + 1 :]) for piece in edit.pieces)
        position = stop
    parts.append(text[position:end])
    return b"".join(parts)
