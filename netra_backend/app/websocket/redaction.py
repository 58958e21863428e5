"""Removes secrets from data for clients: values of keys that name a secret are replaced, long texts are cut, large values are limited."""

import functools
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

REDACTED: Final = "[redacted]"
MAX_ITEMS = 50
MAX_DEPTH = 8

#: Words that mark a key as secret. They match whole words of the key, after `apiKey` was changed to `api_key`. "tokens" is not listed,
#: because `input_tokens` is a count.
_TELLING = re.compile(
    r"(?:^|_)(?:pass(?:word|wd|phrase)|pwd|secrets?|token|jwt|bearer|authorization|auth|cookie|credentials?|signature"
    r"|(?:api|access|private|secret|signing|encryption|master)_?keys?)(?:_|$)"
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@functools.lru_cache(maxsize=4096)
def tells_secret(key: str) -> bool:
    """Return whether the value of this key must be redacted."""
    return _TELLING.search(_CAMEL.sub("_", key).lower().replace("-", "_").replace(".", "_")) is not None


def cut(text: str, length: int) -> str:
    """Return the text, cut to at most `length` characters; a cut text ends in an ellipsis."""
    return text if len(text) <= length else text[: length - 1] + "…"


def redacted(value: object, length: int, depth: int = 0) -> Any:  # noqa: ANN401 - JSON of the value's own shape
    """Return a JSON copy without secrets: strings at most `length` long, at most 50 items on each level, at most 8 levels."""
    if isinstance(value, str):
        return cut(value, length)
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth >= MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        items = list(value.items())[:MAX_ITEMS]
        kept = {cut(str(key), length): REDACTED if tells_secret(str(key)) else redacted(item, length, depth + 1) for key, item in items}
        return kept if len(value) <= MAX_ITEMS else {**kept, "…": len(value) - MAX_ITEMS}
    if isinstance(value, list | tuple):
        shown = [redacted(item, length, depth + 1) for item in value[:MAX_ITEMS]]
        return shown if len(value) <= MAX_ITEMS else [*shown, f"… {len(value) - MAX_ITEMS} more"]
    return f"<{type(value).__name__}>"


def redacted_text(value: object, length: int) -> str:
    """Return the redacted value as text, cut to at most `length` characters; a string unchanged, anything else as JSON."""
    shown = redacted(value, length)
    return shown if isinstance(shown, str) else cut(msgspec.json.encode(shown).decode(), length)
