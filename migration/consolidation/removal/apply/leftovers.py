"""Finds names of removed classes, modules and files that are still in code, configuration or documents."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final

from ahocorasick_rs import BytesAhoCorasick

from migration.consolidation.removal.apply.tree import module_name
from migration.consolidation.removal.apply.values import Left

_CLASS: Final = re.compile(rb"^class[ \t]+(\w+)", re.MULTILINE)
_WORD: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


def names_of(gone: Collection[str], before: Mapping[str, bytes], code: Collection[str]) -> dict[str, str]:
    """Return the names of the removed files, each with its file. Names that a remaining file or class also has are not included.

    Args:
        gone: paths of the removed files.
        before: the tree before the removal.
        code: the removed files whose classes are included: engines, and the files that are removed with them.
    """
    kept = [path for path in before if path not in gone]
    staying = Counter(name for path in kept for name in _location(path))
    classes = {name for path in kept if path.endswith(".py") for name in _classes(before[path])}
    found: dict[str, str] = {}
    for path in gone:
        found.update((name, path) for name in _location(path) if not staying[name])
    for path in code:
        found.update((name, path) for name in _classes(before[path]) if name not in classes and not name.startswith("_"))
    return found


def _location(path: str) -> Iterator[str]:
    """Yield the ways to name a file: its name alone, and its name with one or more of its folders; for Python files also dotted names."""
    parts = PurePosixPath(path).parts
    if parts[-1] != "__init__.py":
        yield from ("/".join(parts[start:]) for start in range(len(parts)))
    if path.endswith(".py"):
        dotted = module_name(path).split(".")
        yield from (".".join(dotted[start:]) for start in range(len(dotted) - 1))


def _classes(data: bytes) -> list[str]:
    """Return the names of the classes at the top level of a file."""
    return [name.decode(errors="replace") for name in _CLASS.findall(data)]


def find_leftovers(files: Mapping[str, bytes], names: Mapping[str, str], words: Iterable[str]) -> Iterator[Left]:
    """Yield each line that still contains one of the names.

    Args:
        files: the tree after the removal, without the files that may describe its history.
        names: the result of `names_of`.
        words: other words that the tree must not contain any longer.
    """
    wanted = [*names, *words]
    if not wanted:
        return
    automaton = BytesAhoCorasick([name.encode() for name in wanted])
    for path, data in files.items():
        if b"\0" in data:
            continue
        seen: set[tuple[int, str]] = set()
        for index, start, end in automaton.find_matches_as_indexes(data, overlapping=True):
            name = wanted[index]
            if _is_part(data, start, end, name):
                continue
            line = data.count(b"\n", 0, start) + 1
            if not any(line == other and name in said for other, said in seen):
                seen.add((line, name))
                what = f"`{name}` of {names[name]}, which is removed" if name in names else f"`{name}`"
                yield Left(path=path, line=line, advice=f"still contains {what}; reword it, or mark what is removed with it")


def _is_part(data: bytes, start: int, end: int, name: str) -> bool:
    """Return whether the found text is only a part of a longer name.

    A word such as `PREFIX_`, which ends in `_`, may be followed by letters.
    """
    before, after = data[start - 1 : start], data[end : end + 1]
    if before and before[0] in _WORD:
        return True
    if re.fullmatch(r"\w", name[-1]) and not name.endswith("_") and after and after[0] in _WORD:
        return True
    # A file name without a folder does not count if a folder precedes it: the text means another file, or is also found with its folder.
    return "/" not in name and "." in name and before in {b"/", b"."}
