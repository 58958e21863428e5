"""Finds the files of recordings: a path names a file, or a folder with files of a suitable ending."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from migration.errors import RecordingError
from migration.recordings.opening import STDIN

ENDINGS: Final = (".jsonl", ".ndjson", ".json", ".traj", ".eval")
_PACKED: Final = (".gz", ".zst", ".zstd")


def files_of(path: Path) -> list[Path]:
    """Return the file that a path names, or all files in that folder and below it, except hidden ones, sorted by name.

    Raises:
        RecordingError: the file does not exist, or no file in the folder has a suitable ending.
    """
    if str(path) == STDIN or not path.is_dir():
        if str(path) != STDIN and not path.exists():
            raise RecordingError(f"cannot read {path}: No such file or directory")
        return [path]
    try:
        found = sorted(_inside(path))
    except OSError as error:
        raise RecordingError(f"cannot read {path}: {error.strerror or error}") from error
    if not found:
        raise RecordingError(f"no file in {path} ends in one of {', '.join(ENDINGS)}, packed or not; name the files themselves")
    return found


def size_of(paths: Sequence[Path]) -> int | None:
    """Return the total number of bytes of the files; None if one is a pipe or has no size."""
    if any(str(path) == STDIN or not path.is_file() for path in paths):
        return None
    try:
        return sum(path.stat().st_size for path in paths)
    except OSError:
        return None


def _inside(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        if not any(part.startswith(".") for part in relative.parts) and _is_recording(path.name) and path.is_file():
            yield path


def _is_recording(name: str) -> bool:
    lowered = name.lower()
    for ending in _PACKED:
        lowered = lowered.removesuffix(ending)
    return lowered.endswith(ENDINGS)
