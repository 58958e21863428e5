"""Shows a planned removal, and carries it out on the tree or on a copy in a separate folder."""

import difflib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from migration.consolidation.removal.apply.values import RemovalChange, RemovalPlan
from migration.consolidation.removal.tracked import git
from migration.errors import ConfigurationError


class Disk(Protocol):
    """The place where a removal is carried out."""

    def replace(self, path: Path, data: bytes, /) -> None:
        """Put new content into a file, so that a reader sees the old or the new one."""

    def remove(self, path: Path, /) -> None:
        """Remove a file, and the folders that become empty."""


class RealDisk:
    """The file system.

    Args:
        root: a folder that stays, even if it becomes empty.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def replace(self, path: Path, data: bytes, /) -> None:
        """Write a temporary file next to the file and rename it."""
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            shutil.copymode(path, temporary)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def remove(self, path: Path, /) -> None:
        """Unlink the file. A folder in which only Python's cache is left counts as empty."""
        if not path.exists():
            return  # a file of Python's cache that is under version control: it was removed with its folder
        path.unlink()
        for folder in path.parents:
            if folder == self._root or {entry.name for entry in folder.iterdir()} - {"__pycache__"}:
                break
            shutil.rmtree(folder)


def as_diff(change: RemovalChange) -> str:
    """Return a unified diff of one file that `patch -p1` accepts. Bytes that are not UTF-8 are shown escaped."""
    before, after = (data.decode("utf-8", errors="backslashreplace").splitlines(keepends=True) for data in (change.before, change.after))
    return "".join(_ended(difflib.unified_diff(before, after, f"a/{change.path}", f"b/{change.path}")))


def check_clean(root: Path, plan: RemovalPlan) -> None:
    """Check that version control can restore everything that is removed or changed.

    Raises:
        ConfigurationError: the folder is not under Git, or a file of the plan has changes that are not committed.
    """
    status = git(root, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=no")
    if status is None:
        raise ConfigurationError(f"{root}: is not under Git, so nothing could be restored; use --into to rehearse in a copy")
    prefix = git(root, "rev-parse", "--show-prefix") or ""
    dirty = {entry[3:].removeprefix(prefix.strip()) for entry in status.split("\0") if entry}
    touched = dirty & {*(item.path for item in plan.deleted), *(item.path for item in plan.edited)}
    if touched:
        raise ConfigurationError(f"{', '.join(sorted(touched))}: uncommitted changes; commit or restore them, and run this again")


def carry_out(root: Path, plan: RemovalPlan, disk: Disk | None = None) -> None:
    """Carry a plan out, the manifest last. If the process is killed half way, restore the tree with `git restore .`, or plan again for the
    rest.

    Args:
        root: the tree that the plan was made for.
        plan: a plan that leaves nothing to a person.
        disk: receives the changes; None: the file system.

    Raises:
        ConfigurationError: the plan leaves something to a person, or a file was changed since the plan was made or cannot be written.
    """
    if plan.left:
        raise ConfigurationError(f"{len(plan.left)} places must be changed by hand first; nothing was written")
    disk = disk or RealDisk(root)
    for change in plan.edited:
        if (root / change.path).read_bytes() != change.before:
            raise ConfigurationError(f"{change.path}: was changed while this ran; nothing was written, run it again")
    try:
        for change in plan.edited[:-1]:
            disk.replace(root / change.path, change.after)
        for deletion in plan.deleted:
            disk.remove(root / deletion.path)
        for change in plan.edited[-1:]:
            disk.replace(root / change.path, change.after)
    except OSError as error:
        raise ConfigurationError(f"{error.filename}: cannot be written ({error.strerror}); `git restore .`, then run this again") from error


def write_copy(root: Path, files: Mapping[str, bytes], folder: Path) -> None:
    """Write a tree into a new folder, with the permissions of its files.

    Raises:
        ConfigurationError: the folder exists and is not empty, or cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigurationError(f"{folder}: it already exists; give a new folder")
    try:
        for path, data in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            shutil.copymode(root / path, target)
    except OSError as error:
        raise ConfigurationError(f"{error.filename}: cannot be written ({error.strerror}); give another folder") from error


def _ended(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
