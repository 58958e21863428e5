"""Cuts parts out of a Python file: statements, imported names, rows of literals. Comments and layout of the rest stay."""

import ast
import bisect
import codecs
import difflib
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Final

Span = tuple[int, int]
_DECORATED: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_MARKS: Final = (b"goes with:", b"# stays")


def parse(data: bytes) -> ast.Module | None:
    """Return the syntax tree; None: the file does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the file had invalid escapes before
            return ast.parse(data)
    except (SyntaxError, ValueError, RecursionError):
        return None


def line_before(before: bytes, after: bytes, line: int) -> int:
    """Return the number of a line before parts of the file were cut, counted from 1; 0, for the whole file, stays 0."""
    if before == after or not line:
        return line
    old, new = before.splitlines(), after.splitlines()
    for block in difflib.SequenceMatcher(a=old, b=new, autojunk=False).get_matching_blocks():
        if block.b <= line - 1 < block.b + block.size:
            return block.a + line - block.b
    return line


class RemovalSource:
    """One Python file and the places of its nodes.

    Args:
        data: UTF-8.
        module: the file's syntax tree.
    """

    def __init__(self, data: bytes, module: ast.Module) -> None:
        self.data = data
        self.module = module
        self._lines = [0]
        for line in data.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))
        if data.startswith(codecs.BOM_UTF8):
            self._lines[0] = len(codecs.BOM_UTF8)  # the columns of the first line do not include the byte order mark

    @cached_property
    def _holders(self) -> dict[ast.AST, ast.AST]:
        return {child: node for node in ast.walk(self.module) for child in ast.iter_child_nodes(node)}

    def holders(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield the nodes that contain this node, innermost first."""
        while (holder := self._holders.get(node)) is not None:
            yield holder
            node = holder

    def span(self, node: ast.AST) -> Span:
        """Return the span of an expression, imported name or statement, decorators included."""
        first = node.decorator_list[0] if isinstance(node, _DECORATED) and node.decorator_list else node
        start = self._offset(first.lineno, first.col_offset)  # type: ignore[attr-defined]  # all requested nodes have a place
        if first is not node:
            start = self.data.rindex(b"@", 0, start)
        return start, self._offset(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]  # as above

    def whole_lines(self, span: Span) -> Span | None:
        """Return the span of the whole lines around this span; None: outside of it they contain more than a comma, semicolon or comment."""
        start, end = self._lines[self._line(span[0])], self._lines[self._line(max(span[1] - 1, span[0])) + 1]
        rest = self.data[span[1] : end].strip().lstrip(b",;").lstrip()
        if self.data[start : span[0]].strip() or (rest and not rest.startswith(b"#")):
            return None
        return start, end

    def with_comment(self, span: Span) -> Span:
        """Return the span of whole lines with the comment directly above them, if it has the same indentation."""
        first = self._line(span[0])
        line = self.data[self._lines[first] : self._lines[first + 1]]
        mark = line[: len(line) - len(line.lstrip())] + b"#"
        while first and (above := self.data[self._lines[first - 1] : self._lines[first]]).startswith(mark):
            if any(words in above for words in _MARKS):
                break
            first -= 1
        return self._lines[first], span[1]

    def _offset(self, line: int, column: int) -> int:
        return self._lines[line - 1] + column

    def _line(self, offset: int) -> int:
        return bisect.bisect_right(self._lines, offset, 0, len(self._lines) - 1) - 1


def without(source: RemovalSource, statements: Iterable[ast.stmt], rows: Mapping[ast.AST, Collection[ast.AST]]) -> bytes:
    """Return the file without some statements, and without some rows of literals and imports.

    Args:
        source: the file.
        statements: the statements to remove; a comment directly above one is removed too.
        rows: the elements to cut from a list, tuple, set, dict (its values) or import.
    """
    cuts = {_statement(source, statement): b"" for statement in statements}
    seams = {start for start, _ in cuts}
    for holder, gone in rows.items():
        cuts.update(_rows(source, holder, gone))
    text, position = b"", 0
    for (start, end), new in sorted(cuts.items()):
        if start < position:
            continue
        text += source.data[position:start]
        text, position = _closed(source.data, text, end) if start in seams else (text + new, end)
    return text + source.data[position:]


def _statement(source: RemovalSource, statement: ast.stmt) -> Span:
    span = source.span(statement)
    if (lines := source.whole_lines(span)) is not None:
        return source.with_comment(lines)
    # The statement is one of several on a line: cut up to the next statement.
    rest = source.data[span[1] :]
    return span[0], span[1] + len(rest) - len(rest.lstrip(b"; \t"))


def _closed(data: bytes, text: bytes, position: int) -> tuple[bytes, int]:
    """Join both sides of a cut statement, and keep the longer run of blank lines before or after it.

    Return the text and where the rest begins.
    """
    before = text.rstrip(b" \t\r\n") if text.endswith(b"\n") or not text else text
    if before == text and text:
        return text, position
    end = position
    while end < len(data) and data[end : end + 1] in b"\r\n":
        end += 1
    newline = b"\r\n" if b"\r\n" in text[len(before) :] else b"\n"
    if not before or end == len(data):
        return before + newline if before else b"", end
    lines = max(text[len(before) :].count(b"\n"), data[position:end].count(b"\n") + 1)
    return before + newline * lines, end


def elements(holder: ast.AST) -> list[tuple[ast.AST, ast.AST]]:
    """Return the elements of a literal or import, each as its first and last node."""
    match holder:
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return [(name, name) for name in names]
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            return [(item, item) for item in items]
        case ast.Dict(keys=keys, values=values):
            return [(key or value, value) for key, value in zip(keys, values, strict=True)]
        case _:
            return []


def _rows(source: RemovalSource, holder: ast.AST, gone: Collection[ast.AST]) -> Iterator[tuple[Span, bytes]]:
    items = [(source.span(first)[0], source.span(last)[1], last in gone) for first, last in elements(holder)]
    kept = [(start, end) for start, end, goes in items if not goes]
    if not kept:
        start, end = source.span(holder)
        yield (start + 1, end - 1), b""
        return
    if isinstance(holder, ast.Tuple) and len(kept) == 1 and source.data[kept[0][1] :].lstrip()[:1] != b",":
        yield (kept[0][1], kept[0][1]), b","
    for index, (start, end, goes) in enumerate(items):
        if goes and (lines := source.whole_lines((start, end))) is not None:
            yield lines, b""
        elif goes and index + 1 < len(items):
            yield (start, items[index + 1][0]), b""
        elif goes:
            # The comma before the element is removed too, unless a tuple with one element is left, which needs the comma.
            comma = isinstance(holder, ast.Tuple) and len(kept) == 1
            yield (kept[-1][1], end), b"," if comma else b""
