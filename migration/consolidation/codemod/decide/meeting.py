"""Whether an object that one file makes may get to another file: which files a file imports, directly or not."""

import re
from collections.abc import Collection, Iterator
from typing import Final

from migration.consolidation.codemod.read.named_modules import named_modules
from migration.consolidation.codemod.read.tree import Tree
from migration.consolidation.inventory import Problem
from migration.consolidation.sources.workers import read_bytes

_TEST: Final = re.compile(r"(?:.*/)?(?:test_[^/]*|[^/]*_test)\.py")


class Meetings:
    """The ways between the files of one tree.

    Args:
        tree: the tree.
        consumers: the files that may be asked about.
    """

    def __init__(self, tree: Tree, consumers: Collection[str]) -> None:
        self._tree = tree
        self._consumers = frozenset(consumers)
        self._imported: dict[str, frozenset[str]] = {}
        self._reached: dict[str, frozenset[str]] = {}

    def may_meet(self, one: str, other: str) -> bool:
        """Return whether an object may get from one of two files to the other, in either direction.

        Any file may import both, and pass what one makes to the other. But nobody imports a test, so a test meets only what it imports.
        """
        tests = [(path, beside) for path, beside in ((one, other), (other, one)) if _TEST.fullmatch(path)]
        return one == other or not tests or any(beside in self._reaches(path) for path, beside in tests)

    def may_patch(self, one: str, other: str) -> bool:
        """Return whether a patch of a legacy class in one file may be in force while the code of the other one runs."""
        return one.endswith("conftest.py") or other in self._reaches(one) or one in self._reaches(other)

    def _reaches(self, path: str) -> frozenset[str]:
        """Return the consumers that a file imports, directly or not; a file in a package also runs the package's `__init__.py`."""
        if path not in self._reached:
            seen, pending = {path}, [path]
            while pending:
                news = self._imports(pending.pop()) - seen
                seen |= news
                pending.extend(news)
            self._reached[path] = self._consumers & seen
        return self._reached[path]

    def _imports(self, path: str) -> frozenset[str]:
        if path not in self._imported:
            modules = self._tree.names.modules
            found = {modules.path(name) for name in self._names(path) if name not in self._tree.legacy}
            self._imported[path] = frozenset(item for item in found if item is not None)
        return self._imported[path]

    def _names(self, path: str) -> Iterator[str]:
        """Yield all modules that a file may import, and the packages around them."""
        data = read_bytes(self._tree.root, path)
        for name in named_modules(b"" if isinstance(data, Problem) else data, path, self._tree.names.modules):
            parts = name.split(".")
            yield from (".".join(parts[:end]) for end in range(1, len(parts) + 1))
