"""Maps files to dotted names, and names to files.

An absolute import is resolved from the source roots, then from the script's own folder.
"""

import sys
from collections.abc import Collection, Iterable
from pathlib import Path


class ModuleNames:
    """Knows every module of a tree.

    Args:
        root: the audited folder, absolute.
        paths: the root's Python files, relative to the root, with `/`.
        source_roots: folders, relative to the root, where absolute imports start; `.` is the root itself.
        left_out: Python files that are not read; they can be imported, but their content is not known.

    If the root is inside a package, the dotted names begin with that package.
    """

    def __init__(self, root: Path, paths: Iterable[str], source_roots: Iterable[str], left_out: Iterable[str] = ()) -> None:
        self._prefix = _package_of(root)
        self._roots = sorted(
            (source.strip("/") + "/" for source in source_roots if source.strip("/") not in {"", "."}), key=len, reverse=True
        )
        self._path_of: dict[str, str] = {}
        self._name_of: dict[str, str] = {}
        self._packages: set[str] = set()
        for path in paths:
            name = self._dotted(path)
            self._name_of[path] = name
            # A stub describes the module next to it, and the import loads that module.
            if not path.endswith(".pyi") or name not in self._path_of:
                self._path_of[name] = path
            self._packages.update(_parents(name))
        self._left_out = {self._dotted(path) for path in left_out}
        for name in self._left_out:
            self._packages.update(_parents(name))
        self._packages.discard("")

    @property
    def paths(self) -> Collection[str]:
        """The Python files of the tree."""
        return self._name_of.keys()

    def name(self, path: str) -> str:
        """Return the dotted name of the file at `path`."""
        return self._name_of[path]

    def has(self, path: str) -> bool:
        """Return whether there is a Python file at `path`."""
        return path in self._name_of

    def path(self, module: str) -> str | None:
        """Return the file of the module; None: there is none, as for a folder without `__init__.py`."""
        return self._path_of.get(module)

    def exists(self, module: str) -> bool:
        """Return whether the tree has such a module or package."""
        return module in self._path_of or module in self._packages or module in self._left_out

    def is_left_out(self, module: str) -> bool:
        """Return whether the module exists, but is excluded, so that its content is not known."""
        return module in self._left_out and module not in self._path_of

    def is_package(self, module: str) -> bool:
        """Return whether the tree has a package of this name, with `__init__.py` or without."""
        return module in self._packages or (self._path_of.get(module) or "").endswith(("/__init__.py", "/__init__.pyi"))

    def knows_top(self, module: str) -> bool:
        """Return whether the first part of the name is a package of the tree, so that the rest should be in the tree too."""
        return module.partition(".")[0] in self._packages

    def package(self, path: str) -> str:
        """Return the package that relative imports in the file at `path` start from."""
        name = self._name_of[path]
        return name if path.rpartition("/")[2] in {"__init__.py", "__init__.pyi"} else name.rpartition(".")[0]

    def absolute(self, path: str, level: int, module: str) -> str:
        """Return the absolute name that `level` dots and `module` mean in the file at `path`; "" if the dots lead out of the tree."""
        if level == 0:
            return self._as_neighbour(path, module)
        parts = self.package(path).split(".")
        if level > len(parts) or parts == [""]:
            return ""
        return ".".join([*parts[: len(parts) - level + 1], *([module] if module else [])])

    def _as_neighbour(self, path: str, module: str) -> str:
        """Return the name that an absolute import has in the tree.

        If no module has this name, a module in the script's own folder may be meant, but never the file itself: `gevent.py` imports the
        installed `gevent`.
        """
        top = module.partition(".")[0]
        if top in self._path_of or top in self._packages or top in sys.stdlib_module_names:
            return module
        folder = self._name_of[path].rpartition(".")[0]
        while folder:
            if self.exists(f"{folder}.{top}") and f"{folder}.{top}" != self._name_of[path]:
                return f"{folder}.{module}"
            folder = folder.rpartition(".")[0]
        return module

    def _dotted(self, path: str) -> str:
        for source in self._roots:
            if path.startswith(source):
                path, prefix = path[len(source) :], ""
                break
        else:
            prefix = self._prefix
        folder, _, name = path.rpartition("/")
        parts = [*(folder.split("/") if folder else []), name.rpartition(".")[0] or name]
        if parts[-1] == "__init__":
            parts.pop()
        return ".".join([*([prefix] if prefix else []), *parts])


def _package_of(root: Path) -> str:
    parts: list[str] = []
    folder = root
    while (folder / "__init__.py").is_file() and folder.parent != folder:
        parts.insert(0, folder.name)
        folder = folder.parent
    return ".".join(parts)


def _parents(name: str) -> Iterable[str]:
    while name:
        name = name.rpartition(".")[0]
        yield name
