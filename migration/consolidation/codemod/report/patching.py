"""Applies a unified diff to the bytes of one file, as `git apply` and `patch` do: every line that the diff names must be there."""

import re
from collections.abc import Iterator
from typing import Final

_HUNK: Final = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@")
_NO_END: Final = b"\\ No newline at end of file\n"


def applied(diff: bytes, before: bytes) -> bytes | None:
    """Return the new content of a file; None: the diff does not fit the old content, or is not a diff of one file.

    Only a line feed ends a line, whatever other separators the file contains.
    """
    lines = _lines(diff)
    if len(lines) <= len(("---", "+++")) or not lines[0].startswith(b"--- ") or not lines[1].startswith(b"+++ "):
        return None
    old, new, place = _lines(before), list[bytes](), 0
    for mark, line in _marked(lines[2:]):
        match = _HUNK.match(line) if mark == b"@" else None
        if match is not None:
            start = int(match[1]) - (match[2] != b"0")
            new += old[place:start]
            place = start
        elif mark in {b" ", b"-"} and old[place : place + 1] == [line]:
            new += [line] if mark == b" " else []
            place += 1
        elif mark == b"+":
            new.append(line)
        else:
            return None
    return b"".join([*new, *old[place:]])


def _marked(lines: list[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the mark of each line of the hunks with its text, without a line feed if the next line says that the file ends so."""
    for line, following in zip(lines, [*lines[1:], b""], strict=True):
        if line == _NO_END:
            continue
        text = line if line.startswith(b"@") else line[1:]
        yield line[:1], text.removesuffix(b"\n") if following == _NO_END else text


def _lines(data: bytes) -> list[bytes]:
    *lines, last = data.split(b"\n")
    return [*(line + b"\n" for line in lines), *([last] if last else [])]
