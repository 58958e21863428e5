"""The files of a code base as values, and the dotted names of its Python files."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from migration.consolidation.removal.tracked import tracked_files
from migration.errors import ConfigurationError

Files = Mapping[str, bytes]
"""Path, relative to the root, with `/` -> content."""

_NEVER: Final = frozenset({"__pycache__", "build", "dist", "node_modules", "venv"})


def read_tree(root: Path) -> dict[str, bytes]:
    """Return the regular files that version control tracks; without Git, all files except those in hidden folders and caches.

    Raises:
        ConfigurationError: there is no such folder, or a file in it cannot be read.
    """
    if not root.is_dir():
        raise ConfigurationError(f"{root}: no such folder; give the root of the code base")
    try:
        return {path: (root / path).read_bytes() for path in sorted(_paths(root)) if _is_regular(root / path)}
    except OSError as error:
        raise ConfigurationError(f"{error.filename}: cannot be read ({error.strerror}); make it readable and try again") from error


def _paths(root: Path) -> Iterable[str]:
    return _walked(root) if (tracked := tracked_files(root)) is None else tracked


def _walked(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _NEVER)
        for name in names:
            yield (Path(folder) / name).relative_to(root).as_posix()


def _is_regular(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


class Modules:
    """The Python files of a tree by dotted name.

    Args:
        paths: the paths of all files of the tree.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = {module_name(path): path for path in paths if path.endswith(".py")}

    def find(self, importer: str, level: int, module: str) -> str | None:
        """Return the file that an import statement of `importer` names; None: it is not in the tree.

        Args:
            importer: path of the importing file.
            level: number of leading dots.
            module: the name after the dots; may be "".
        """
        folder = PurePosixPath(importer).parent
        if level:
            parents = (folder, *folder.parents)
            if level > len(parents):
                return None
            base = parents[level - 1].as_posix()
            return self._paths.get(".".join(part for part in ("" if base == "." else base.replace("/", "."), module) if part))
        beside = (folder / module.replace(".", "/")).as_posix()
        return self._paths.get(module) or self._paths.get(beside.replace("/", "."))

    def packages(self, path: str) -> Iterator[str]:
        """Yield the `__init__.py` of the packages that are imported together with a file."""
        for folder in PurePosixPath(path).parents:
            init = (folder / "__init__.py").as_posix()
            if init != path and self._paths.get(module_name(init)) == init:
                yield init


def module_name(path: str) -> str:
    """Return the dotted name of a Python file: `a/b/__init__.py` is `a.b`."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def is_under(path: str, places: Iterable[str]) -> bool:
    """Return whether a path is one of the places, or is inside one of them."""
    return any(path == place or path.startswith(f"{place.rstrip('/')}/") for place in places)
