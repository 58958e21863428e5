"""Searches files for an id. This also finds data that a database deleted from a table but not yet from its file."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

_CHUNK: Final = 1 << 20


def files_below(folder: Path) -> Iterator[Path]:
    """Yield every regular file below the folder, sorted; links are not followed. Yields nothing if the folder does not exist."""
    for where, folders, names in os.walk(folder):
        folders.sort()
        yield from (path for name in sorted(names) if (path := Path(where, name)).is_file() and not path.is_symlink())


def found_in(files: Iterable[Path], needles: Sequence[bytes]) -> tuple[int, list[Path]]:
    """Return how many files were searched, and the files that contain one of the needles. Reads a megabyte at a time.

    Raises:
        OSError: a file cannot be read. A file that is removed during the search is skipped.
    """
    searched, hits = 0, []
    for path in files:
        try:
            hit = _holds(path, needles)
        except FileNotFoundError:
            continue
        searched += 1
        if hit:
            hits.append(path)
    return searched, hits


def _holds(path: Path, needles: Sequence[bytes]) -> bool:
    overlap = max(map(len, needles)) - 1
    with path.open("rb") as file:
        tail = b""
        while chunk := file.read(_CHUNK):
            window = tail + chunk
            if any(needle in window for needle in needles):
                return True
            tail = window[-overlap:] if overlap else b""
    return False
