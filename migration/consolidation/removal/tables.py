"""The manifest without what it says of surfaces that went: whole tables and lines of a TOML file, comments of the rest untouched."""

import re
from collections.abc import Callable, Collection
from typing import Final

_HEADER: Final = re.compile(r"^[ \t]*\[\[?[ \t]*(?P<name>[^\[\]]+?)[ \t]*\]\]?")
_TABLE: Final = "tool.netra-migration"


def cut_manifest(text: str, surfaces: Collection[str], deleted: Collection[str], *, whole: bool) -> str:
    """Return `pyproject.toml` afterwards.

    Args:
        text: of the file.
        surfaces: whose tables go.
        deleted: files whose lines in the table of tests go.
        whole: everything that is said to the migration goes.
    """
    if whole:
        return _without_tables(text, lambda name: name == _TABLE or name.startswith(f"{_TABLE}."))
    names = {f"{_TABLE}.removal.surfaces.{surface}" for surface in surfaces}
    text = _without_tables(text, names.__contains__)
    quoted = tuple(f'"{path}"' for path in deleted)
    return "".join(
        line
        for line in text.splitlines(keepends=True)
        if not re.match(r"[ \t]*\"[^\"]+\"[ \t]*=", line) or not line.lstrip().startswith(quoted)
    )


def _without_tables(text: str, goes: Callable[[str], bool]) -> str:
    kept: list[str] = []
    held: list[str] = []  # comments and blank lines: they belong to what comes next
    cut = False
    for line in text.splitlines(keepends=True):
        header = _HEADER.match(line)
        if header is not None:
            cut = goes(header["name"].replace('"', ""))
        elif not line.strip() or line.lstrip().startswith("#"):
            held.append(line)
            continue
        if not cut:
            kept += held
            kept.append(line)
        held = []
    return "".join(kept).rstrip("\n") + "\n" if cut else "".join(kept + held)
