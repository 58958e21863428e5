"""The files that version control tracks in a code base."""

import os
import subprocess
from pathlib import Path


def git(root: Path, *arguments: str) -> str | None:
    """Return Git's output; None: Git is missing, or the folder is not a Git work tree."""
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=False)  # noqa: S603, S607 - Git is found on the path
    except OSError:
        return None
    return os.fsdecode(done.stdout) if done.returncode == 0 else None


def tracked_files(root: Path) -> list[str] | None:
    """Return the paths of the files that Git tracks, relative to the folder; None: it is not a work tree.

    A folder inside the work tree of another project does not count as tracked by that project.
    """
    listed = git(root, "ls-files", "-z") if (root / ".git").exists() else None
    return None if listed is None else [path for path in listed.split("\0") if path]
