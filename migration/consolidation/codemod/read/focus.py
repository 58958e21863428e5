"""Leaves out of a file the functions and classes that can have nothing to do with the legacy modules, so that little must be parsed.

What is left out becomes an empty string of the same bytes and lines, so that every other place keeps its line and its offset. A function
stays if it contains one of the searched words. It also stays if it contains a name that is defined in a part that stays.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import msgspec

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_WORD: Final = re.compile(rb"\w+")
_CALLED: Final = re.compile(rb"\.\s*(\w+)\s*\(")
#: A function with one of these words may use names that it does not contain, replace names of other modules, or check their calls.
_ALWAYS: Final = (
    "patch",
    "setattr",
    "delattr",
    "globals",
    "locals",
    "vars",
    "eval",
    "exec",
    "import_module",
    "__import__",
    "resolve_name",
    "find_spec",
    "importorskip",
    "modules",
    "__all__",
    "__getattr__",
    "call_args",
    "call_args_list",
    "mock_calls",
    "method_calls",
)
_ASSERTION: Final = re.compile(rb"\.assert_\w+\(|>>>")  #: also a doctest
_UNUSUAL: Final = re.compile(rb"[\r\f]|\A\xef\xbb\xbf|\A[^\n]*\n?[^\n]*coding[:=]")
_LEAST: Final = 80  #: bytes; to leave out less saves nothing
_QUOTES: Final = b'"""'


class LeftOut(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A part of a file that is left out."""

    start: int  #: its first byte
    end: int  #: the byte after its last one
    name: str  #: the name that the module binds by it; "" for a method


class Wanted(msgspec.Struct, frozen=True):
    """What shows that a function or class has to be read."""

    parts: tuple[str, ...]  #: found anywhere, also inside longer words
    words: tuple[str, ...]  #: found as whole words
    methods: tuple[str, ...]  #: found as the name of a called method


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A function, a class, a method, or a statement of the module or of a class."""

    node: ast.stmt
    around: ast.ClassDef | None
    start: int
    end: int
    text: bytes
    words: frozenset[bytes]
    may_go: bool


def left_out(data: bytes, tree: ast.Module, wanted: Wanted) -> tuple[LeftOut, ...]:
    """Return the parts of a file that can be left out, in order; () for a file whose bytes are not plain UTF-8 with plain line ends."""
    if _UNUSUAL.search(data):
        return ()
    parts = list(_parts(data, tree))
    stays = _staying(parts, wanted)
    gone = {part.node for part in parts if part.may_go and part not in stays}
    return tuple(
        LeftOut(part.start, part.end, part.node.name if part.around is None and isinstance(part.node, _Definition) else "")
        for part in parts
        if part.node in gone and part.around not in gone
    )


def without(data: bytes, spans: Iterable[LeftOut]) -> bytes:
    """Return the file's bytes with the parts replaced by empty strings that have as many bytes and lines."""
    pieces: list[bytes] = []
    position = 0
    for span in spans:
        lines = data[span.start + len(_QUOTES) : span.end - len(_QUOTES)].split(b"\n")
        pieces += [data[position : span.start], _QUOTES, b"\n".join(b" " * len(line) for line in lines), _QUOTES]
        position = span.end
    return b"".join([*pieces, data[position:]])


def _parts(data: bytes, tree: ast.Module) -> Iterator[_Part]:
    starts = [0, *accumulate(len(line) + 1 for line in data.split(b"\n"))]
    for index, node in enumerate(tree.body):
        yield _part(data, starts, node, None, is_first=index == 0)
        for number, inner in enumerate(node.body if isinstance(node, ast.ClassDef) else ()):
            yield _part(data, starts, inner, node if isinstance(node, ast.ClassDef) else None, is_first=number == 0)


def _part(data: bytes, starts: Sequence[int], node: ast.stmt, around: ast.ClassDef | None, *, is_first: bool) -> _Part:
    """Describe a part. The first statement stays: in its place a string would be a docstring."""
    decorators = node.decorator_list if isinstance(node, _Definition) else []
    line = decorators[0].lineno if decorators else node.lineno
    start, end = starts[line - 1] + node.col_offset, starts[(node.end_lineno or line) - 1] + (node.end_col_offset or 0)
    before, after = data[starts[line - 1] : start], data[end : data.find(b"\n", end) if b"\n" in data[end:] else len(data)]
    is_alone = not before.strip() and (not after.strip() or after.strip().startswith(b"#"))
    is_whole = not decorators or data[start : start + 1] == b"@"
    text = data[start:end]
    may_go = isinstance(node, _Definition) and is_alone and is_whole and not is_first and end - start >= _LEAST
    return _Part(node, around, start, end, text, frozenset(_WORD.findall(text)), may_go)


def _staying(parts: Sequence[_Part], wanted: Wanted) -> set[_Part]:
    words = {word.encode() for word in (*wanted.words, *_ALWAYS)}
    methods = {method.encode() for method in wanted.methods}
    texts = [text.encode() for text in wanted.parts]
    stays = {part for part in parts if _is_wanted(part, texts, methods)}
    known: set[_Part] = set()
    while True:
        stays |= {part for part in parts if part not in stays and not part.words.isdisjoint(words)}
        new = stays - known
        if not new:
            return stays
        known |= new
        for part in new:
            words |= {name.encode() for name in _given(part) if not (name.startswith("__") and name.endswith("__"))}
        # A method may use what its class inherits.
        heirs = {part.node for part in stays if isinstance(part.node, ast.ClassDef) and not _inherited(part.node).isdisjoint(words)}
        stays |= {part for part in parts if part.around in heirs}


def _is_wanted(part: _Part, texts: Sequence[bytes], methods: set[bytes]) -> bool:
    if any(text in part.text for text in texts) or _ASSERTION.search(part.text) is not None:
        return True
    return not methods.isdisjoint(_CALLED.findall(part.text))


def _inherited(node: ast.ClassDef) -> set[bytes]:
    around = (*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords))
    names = (inner for outer in around for inner in ast.walk(outer))
    return {
        (inner.id if isinstance(inner, ast.Name) else inner.attr).encode() for inner in names if isinstance(inner, ast.Name | ast.Attribute)
    }


def _given(part: _Part) -> Iterator[str]:
    """Yield the names that a part gives to something: of functions, classes, variables, attributes and imports."""
    if part.around is not None:
        yield part.around.name
    if isinstance(part.node, ast.ClassDef):
        yield part.node.name  # its methods and statements are parts too
        return
    is_function = isinstance(part.node, ast.FunctionDef | ast.AsyncFunctionDef)
    for node in ast.walk(part.node):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Attribute(attr=name, ctx=ast.Store() | ast.Del()):
                yield name
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                yield from names
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                yield from ((alias.asname or alias.name).partition(".")[0] for alias in aliases)
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) if not is_function:
                yield name
