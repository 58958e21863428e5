"""A stream of bytes -> JSON documents, each with its line: JSON lines, one indented document, or a list.

A bad line never affects another one: each line that cannot be read is one `BadLine`, and reading continues at the next line. Only one
document is in memory at a time; a list over many lines is returned element by element.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from migration.recordings.run import BadLine

_MARK: Final = b"\xef\xbb\xbf"
#: JSON's whitespace; Python's `strip` removes more characters.
_BLANK: Final = b" \t\r\n"
#: Matches a text, a bracket, a comma, or the quotation mark of a text that does not end on its line.
_TOKEN: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},"]', re.DOTALL)
_OPENS_ONLY: Final = re.compile(rb"[\[{\s]+\Z")
_decode: Final = msgspec.json.Decoder().decode
_decode_list: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode

UNREADABLE: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One JSON value that may be a recording."""

    line: int  #: line on which it begins, from 1
    text: bytes
    value: object
    element: int | None = None  #: its index in a list; None: it is not in a list


def why_unreadable(text: bytes, error: Exception) -> str:
    """Return why a text is not a valid JSON value, without quoting the text."""
    if isinstance(error, RecursionError):
        return "nested too deeply"
    try:
        text.decode()
    except UnicodeDecodeError as wrong:
        return f"not UTF-8 from byte {wrong.start} on"
    if "out of range" in str(error):
        return "a number is out of range"
    if "surrogate" in str(error) or re.search(rb"\\u[dD][89a-fA-F]", text):
        return "not a JSON object: a text has half a surrogate pair, or ends early"
    return f"not a JSON object: {error}"


class Documents:
    """The documents of a stream.

    Args:
        lines: the lines of the stream.
        is_part: tells whether a value is a part of a conversation, such as a message. A list of such parts is one document.
    """

    def __init__(self, lines: Iterable[bytes], is_part: Callable[[object], bool]) -> None:
        self._lines, self._is_part = iter(lines), is_part
        self._again: deque[tuple[int, bytes]] = deque()  # lines to read again: they seemed to be parts of a document, but are not
        self.line = 0  #: number of the last line that was read

    def __iter__(self) -> Iterator[Document | BadLine]:
        """Yield documents and bad lines in order."""
        first = True
        while (found := self._next()) is not None:
            number, line, alone = found
            text = line.strip(_BLANK).removeprefix(b"\x1e").removeprefix(_MARK).strip(_BLANK)  # RFC 7464 puts a separator before each text
            if not text:
                continue
            yield from self._line(number, text, alone=alone, first=first)
            first = False

    def _next(self) -> tuple[int, bytes, bool] | None:
        """Return number and text of the next line, and whether the line must be a whole document. None: there are no more lines."""
        if self._again:
            return *self._again.popleft(), True
        line = next(self._lines, None)
        if line is None:
            return None
        self.line += 1
        return self.line, line, False

    def _line(self, number: int, text: bytes, *, alone: bool, first: bool) -> Iterator[Document | BadLine]:
        try:
            if text.startswith(b"["):
                yield from self._elements(number, text, _decode_list(text))
            else:
                yield Document(line=number, text=text, value=_decode(text))
        except UNREADABLE as error:
            bad = BadLine(line=number, reason=why_unreadable(text, error))
            splitter = Splitter()
            if text.startswith(b"[") and len(cut := splitter.feed(number, text)) > 1 and splitter.closed:
                yield from (_document(number, element, index) for index, (_, element) in enumerate(cut))
            elif alone or not (_OPENS_ONLY.match(text) or (first and (_depth(text) or 0) > 0)):
                yield from _run_together(number, text) or [bad]
            elif text.startswith(b"["):
                yield from self._read_list(number, text)
            else:
                yield from self._gather(number, text, bad)

    def _elements(self, number: int, text: bytes, elements: list[msgspec.Raw]) -> Iterator[Document | BadLine]:
        """Yield the elements of a list on one line, or the list itself if it is a list of messages."""
        if not elements:
            yield BadLine(line=number, reason="not a JSON object: an empty list")
            return
        if self._is_part(_or_none(elements[0])):
            yield _document(number, text, None)
            return
        for index, element in enumerate(elements):
            yield _document(number, bytes(element), index)

    def _gather(self, number: int, text: bytes, bad: BadLine) -> Iterator[Document | BadLine]:
        """Yield the document that begins on this line and ends on a later one; if there is no such document, only this line is bad."""
        parts, depth = [text], _depth(text) or 0
        taken: list[tuple[int, bytes]] = []
        while depth > 0 and (found := self._next()) is not None:
            taken.append(found[:2])
            line = found[1].strip(_BLANK)
            change = _depth(line)
            if change is None or not _goes_on(parts[-1], line):
                break
            depth += change
            if line:
                parts.append(line)
        else:
            whole = b"\n".join(parts)
            try:
                yield Document(line=number, text=whole, value=_decode(whole))
            except UNREADABLE as error:
                if together := _run_together(number, whole):
                    yield from together
                    return
                what = why_unreadable(whole, error) if depth == 0 else f"a JSON document that begins here ends early: {bad.reason}"
                yield BadLine(line=number, reason=what)
                # Read the lines inside it again: they may be documents of their own.
                self._again.extend(one for one in taken if _is_object(one[1]))
            return
        if not _OPENS_ONLY.match(text):
            yield bad
            self._again.extend(taken)
            return
        # Lines that are indented or close a bracket belong to the broken document, and are not reported separately.
        yield BadLine(line=number, reason=f"a JSON document that begins here ends early at line {taken[-1][0]}")
        self._again.extend(one for one in taken if not _is_inside(one[1]))
        while not self._again and (found := self._next()) is not None:
            if not _is_inside(found[1]):
                self._again.append(found[:2])

    def _read_list(self, number: int, text: bytes) -> Iterator[Document | BadLine]:
        """Yield the elements of a list that begins on this line and continues on the next ones, each element as soon as it ends."""
        splitter, given = Splitter(), 0
        whole: list[bytes] | None = None  # the elements of a list that is one document
        last, line, before = number, text, text
        pending: list[tuple[int, bytes]] = []  # lines of the element that has not ended
        while True:
            for began, element in splitter.feed(last, line):
                if not given and self._is_part(_or_none(element)):
                    whole = []
                if whole is None:
                    yield _document(began, element, given)
                else:
                    whole.append(element)
                given += 1
                pending.clear()
            if splitter.closed or splitter.broken or (found := self._next()) is None:
                break
            before, (last, line) = line.strip(_BLANK) or before, found[:2]
            pending.append((last, line))
            if not _goes_on(before, line.strip(_BLANK)):
                splitter.broken = True
                break
        if splitter.closed and whole is not None:
            yield _document(number, b"[" + b",".join(whole) + b"]", None)
        elif not splitter.closed:
            yield BadLine(line=number, reason=f"a JSON list that begins here is not valid, or ends early, at line {last}")
            self._again.extend(one for one in pending if splitter.broken or _is_object(one[1]))
        elif not given:
            yield BadLine(line=number, reason="not a JSON object: an empty list")


