"""Finds comments line by line, because tokenising a whole file would cost as much as parsing it."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from migration.consolidation.reading.facts import CommentFact

#: Everything up to the first `#` that is not inside a string of this line.
_BEFORE: Final = re.compile(r"""(?:[^#"'\\]|\\.|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')*""")


def read_comments(lines: Sequence[str], numbers: Iterable[int], multiline: Sequence[tuple[int, int]]) -> list[CommentFact]:
    """Return the comments on the lines of these numbers.

    Args:
        lines: the lines of the file.
        numbers: the numbers of the lines to read, from 1.
        multiline: first and last lines of strings that span several lines; a `#` inside them does not begin a comment.
    """
    found = []
    for number in numbers:
        text = lines[number - 1] if number <= len(lines) else ""
        if "#" not in text or any(first <= number < last or first < number == last for first, last in multiline):
            continue
        before = _BEFORE.match(text)
        position = before.end() if before else 0
        if text[position : position + 1] == "#":
            found.append(CommentFact(number, text[position:].lstrip("#").strip()))
    return found
