"""Draws tables of plain text. The library rich draws tables too, but its import takes a third of the time that `status` may take."""

import shutil
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

_NARROWEST: Final = 6
_WIDE: Final = {"W", "F"}


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None) -> str:
    """Return the table, as wide as its cells need. If it is wider than the terminal, the widest columns are wrapped.

    Args:
        title: a line above it.
        columns: names of the columns.
        rows: one cell for each column.
        width: the terminal's width in characters; None: the width of this terminal.
    """
    cells = [[_clean(cell) for cell in row] for row in (columns, *rows)]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    room = (width or shutil.get_terminal_size().columns) - 3 * len(widths) - 1
    while sum(widths) > room and (widest := max(widths)) > _NARROWEST:
        # Texts may be long, so shrink in large steps: the widest column gets the width of the next one, or becomes so narrow that the table
        # fits.
        lower = max((one for one in widths if one < widest), default=0)
        widths[widths.index(widest)] = max(lower, widest - max(1, sum(widths) - room), _NARROWEST)
    lines = [title, _rule(widths, "┏━┳┓"), *_lines(cells[0], widths, "┃"), _rule(widths, "┡━╇┩")]
    for row in cells[1:]:
        lines += _lines(row, widths, "│")
    return "\n".join([*lines, _rule(widths, "└─┴┘")]) + "\n"


def _rule(widths: Sequence[int], parts: str) -> str:
    left, line, middle, right = tuple(parts)
    return left + middle.join(line * (width + 2) for width in widths) + right


def _lines(row: Sequence[str], widths: Sequence[int], bar: str) -> Iterator[str]:
    folded = [_folded(cell, width) for cell, width in zip(row, widths, strict=True)]
    for number in range(max(map(len, folded))):
        parts = (cell[number] if number < len(cell) else "" for cell in folded)
        yield bar + bar.join(f" {part}{' ' * (width - _width(part))} " for part, width in zip(parts, widths, strict=True)) + bar


def _folded(cell: str, width: int) -> list[str]:
    """Return the cell in lines of that width. Lines are broken at blanks; a word that is too long is broken too."""
    lines = [""]
    for word in cell.split(" "):
        if lines[-1] and _width(lines[-1]) + 1 + _width(word) <= width:
            lines[-1] += " " + word
            continue
        if lines[-1]:
            lines.append("")
        for letter in word:
            if _width(lines[-1]) + _width(letter) > width:
                lines.append("")
            lines[-1] += letter
    return lines


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in _WIDE else 1 for letter in text)


def _clean(cell: str) -> str:
    """Return the cell on one line, without characters that would move a terminal's cursor or change its colours."""
    return "".join(letter if letter.isprintable() else " " for letter in cell)
