"""Looks for words in the bytes of a file without parsing it, so that most files of a tree need not be parsed at all."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from ahocorasick_rs import BytesAhoCorasick

from migration.consolidation.inventory import Problem

_IDENTIFIER: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") | frozenset(range(0x80, 0x100))


_STARS: Final = ("import *", "import  *", "import\t*")
_IMPORTING: Final = re.compile(
    rb"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+)?import\b[ \t]*(\([^)]*\)|[^\\\n]*(?:\\(?:\r?\n|[^\n])[^\\\n]*)*)", re.MULTILINE
)
_NAME: Final = re.compile(rb"\w+")
_DOTTED: Final = re.compile(rb"[\w.]+")
_ONLY_NAMES: Final = re.compile(rb"(?:[\w, \t]*,)?[ \t]*")
_NAMES_GO_ON: Final = re.compile(rb"[ \t]*(?:[,)#\\;\r\n]|as\b|\Z)")
_RELATIVE: Final = re.compile(rb"(?:^|[^\w.)\]])\.+(?:\w+\.)*$")
_STAR_IMPORT: Final = re.compile(rb"^[ \t]*from[ \t]+([\w.]+)[ \t]+import[ \t]+\*", re.MULTILINE)


class Words(msgspec.Struct, frozen=True):
    """The words to find."""

    literals: tuple[str, ...] = ()  #: found anywhere, also inside longer words
    words: tuple[str, ...] = ()  #: found as a whole identifier only
    near: tuple[tuple[str, ...], ...] = ()  #: for each word, names of modules that it may come from; "" means any
    methods: tuple[str, ...] = ()  #: found as `def NAME(`
    stems: tuple[str, ...] = ()  #: parts of module names, found in imports and at the beginning of strings


class Sighting(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The searched words that a file contains."""

    content: str  #: digest of the file's bytes; "" if there is a problem, or if the digest was known before
    words: tuple[str, ...]  #: the literals and words found
    near: tuple[tuple[str, str], ...]  #: words found, each with a module name; "" if an imported word may come from any module
    defines_class: bool  #: a class statement's name contains one of the literals
    methods: int  #: how many of the searched methods the file defines
    stars: tuple[str, ...]  #: the modules of its star imports, as written
    imports_stem: bool  #: the file contains no literal, but an import or a string names a module with one of the stems
    problem: Problem | None = None  #: why the file could not be scanned


