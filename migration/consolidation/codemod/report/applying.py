"""Shows a plan before it is carried out, and carries it out."""

import difflib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from migration.consolidation.codemod.report.values import CodemodChange, CodemodPlan
from migration.errors import ConfigurationError


def as_diff(change: CodemodChange) -> str:
    """Return a unified diff of one file. Bytes that are not UTF-8 are surrogates: encoded with `surrogateescape`, the text is a diff that
    `git apply` and `patch -p1` accept.
    """
    before, after = (_lines(data.decode("utf-8", errors="surrogateescape")) for data in (change.before, change.after))
    end = "\t" if " " in change.path else ""  # as `git diff` does; without it, `patch` takes the name up to the first space
    return "".join(_ended(difflib.unified_diff(before, after, f"a/{change.path}{end}", f"b/{change.path}{end}")))


def apply_plan(plan: CodemodPlan) -> None:
    """Write the files, each atomically: a reader sees the old or the new text.

    Raises:
        ConfigurationError: a file was changed since the plan was made, or cannot be written. The files whose paths sort
            before that file's path are already written.
    """
    for change in plan.changes:
        path = plan.root / change.path
        try:
            if path.read_bytes() != change.before:
                raise ConfigurationError(f"{path}: was changed while this ran; run codemod again")
            _replace(path.resolve(), change.after)
        except OSError as error:
            raise ConfigurationError(f"{path}: cannot be written ({error.strerror}); make it writable and run codemod again") from error


def _replace(path: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).chmod(path.stat().st_mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _lines(text: str) -> list[str]:
    """Return the lines with their ends. Only a line feed ends a line of a diff, not a form feed or another separator of Unicode."""
    *lines, last = text.split("\n")
    return [*(f"{line}\n" for line in lines), *([last] if last else [])]


def _ended(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
