"""One file's bytes become its facts: parse, outline, then a closer look at the statements on whose lines a word of the question stands."""

import ast
import re
import warnings
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from migration.consolidation.inventory import Problem, ProblemKind
from migration.consolidation.reading.comments import read_comments
from migration.consolidation.reading.dotted import dotted_name
from migration.consolidation.reading.expressions import IMPORTERS, ExpressionReader
from migration.consolidation.reading.facts import FileFacts, ImportFact, Question, unreadable
from migration.consolidation.reading.outline import Leaf, Outline, read_outline
from migration.consolidation.sources.scan import lines_with

_DOCSTRING_LENGTH: Final = 500
_COOKIE: Final = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.ASCII)


def read_source(data: bytes, path: str, question: Question) -> FileFacts:
    """Return what the file says; when it cannot be parsed, why not. Never raises for any content."""
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")  # as Python counts lines
    try:
        with warnings.catch_warnings():
            # Invalid escapes in somebody's file are neither an error nor news to this program's user.
            warnings.simplefilter("ignore")
            tree = ast.parse(data)
        text = data.decode(_encoding(data))
        return _read(tree, data, text, question)
    except (SyntaxError, ValueError, LookupError, RecursionError, MemoryError) as error:
        return unreadable(_problem(path, error), data.count(b"\n"))


def _read(tree: ast.Module, data: bytes, text: str, question: Question) -> FileFacts:
    outline = read_outline(tree)
    words = _Words(question, outline)
    lines = lines_with(data, sorted({*question.literals, *words.exact, *words.constructors}))
    reader = ExpressionReader(outline.scopes, words.exact, question.literals)
    # What is given to an import function may come a long way, from lines that name nothing of the question.
    imports_strings = any(name.encode() in data for name in IMPORTERS)
    for leaf in outline.leaves:
        if imports_strings or _touches(lines, leaf):
            reader.read(leaf)
        elif isinstance(leaf.node, ast.Return):
            reader.read_result(leaf.node, leaf.scope)
    found = reader.found
    return FileFacts(
        lines=text.count("\n") + (bool(text) and not text.endswith("\n")),
        problem=None,
        docstring=(ast.get_docstring(tree) or "")[:_DOCSTRING_LENGTH],
        only_passes_on=bool(outline.imports) and all(_passes_on(node) for node in tree.body),
        warns_deprecated=any(_warns(node) for node in tree.body),
        public_names=outline.public_names,
        definitions=tuple(dict.fromkeys(outline.definitions)),
        dynamic_names="__getattr__" in outline.definitions,
        scopes=tuple(outline.scopes),
        imports=tuple(outline.imports),
        classes=tuple(outline.classes),
        functions=tuple(outline.functions),
        aliases=tuple(outline.aliases),
        lazy=tuple(_lazy_table(tree)) if "__getattr__" in outline.definitions else (),
        bindings=tuple(found.bindings),
        calls=tuple(found.calls),
        uses=tuple(found.uses),
        strings=tuple(found.strings),
        flows=tuple(found.flows),
        imported_variables=tuple(dict.fromkeys(found.imported_variables)),
        comments=tuple(read_comments(text.split("\n"), lines, found.multiline)),
    )


class _Words:
    """The words that make a line of this file interesting: those of the question, and the file's own names for the same things."""

    def __init__(self, question: Question, outline: Outline) -> None:
        self._literals = question.literals
        known = {*question.names, *question.methods}
        local = {alias for statement in outline.imports for alias in self._local_names(statement, known)}
        for alias in outline.aliases:
            if self._belongs(alias.value, known | local):
                local.add(alias.name)
        self.exact = frozenset(known | local)
        inherits = any(self._belongs(base, known | local) for item in outline.classes for base in item.bases)
        self.constructors = ("super().__init__",) if inherits else ()
        if inherits:
            self.exact |= {"super"}

    def _local_names(self, statement: ImportFact, known: set[str]) -> Iterator[str]:
        from_family = self._belongs(statement.module, known)
        for name in statement.names:
            if name.name != "*" and (from_family or self._belongs(name.name, known)):
                yield name.alias or name.name.partition(".")[0] if statement.plain else name.alias or name.name

    def _belongs(self, name: str, known: set[str]) -> bool:
        return any(literal in name for literal in self._literals) or not known.isdisjoint(name.split("."))


def _touches(lines: Sequence[int], leaf: Leaf) -> bool:
    position = bisect_left(lines, leaf.first)
    return position < len(lines) and lines[position] <= leaf.last


def _passes_on(node: ast.stmt) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            dotted = dotted_name(value)
            return name.startswith("__") or (dotted is not None and "()" not in dotted)
        case ast.If() | ast.Try():
            return all(_passes_on(inner) for inner in ast.iter_child_nodes(node) if isinstance(inner, ast.stmt))
    return _warns(node)


def _warns(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and (dotted_name(node.value.func) or "").endswith("warn")


def _lazy_table(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the entries of literal tables of names, which a module-level `__getattr__` looks up."""
    tables = (node.value for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict))
    for table in tables:
        for key, value in zip(table.keys, table.values, strict=True):
            parts = [item.value for item in _elements(value) if isinstance(item, ast.Constant) and isinstance(item.value, str)]
            if isinstance(key, ast.Constant) and isinstance(key.value, str) and parts:
                yield key.value, ":".join(parts)


def _elements(value: ast.expr) -> Iterable[ast.expr]:
    return value.elts if isinstance(value, ast.Tuple | ast.List) else [value]


def _encoding(data: bytes) -> str:
    """Return the encoding that the file declares (PEP 263); it has been parsed, so the declaration is valid."""
    for line in data.split(b"\n", 2)[:2]:
        if (match := _COOKIE.match(line.removeprefix(b"\xef\xbb\xbf"))) is not None:
            return match.group(1).decode()
    return "utf-8-sig"


def _problem(path: str, error: Exception) -> Problem:
    kind: ProblemKind = "unparsable"
    if isinstance(error, UnicodeDecodeError | LookupError) or _speaks_of_encoding(error):
        kind = "encoding"
    if isinstance(error, SyntaxError):
        detail = f"{error.msg} (line {error.lineno})" if error.lineno else str(error.msg)
    else:
        detail = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return Problem(path=path, kind=kind, detail=detail)


def _speaks_of_encoding(error: Exception) -> bool:
    # CPython reports both as plain syntax errors without a class of their own.
    return isinstance(error, SyntaxError) and any(
        words in str(error.msg) for words in ("codec can't decode", "unknown encoding", "encoding problem")
    )
