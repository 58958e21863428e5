"""Minimises a JSON value while a condition holds. It works from the top level down, so that large parts are removed before small ones are
tried.

Source: Misherghi and Su (2006), "HDD: hierarchical delta debugging", ICSE.
"""

import re
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from migration.reproduce.ddmin import ddmin

Json = Any
_Path = tuple[str | int, ...]

_WORDS: Final = re.compile(r"\s*\S+\s*|\s+")
#: Texts of up to this many characters are also reduced letter by letter; in longer ones only whole words are removed.
_LETTERS: Final = 48


def shrink(value: Json, holds: Callable[[Json], bool]) -> Json:
    """Return the value without each item, field and word that can be removed while `holds` stays true. Numbers, booleans and null are kept.

    Args:
        value: decoded JSON for which `holds` is true.
        holds: returns the same answer for the same value.
    """
    waiting: deque[_Path] = deque([()])
    while waiting:
        path = waiting.popleft()
        node = _at(value, path)
        smaller = _smaller(node, lambda tried, at=path, root=value: holds(_put(root, at, tried)))  # type: ignore[misc] # mypy cannot infer a lambda's defaults
        if smaller != node:
            value = _put(value, path, smaller)
        children = smaller if isinstance(smaller, dict) else range(len(smaller)) if isinstance(smaller, list) else ()
        waiting.extend((*path, child) for child in children)
    return value


def shrink_text(text: str, holds: Callable[[str], bool]) -> str:
    """Return the text without each word that can be removed while `holds` stays true; in a short text, also without such letters."""
    kept = "".join(ddmin(_WORDS.findall(text), lambda words: holds("".join(words))))
    return "".join(ddmin(kept, lambda letters: holds("".join(letters)))) if len(kept) <= _LETTERS else kept


def _smaller(node: Json, holds: Callable[[Json], bool]) -> Json:
    match node:
        case dict():
            return dict(ddmin(tuple(node.items()), lambda fields: holds(dict(fields))))
        case list():
            return list(ddmin(node, lambda items: holds(list(items))))
        case str():
            return shrink_text(node, holds)
    return node


def _at(value: Json, path: _Path) -> Json:
    for step in path:
        value = value[step]
    return value


def _put(value: Json, path: _Path, new: Json) -> Json:
    """Return a copy of the value with `new` at the path; everything else is shared."""
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = _put(value[path[0]], path[1:], new)
    return copy
