"""Removes what the manifest says about removed parts: tables, lines and elements of a TOML file. Comments of the rest are kept."""

import re
from collections.abc import Callable, Collection
from typing import Final

_HEADER: Final = re.compile(r"^[ \t]*\[\[?[ \t]*(?P<name>[^\[\]]+?)[ \t]*\]\]?[ \t]*(?:#.*)?$")
_PATH: Final = re.compile(r'"(?P<path>[^"\s]+?)(?:::[^"]*)?"(?:,[ \t]*)?')
_TABLE: Final = "tool.netra-migration"


def cut_manifest(text: str, surfaces: Collection[str], deleted: Collection[str], *, whole: bool) -> str:
    """Return `pyproject.toml` after the removal.

    Args:
        text: the file's text.
        surfaces: the surfaces whose tables are removed.
        deleted: the removed files. From the migration's own tables these parts are removed: tables about such a file, lines with such a
            file as key, list elements that name such a file or a test in it, and lines whose lists become empty.
        whole: all of the migration's tables are removed.
    """
    if whole:
        return _edited(text, _is_ours, lambda line: line)
    names = {f"{_TABLE}.removal.surfaces.{surface}" for surface in surfaces}
    return _edited(text, lambda name: name in names or _is_about(name, deleted), lambda line: _without_paths(line, deleted))


def _is_ours(table: str) -> bool:
    return table == _TABLE or table.startswith(f"{_TABLE}.")


def _is_about(table: str, deleted: Collection[str]) -> bool:
    return _is_ours(table) and any(match["path"] in deleted for match in _PATH.finditer(table))


def _without_paths(line: str, deleted: Collection[str]) -> str:
    key = re.match(r'[ \t]*"([^"]+)"[ \t]*=', line)
    if key is not None and key[1] in deleted:
        return ""
    left = _PATH.sub(lambda match: "" if match["path"] in deleted else match[0], line)
    if left == line:
        return line
    # After the last element is removed, the comma of the element before it is left.
    left = re.sub(r",[ \t]*\]", "]", left)
    return "" if not left.strip() or re.search(r"=[ \t]*\[[ \t]*\]", left) else left


def _edited(text: str, goes: Callable[[str], bool], edit: Callable[[str], str]) -> str:
    kept: list[str] = []
    held: list[str] = []  # comments and blank lines, which belong to the line that follows
    cut = ours = False
    for line in text.splitlines(keepends=True):
        header = _HEADER.match(line)
        if header is not None:
            cut, ours = goes(header["name"]), _is_ours(header["name"].replace('"', ""))
        elif not line.strip() or line.lstrip().startswith("#"):
            held.append(line)
            continue
        if not cut:
            kept += held
            kept.append(edit(line) if ours and header is None else line)
        held = []
    return "".join(kept).rstrip("\n") + "\n" if cut else "".join(kept + held)
