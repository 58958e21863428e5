"""Which files of a tree may import from a given file. All files are searched once, when this is first asked."""

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Final

from ahocorasick_rs import BytesAhoCorasick

from migration.consolidation.inventory import Problem
from migration.consolidation.sources.modules import ModuleNames
from migration.consolidation.sources.workers import read_bytes

_FROM_PACKAGE: Final = re.compile(rb"\bfrom[ \t]*\.+[ \t]*import\b")


class Elsewhere:
    """The files that contain the last part of a module's name, or import from the package that contains them.

    Args:
        root: the folder of the tree.
        modules: all modules of the tree.
        paths: the files that may be asked about.
    """

    def __init__(self, root: Path, modules: ModuleNames, paths: Iterable[str]) -> None:
        self._root = root
        self._modules = modules
        self._stems = sorted({_stem(modules.name(path)) for path in paths} - {""})

    def importers(self, path: str) -> Iterator[str]:
        """Yield the other files, in the order of the tree, that may import the file at `path`, which is one of the paths given before."""
        stem = _stem(self._modules.name(path))
        for other in self._naming.get(stem, ()):
            if other != path:
                yield other
        if self._modules.is_package(self._modules.name(path)):
            named = set(self._naming.get(stem, ()))
            yield from (other for other in self._naming.get("", ()) if other not in named and other != path)

    @cached_property
    def _naming(self) -> dict[str, list[str]]:
        """The files that contain each stem; for "": those that import from the package that contains them."""
        automaton = BytesAhoCorasick([stem.encode() for stem in self._stems])
        found: dict[str, list[str]] = {}
        for path in self._modules.paths:
            data = read_bytes(self._root, path)
            if isinstance(data, Problem):
                continue
            for number in {number for number, _, _ in automaton.find_matches_as_indexes(data, overlapping=True)}:
                found.setdefault(self._stems[number], []).append(path)
            if _FROM_PACKAGE.search(data) is not None:
                found.setdefault("", []).append(path)
        return found


def _stem(module: str) -> str:
    return module.rpartition(".")[2]
