"""Paths into JSON values, and the one pattern language that policies and ledgers use for them.

A pattern is segments joined by dots: a key, `*` (one key or list item; also inside a key: `*_ms`), `[]` (a list item) or `**` (any
number of segments, also none). `payload.**.duration_ms` and `messages.[].content` are patterns.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

import msgspec

from migration.identifiers import without_ids

type_name = {dict: "object", list: "list", str: "text", int: "int", float: "float", bool: "bool", type(None): "null"}
"""JSON's types in our words; `int` and `float` are separate, because clients in typed languages distinguish them."""

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None
Value = Json | msgspec.UnsetType
"""A JSON value, or `UNSET` where one side has nothing."""

Path = tuple[str | int, ...]
"""Keys and list indexes, from the root."""

ITEM = "[]"
_ANY = "**"
_INDEX = re.compile(r"\[\d+\]")


def text(path: Path) -> str:
    """Return the path as text: `payload.items[2].id`; empty for the root."""
    out = "".join([f"[{part}]" if isinstance(part, int) else f".{part}" for part in path])
    return out.removeprefix(".")


@lru_cache(maxsize=4096)
def segments(path: Path) -> tuple[str, ...]:
    """Return the path as text with every list index as `[]`, like in patterns."""
    return tuple(ITEM if isinstance(part, int) else part for part in path)


def split(written: str) -> tuple[str, ...]:
    """Return the segments of a path that `text` wrote. A key that holds a dot is split too."""
    return tuple(part for part in _INDEX.sub(f".{ITEM}", written).split(".") if part)


@lru_cache(maxsize=2048)
def shape(name: str) -> str:
    """Return a lane, path or key without parts that vary from run to run: ids and numbers become `#`, list indexes `[]`."""
    return without_ids(_INDEX.sub(ITEM, name))


@lru_cache(maxsize=1024)
def glob(pattern: str) -> Callable[[str], bool]:
    """Return a test for a plain name, in which `*` matches any characters and everything else matches itself."""
    if "*" not in pattern:
        return pattern.__eq__
    matches = re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL).fullmatch
    return lambda name: matches(name) is not None


class Pattern:
    """One compiled pattern. It is matched segment by segment, so that a walk stops as soon as nothing below can match."""

    __slots__ = ("_parts", "_tests", "written")

    def __init__(self, written: str) -> None:
        self.written = written
        self._parts = tuple(part for part in written.replace(ITEM, f".{ITEM}").split(".") if part)
        self._tests = tuple(None if part == _ANY else glob(part) for part in self._parts)

    @property
    def last(self) -> str:
        """The last segment as written; empty for an empty pattern."""
        return self._parts[-1] if self._parts else ""

    @property
    def first(self) -> str:
        """The first segment as written; empty for an empty pattern."""
        return self._parts[0] if self._parts else ""

    def start(self) -> frozenset[int]:
        """Return the positions in the pattern at which a walk from the root starts."""
        return self._close({0})

    def step(self, positions: Iterable[int], segment: str) -> frozenset[int]:
        """Return the positions one segment further down; empty when nothing below can match."""
        reached = set()
        for position in positions:
            if position == len(self._parts):
                continue
            test = self._tests[position]
            if test is None:
                reached.add(position)
            elif test(segment):
                reached.add(position + 1)
        return self._close(reached)

    def accepts(self, positions: frozenset[int]) -> bool:
        """Return whether a walk at these positions has matched the whole pattern."""
        return len(self._parts) in positions

    def matches(self, path: Iterable[str]) -> bool:
        """Return whether the whole path matches."""
        positions = self.start()
        for segment in path:
            positions = self.step(positions, segment)
        return self.accepts(positions)

    def _close(self, positions: set[int]) -> frozenset[int]:
        for position in sorted(positions):
            here = position
            while here < len(self._parts) and self._tests[here] is None:
                here += 1
                positions.add(here)
        return frozenset(positions)


@lru_cache(maxsize=1024)
def compiled(written: str) -> Pattern:
    """Return the pattern, compiled once."""
    return Pattern(written)


@lru_cache(maxsize=8192)
def matches(written: str, path: tuple[str, ...]) -> bool:
    """Return whether the whole path matches the pattern. The same few paths occur again and again, so the answers are cached."""
    return compiled(written).matches(path)


def matches_any(patterns: Iterable[str], path: Path) -> bool:
    """Return whether the path matches one of the patterns."""
    return _matches_any(tuple(patterns), segments(path))


@lru_cache(maxsize=4096)
def _matches_any(patterns: tuple[str, ...], path: tuple[str, ...]) -> bool:
    return any(matches(pattern, path) for pattern in patterns)