def content_digest(data: bytes) -> str:
    """Return the digest of a file's content."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def unseen(problem: Problem) -> Sighting:
    """Return the sighting of a file that could not be scanned."""
    return Sighting("", (), (), defines_class=False, methods=0, stars=(), imports_stem=False, problem=problem)


class _Near:
    """A word, and the modules that it can come from."""

    def __init__(self, name: str, near: Sequence[str]) -> None:
        self.name = name
        self.near = tuple((other, other.encode()) for other in near if other)
        self.text = name.encode()
        self.attribute = b"." + self.text
        self.from_anywhere = "" in near

    def is_imported(self, data: bytes) -> bool:
        """Return whether the word may be imported: after `import` or `from`, in a line of names, or as a relative name."""
        length = len(self.text)
        start = data.find(self.text)
        while start >= 0:
            end = start + length
            if is_whole_word(data, start, end):
                before = data[data.rfind(b"\n", 0, start) + 1 : start]
                if b"import" in before or b"from" in before:
                    return True
                if before.endswith(b"."):
                    if _RELATIVE.search(before):
                        return True
                elif _ONLY_NAMES.fullmatch(before) and _NAMES_GO_ON.match(data, end):
                    return True
            start = data.find(self.text, end)
        return False


class Scanner:
    """Scans files for `words`."""

    def __init__(self, words: Words) -> None:
        self._names = (*words.literals, *words.words)
        self._whole = len(words.literals)
        methods = tuple(f"def {method}(" for method in words.methods)
        self._first_method = len(self._names)
        self._star = self._first_method + len(methods)
        self._automaton = BytesAhoCorasick([text.encode() for text in (*self._names, *methods, *_STARS)])
        self._near = {word: _Near(word, near) for word, near in zip(words.words, words.near, strict=True)}
        self._stems = tuple(stem.encode() for stem in words.stems)
        self._import = re.compile(rb"(?:^[ \t]*(?:from|import)\b[^\n]*|[\"'][\w.:]*)(?:" + _either(words.stems) + rb")", re.MULTILINE)
        self._class = re.compile(rb"^[ \t]*class[ \t]+\w*(?:" + _either(words.literals) + rb")", re.MULTILINE)

    def scan(self, data: bytes, *, digest: bool = True) -> Sighting:
        """Return the words found in the bytes, and the digest of the bytes if `digest` is set."""
        found = self._find(data)
        names = tuple(self._names[index] for index in sorted(found) if index < self._first_method)
        has_literal = any(index < self._whole for index in found)
        near = tuple(_near(data, [self._near[name] for name in names if name in self._near]))
        return Sighting(
            content_digest(data) if digest else "",
            names,
            near,
            has_literal and bool(self._class.search(data)),
            sum(self._first_method <= index < self._star for index in found),
            tuple(name.decode() for name in _STAR_IMPORT.findall(data)) if any(index >= self._star for index in found) else (),
            not has_literal and any(stem in data for stem in self._stems) and bool(self._import.search(data)),
        )

    def _find(self, data: bytes) -> set[int]:
        """Return the numbers of the patterns found."""
        found: set[int] = set()
        for index, start, end in self._automaton.find_matches_as_indexes(data, overlapping=True):
            if index not in found and (not self._whole <= index < self._first_method or is_whole_word(data, start, end)):
                found.add(index)
        return found


def _near(data: bytes, wanted: Sequence[_Near]) -> Iterator[tuple[str, str]]:
    """Yield each word with the names of modules that it is imported from or is an attribute of."""
    names_of: dict[bytes, set[bytes]] = {}
    imported: set[bytes] = set()
    for word in wanted:
        is_imported, is_attribute = word.is_imported(data), word.attribute in data
        if is_imported and word.from_anywhere:
            yield word.name, ""
        # This check avoids parsing the imports of every file that contains a common word.
        there = [(name, start) for name, start in word.near if start in data] if is_imported or is_attribute else []
        if there and not names_of:
            names_of = _imports(data)
            imported = set(names_of).union(*names_of.values())
        for name, start in there:
            is_taken_from = is_attribute and (start in imported or start + word.attribute in data)
            if is_taken_from or word.text in names_of.get(start, ()):
                yield word.name, name


def _imports(data: bytes) -> dict[bytes, set[bytes]]:
    """Return the imported names, by the last part of the name of their module."""
    names_of: dict[bytes, set[bytes]] = {}
    for module, names in _IMPORTING.findall(data):
        names_of.setdefault(module.rpartition(b".")[2], set()).update(_NAME.findall(names))
    return names_of


def imported_names(data: bytes) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield, for each import statement, its module as written, "" for a plain import, and the words that may be imported names."""
    for module, names in _IMPORTING.findall(data):
        yield module.decode(errors="replace"), tuple(name.decode(errors="replace") for name in _DOTTED.findall(names))


def _either(texts: Sequence[str]) -> bytes:
    return b"|".join(re.escape(text.encode()) for text in texts)


def is_whole_word(data: bytes, start: int, end: int) -> bool:
    """Return whether data[start:end] is not part of a longer identifier."""
    return (start == 0 or data[start - 1] not in _IDENTIFIER) and (end == len(data) or data[end] not in _IDENTIFIER)


def lines_with(data: bytes, words: Sequence[str]) -> list[int]:
    """Return the numbers of the lines that contain one of the words, also as part of a longer word; ascending, without repetition."""
    if not words:
        return []
    starts = sorted({start for _, start, _ in BytesAhoCorasick([word.encode() for word in words]).find_matches_as_indexes(data)})
    lines: list[int] = []
    line, position = 1, 0
    for start in starts:
        line += data.count(b"\n", position, start)
        position = start
        if not lines or lines[-1] != line:
            lines.append(line)
    return lines
