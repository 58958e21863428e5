"""Names of what went that are still said somewhere: classes, dotted modules and paths, in code, configuration and documents."""

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
    """Return the names of the removed files, each with its file. Names that something remaining also has are not included.

    Args:
        gone: paths of the removed files.
        before: the tree with them.
        code: the removed files whose classes are included: engines and what is removed with them.
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
    """Yield the ways to name a file: its name alone, and with more and more folders before it; for Python files dotted names too."""
    parts = PurePosixPath(path).parts
    if parts[-1] != "__init__.py":
        yield from ("/".join(parts[start:]) for start in range(len(parts)))
    if path.endswith(".py"):
        dotted = module_name(path).split(".")
        yield from (".".join(dotted[start:]) for start in range(len(dotted) - 1))


def _classes(data: bytes) -> list[str]:
    """Return the names of the classes at the top of a file."""
    return [name.decode(errors="replace") for name in _CLASS.findall(data)]


def find_leftovers(files: Mapping[str, bytes], names: Mapping[str, str], words: Iterable[str]) -> Iterator[Left]:
    """Yield each line that still says one of the names.

    Args:
        files: the tree afterwards, without the files that may describe its history.
        names: from `names_of`.
        words: others that nothing may say any more.
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
    """Return whether what was found is only a part of a longer name. Words that end in a mark, like `PREFIX_`, may continue."""
    before, after = data[start - 1 : start], data[end : end + 1]
    if before and before[0] in _WORD:
        return True
    if re.fullmatch(r"\w", name[-1]) and not name.endswith("_") and after and after[0] in _WORD:
        return True
    # Only a file's name without a folder: after a folder it is another file, or it is found together with the folder.
    return "/" not in name and "." in name and before in {b"/", b"."}
