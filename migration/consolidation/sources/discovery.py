"""Which files a tree has.

Each link is followed once, so a loop ends. A file that cannot be read is reported as a problem and never raises an error.
"""

import errno
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from migration.consolidation.configuration import BUILD_RESULTS, AuditConfiguration
from migration.consolidation.inventory import Problem, ProblemKind

_PYTHON: Final = (".py", ".pyi", ".pyw")
_CONFIGURATION: Final = (".toml", ".yaml", ".yml", ".json", ".ini", ".cfg", ".conf", ".env", ".mk", ".properties", ".ipynb", ".sh", ".bash")
_DOCUMENT: Final = (".md", ".rst", ".txt", ".adoc", ".mdx")
_CONFIGURATION_NAMES: Final = ("Makefile", "Dockerfile", "Procfile", "Jenkinsfile", "justfile")

_RUNS_PYTHON: Final = re.compile(rb"#!.*\bpython[\d.]*\b")
_FIRST_LINE: Final = 200  #: bytes; no system reads a longer one

#: Larger files are data, not source; CPython's own largest module is below 1 MB.
MAX_BYTES: Final = 16 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One file and its status in the file system."""

    path: str  #: relative to the root, with `/`
    size: int
    changed_ns: int  #: the later of mtime and ctime
    inode: int


@dataclass(slots=True, kw_only=True)
class SourceTree:
    """All files of a tree that an audit reads; sorted by path when `discover` returns."""

    root: Path
    python: list[SourceFile] = field(default_factory=list)
    configuration: list[SourceFile] = field(default_factory=list)
    documents: list[SourceFile] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)  #: Python files that the configuration excludes: they exist, but are not read
    problems: list[Problem] = field(default_factory=list)

    def report(self, path: str, kind: ProblemKind, detail: str) -> None:
        """Record a file that is left out because of a problem."""
        self.problems.append(Problem(path=_printable(path), kind=kind, detail=detail))


def discover(root: Path, configuration: AuditConfiguration) -> SourceTree:
    """Return the files below `root`, an absolute path without symbolic links."""
    tree = SourceTree(root=root)
    _Walk(tree, configuration, configuration.prefix(root)).run()
    for files in (tree.python, tree.configuration, tree.documents):
        files.sort(key=lambda file: file.path)
    tree.problems.sort(key=lambda problem: problem.path)
    return tree


class _Walk:
    """One walk over a tree.

    Args:
        tree: receives the files.
        configuration: names what is left out.
        prefix: turns a path relative to the root into one relative to the configuration's base.
    """

    def __init__(self, tree: SourceTree, configuration: AuditConfiguration, prefix: str) -> None:
        self._tree = tree
        self._configuration = configuration
        self._prefix = prefix
        self._seen: set[tuple[int, int]] = set()

    def run(self) -> None:
        root = self._tree.root.stat()
        self._seen.add((root.st_dev, root.st_ino))
        folders = [(self._tree.root, "")]
        links: list[tuple[os.DirEntry[str], str]] = []
        while folders or links:
            if not folders:
                # Links come last, so that a file that is also in the tree itself is listed under its real path.
                folders.extend(self._follow(*links.pop()))
                continue
            folder, path = folders.pop()
            for entry in self._entries(folder, path):
                name = path + entry.name
                if self._configuration.excludes(self._prefix + name):
                    if self._configuration.is_listed(self._prefix + name):
                        self._tree.left_out.extend(_python_below(Path(entry.path), name))
                    continue
                if entry.is_symlink():
                    links.append((entry, name))
                elif entry.is_dir(follow_symlinks=False):
                    folders.extend(self._enter(Path(entry.path), name, entry.stat(follow_symlinks=False)))
                else:
                    self._take(name, entry.stat(follow_symlinks=False))

    def _entries(self, folder: Path, path: str) -> Iterator[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                yield from entries
        except OSError as error:
            self._tree.report(path.rstrip("/") or ".", "unreadable", f"the folder cannot be listed: {error.strerror}")

    def _enter(self, folder: Path, path: str, status: os.stat_result) -> Iterator[tuple[Path, str]]:
        identity = (status.st_dev, status.st_ino)
        if identity in self._seen or (folder / "pyvenv.cfg").exists():
            return
        if folder.name in BUILD_RESULTS and not (folder / "__init__.py").exists():
            return
        self._seen.add(identity)
        yield folder, path + "/"

    def _follow(self, link: os.DirEntry[str], path: str) -> Iterator[tuple[Path, str]]:
        real = Path(os.path.realpath(link.path))
        try:
            status = link.stat()
        except OSError as error:
            self._tree.report(
                path, "symlink-loop" if error.errno == errno.ELOOP else "unreadable", f"the link cannot be followed: {error.strerror}"
            )
            return
        if stat.S_ISDIR(status.st_mode):
            if Path(os.path.realpath(Path(link.path).parent)).is_relative_to(real):
                self._tree.report(path, "symlink-loop", "the link leads to a folder that contains it; it was not followed")
            else:
                yield from self._enter(Path(link.path), path, status)
        elif (status.st_dev, status.st_ino) not in self._seen and not real.is_relative_to(self._tree.root):
            self._seen.add((status.st_dev, status.st_ino))
            self._take(path, status)

    def _take(self, path: str, status: os.stat_result) -> None:
        files = self._kind(path)
        if files is None:
            return
        if not stat.S_ISREG(status.st_mode):
            self._tree.report(path, "not-regular", "a pipe, a socket or a device; reading it could block forever")
        elif _printable(path) != path:
            self._tree.report(path, "file-name", "the name is not UTF-8, so a report cannot contain it")
        elif status.st_size > MAX_BYTES:
            self._tree.report(path, "too-large", f"{status.st_size} bytes; files with more than {MAX_BYTES} count as data")
        else:
            changed = max(status.st_mtime_ns, status.st_ctime_ns)
            files.append(SourceFile(path=path, size=status.st_size, changed_ns=changed, inode=status.st_ino))

    def _is_script(self, path: str) -> bool:
        """Return whether a file without an extension begins with a line that runs Python."""
        file = self._tree.root / path
        try:
            if not file.is_file():
                return False
            with file.open("rb") as opened:
                return _RUNS_PYTHON.match(opened.readline(_FIRST_LINE)) is not None
        except OSError:
            return False

    def _kind(self, path: str) -> list[SourceFile] | None:
        name = path.rpartition("/")[2]
        if name.endswith(_PYTHON) or ("." not in name and self._is_script(path)):
            return self._tree.python
        if name.endswith(_CONFIGURATION) or name.startswith(_CONFIGURATION_NAMES):
            return self._tree.configuration
        return self._tree.documents if name.endswith(_DOCUMENT) else None


def _python_below(folder: Path, path: str) -> Iterator[str]:
    """Yield the Python files in an excluded folder, or the excluded file itself."""
    if not folder.is_dir():
        yield from [path] if path.endswith(_PYTHON) else []
        return
    for around, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "__pycache__"]
        inner = Path(around).relative_to(folder).as_posix()
        yield from (f"{path}/{name}" if inner == "." else f"{path}/{inner}/{name}" for name in names if name.endswith(_PYTHON))


def _printable(path: str) -> str:
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
