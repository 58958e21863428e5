"""Describes the values at the place of a divergence in one clause: the tool, the argument or field, and both values.

The clause shows what is stored: the values themselves if the tenant allows its texts in the evidence, and otherwise only the length of each
text.
"""

import re
from typing import Any, Final

import msgspec

from migration.model import DivergenceKind

_LONGEST: Final = 160  #: a longer value is shortened to this many characters
_ARGUMENTS: Final = ".arguments"
_REDACTED: Final = re.compile(r"str\[(\d+)\](#[0-9a-f]{12})?")


def both_values(kind: DivergenceKind, path: str, control: str | None, candidate: str | None) -> str:
    """Return the place and the values of both engines there; empty: neither has a value there.

    Args:
        kind: the divergence's kind.
        path: the divergence's path.
        control: JSON, redacted or not; None: control has nothing there.
        candidate: the same for candidate.
    """
    if control is None and candidate is None:
        return ""
    if kind in {"effect_missing", "effect_extra"}:
        side, other, request = ("candidate", "control", candidate) if control is None else ("control", "candidate", control)
        return f"{_place(path)}: asked by {side} with {_written(request, 'arguments')}, not by {other}"
    one, two = _written(control, "payload"), _written(candidate, "payload")
    if one == two:
        return f"{_place(path)}: {one} in control, and another in candidate"
    return f"{_place(path)}: {one} in control, {two} in candidate"


def _place(path: str) -> str:
    """Return the place in words: a tool by its name, with the argument."""
    first, _, rest = path.partition(".")
    if first not in {"tool", "id", "model", "clock"}:
        return f"`{path}`"
    if first in {"model", "clock"}:
        return f"the {first}, `{rest}`" if rest else f"the {first}"
    name, mark, below = rest.partition(_ARGUMENTS)
    return f"{first} `{name}`" + (f", `{mark[1:]}{below}`" if mark else "")


def _written(encoded: str | None, part: str) -> str:
    """Return a value as readable text: a redacted text as its length, and a request or frame as its part of that name."""
    if encoded is None:
        return "nothing"
    try:
        value: Any = msgspec.json.decode(encoded)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return "a value that cannot be read"
    if isinstance(value, dict) and part in value:
        value = value[part]
    redacted = _REDACTED.fullmatch(value) if isinstance(value, str) else None
    if redacted is not None:
        return "an empty text" if redacted[1] == "0" else f"a text of {redacted[1]} characters"
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