class Splitter:
    """Splits a JSON list that comes line by line into its elements."""

    def __init__(self) -> None:
        self.closed = False  #: the list has ended
        self.broken = False  #: the last line does not continue the list
        self._depth, self._parts, self._began, self._full = 0, list[bytes](), 0, False

    def feed(self, number: int, line: bytes) -> list[tuple[int, bytes]]:
        """Take the next line, and return the elements that end on it, each with the line on which it began."""
        ended: list[tuple[int, bytes]] = []
        start = 0
        for token in _TOKEN.finditer(line):
            mark = token[0]
            if mark == b'"' or (mark in b"[{" and self._depth == 1 and self._full):
                self.broken = True
                return ended
            if mark in b"[{":
                self._depth += 1
                start = token.end() if self._depth == 1 else start
            elif mark in b"]}":
                self._depth -= 1
                self._full = self._depth == 1
            if (mark == b"," and self._depth == 1) or self._depth == 0:
                ended += self._cut(number, line[start : token.start()])
                start = token.end()
            if self._depth == 0:
                self.closed = not line[start:].strip(_BLANK)
                self.broken = not self.closed
                return ended
        self._keep(number, line[start:])
        return ended

    def _keep(self, number: int, text: bytes) -> None:
        if stripped := text.strip(_BLANK):
            self._began = self._began if self._parts else number
            self._parts.append(stripped)

    def _cut(self, number: int, text: bytes) -> list[tuple[int, bytes]]:
        self._keep(number, text)
        element, self._full = b"\n".join(self._parts), False
        self._parts.clear()
        return [(self._began, element)] if element else []


def _run_together(number: int, text: bytes) -> list[Document | BadLine]:
    """Return the objects of a text that consists only of several objects: some streams write objects without line ends."""
    cut: list[bytes] = []
    start = depth = 0
    for token in _TOKEN.finditer(text):
        depth += (token[0] in b"[{") - (token[0] in b"]}")
        if depth == 0 and token[0] == b"}":
            cut.append(text[start : token.end()].strip(_BLANK))
            start = token.end()
    cut += [rest] if (rest := text[start:].strip(_BLANK)) else []
    if len(cut) == 1 or not all(one.startswith(b"{") for one in cut):
        return []
    return [_document(number, one, index, of="the line") for index, one in enumerate(cut)]


def _document(number: int, text: bytes, element: int | None, *, of: str = "the list") -> Document | BadLine:
    try:
        return Document(line=number, text=text, value=_decode(text), element=element)
    except UNREADABLE as error:
        where = "" if element is None else f"element {element} of {of}: "
        return BadLine(line=number, reason=where + why_unreadable(text, error))


def _or_none(text: bytes | msgspec.Raw) -> object:
    try:
        return _decode(text)
    except UNREADABLE:
        return None


def _is_object(line: bytes) -> bool:
    text = line.strip(_BLANK)
    return text.startswith(b"{") and isinstance(_or_none(text), dict)


def _depth(line: bytes) -> int | None:
    """Return how many brackets the line opens and does not close; None if it ends inside a text, which no line of a JSON document does."""
    depth = 0
    for token in _TOKEN.finditer(line):
        if token[0] == b'"':
            return None
        depth += (token[0] in b"[{") - (token[0] in b"]}")
    return depth


def _is_inside(line: bytes) -> bool:
    return line[:1] in b" \t}]" or not line.strip(_BLANK)


def _goes_on(before: bytes, line: bytes) -> bool:
    """Return whether a line can follow another one inside a JSON value."""
    if not line:
        return True
    after_value = before[-1:] not in b"[{,:"
    return after_value == (line[:1] in b",]}:") or (before[-1:] in b"[{" and line[:1] in b"]}")
