"""Makes the facts of a file from its bytes: parses it, reads its outline, then the expressions on lines that contain a word of the
question.
"""

import ast
import re
import warnings
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from migration.consolidation.inventory import Problem, ProblemKind
from migration.consolidation.reading.comments import read_comments
from migration.consolidation.reading.dotted import dotted_name
from migration.consolidation.reading.expressions import IMPORTERS, ExpressionReader
from migration.consolidation.reading.facts import FileFacts, Question, unreadable
from migration.consolidation.reading.hiding import hide
from migration.consolidation.reading.lazily import lazy_names
from migration.consolidation.reading.lines import Lines, touched
from migration.consolidation.reading.outline import CodeLeaf, base_names, read_outline, top_level_aliases
from migration.consolidation.reading.scan import lines_with

_DOCSTRING_LENGTH: Final = 500
#: Words on lines that may pass a string to an import function: its name, and words of loops, assignment expressions and `parametrize`.
_HANDING_ON: Final = (*sorted(IMPORTERS), "for", ":=", "parametrize")
_COOKIE: Final = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.ASCII)


def read_source(data: bytes, path: str, question: Question) -> FileFacts:
    """Return the facts of the file, or why it cannot be parsed. Never raises, whatever the content."""
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")  # Python counts all three as line ends
    try:
        with warnings.catch_warnings():
            # Invalid escapes in the audited files are not an error, and not useful to report.
            warnings.simplefilter("ignore")
            tree = ast.parse(data)
        text = data.decode(_encoding(data))
        return _read(tree, data, text, question)
    except (SyntaxError, ValueError, LookupError, RecursionError, MemoryError) as error:
        return unreadable(_problem(path, error), data.count(b"\n"))


def _read(tree: ast.Module, data: bytes, text: str, question: Question) -> FileFacts:
    words = _Words(question, tree, data)
    # The argument of an import function may come from lines that contain none of the searched words.
    imports_strings = any(name.encode() in data for name in IMPORTERS)
    outline = read_outline(tree, None if imports_strings else words.lines, may_warn=b"DeprecationWarning" in data)
    hide(outline, text)
    reader = ExpressionReader(outline.scopes, words.exact, question.literals, words.lines)
    if imports_strings:
        _read_all(outline.leaves, reader, words, data)
    for leaf in outline.leaves if not imports_strings else ():
        if leaf.only_result and isinstance(leaf.node, ast.Return):
            reader.read_result(leaf.node, leaf.scope)
        else:
            reader.read(leaf, shallow=False)
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
        lazy=tuple(lazy_names(tree)) if "__getattr__" in outline.definitions else (),
        bindings=tuple(found.bindings),
        calls=tuple(found.calls),
        uses=tuple(found.uses),
        strings=tuple(found.strings),
        flows=tuple(found.flows),
        imported_variables=tuple(dict.fromkeys(found.imported_variables)),
        comments=tuple(read_comments(text.split("\n"), words.lines.numbers, found.multiline)),
    )


def _read_all(leaves: Sequence[CodeLeaf], reader: ExpressionReader, words: "_Words", data: bytes) -> None:
    """Read the assignments on all lines, and everything on the lines that contain a word or pass strings on."""
    lines = Lines(sorted({*words.lines.numbers, *lines_with(data, _HANDING_ON)}))
    shallow = [leaf for leaf in leaves if not lines.touch(leaf.first, leaf.last)]
    left = {id(leaf) for leaf in shallow}
    for leaf in leaves:
        reader.read(leaf, shallow=id(leaf) in left)
    if reader.learned:
        lines = Lines(lines_with(data, sorted(reader.learned)))
        for leaf in shallow:
            if lines.touch(leaf.first, leaf.last):
                reader.read_again(leaf)


class _Words:
    """The words that make a line of this file interesting: the words of the question, and the file's own names for the same objects.

    Args:
        question: the question about the file.
        tree: the file.
        data: the file's bytes.
    """

    def __init__(self, question: Question, tree: ast.Module, data: bytes) -> None:
        self._literals = question.literals
        self._data = data
        self._numbers: set[int] = set()
        known = {*question.names, *question.methods}
        self._find({*self._literals, *known})
        # A line that gives an object of the family another name contains one of the family's names.
        imports = [node for node in touched(tree.body, self.lines) if isinstance(node, ast.Import | ast.ImportFrom)]
        local = {name for node in imports for name in self._local_names(node, known)}
        for name, value in top_level_aliases(tree.body):
            if self._belongs(value, known | local):
                local.add(name)
        if new := {name for name in local - known if not any(literal in name for literal in self._literals)}:
            self._find(new)
        self.exact = frozenset(known | local)
        classes = (node for node in touched(tree.body, self.lines) if isinstance(node, ast.ClassDef))
        if any(self._belongs(base, self.exact) for node in classes for base in base_names(node)):
            self.exact |= {"super"}
            self._find({"super"})

    def _find(self, words: set[str]) -> None:
        """Also find the lines with these words, which may be parts of longer words."""
        self._numbers.update(lines_with(self._data, sorted(words)))
        self.lines = Lines(sorted(self._numbers))

    def _local_names(self, node: ast.Import | ast.ImportFrom, known: set[str]) -> Iterator[str]:
        from_family = isinstance(node, ast.ImportFrom) and self._belongs(node.module or "", known)
        for alias in node.names:
            if alias.name != "*" and (from_family or self._belongs(alias.name, known)):
                yield alias.asname or (alias.name if isinstance(node, ast.ImportFrom) else alias.name.partition(".")[0])

    def _belongs(self, name: str, known: AbstractSet[str]) -> bool:
        return any(literal in name for literal in self._literals) or not known.isdisjoint(name.split("."))


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


def _encoding(data: bytes) -> str:
    """Return the encoding that the file declares (PEP 263). The file has been parsed, so the declaration is valid."""
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
    # CPython has no separate class for an error of the encoding: it raises a plain `SyntaxError`.
    return isinstance(error, SyntaxError) and any(
        words in str(error.msg) for words in ("codec can't decode", "unknown encoding", "encoding problem")
    )
