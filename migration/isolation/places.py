"""The places of something in a piece of JSON, as paths that contain nothing secret."""

from collections.abc import Callable, Collection, Iterator
from typing import Any, Final

import msgspec

_MOST: Final = 20
_DEEPEST: Final = 64
_HIDDEN = "*"

Shows = Callable[[str, str], bool]
"""Tells whether a text under a key shows what is searched for."""

_json = msgspec.json.Decoder()


def paths(data: bytes, text: str, subject: str, shows: Shows, secrets: Collection[str]) -> tuple[str, ...]:
    """Return every path to a text or key that shows `text`, below `subject`, at most 20; `subject` itself if the place cannot be
    determined.

    Args:
        data: JSON or plain text.
        text: the text to find.
        subject: the name of the data.
        shows: called for each text that contains `text`; for a key it is called with an empty text.
        secrets: a key that contains one of these is written as `*`.
    """
    try:
        value = _json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return (subject,)
    found: dict[str, None] = {}
    for path in _Holding(text, shows, secrets).below(value):
        found[f"{subject}{path}"] = None
        if len(found) == _MOST:
            break
    return tuple(found) or (subject,)


class _Holding:
    def __init__(self, text: str, shows: Shows, secrets: Collection[str]) -> None:
        self._text, self._shows, self._secrets = text, shows, secrets

    def below(self, value: Any, key: str = "", depth: int = 0) -> Iterator[str]:  # noqa: ANN401 - any JSON
        """Yield the paths below the value of a key."""
        if isinstance(value, str):
            if self._text in value and self._shows(key, value):
                yield ""
        elif depth == _DEEPEST:
            return
        elif isinstance(value, dict):
            for name, item in value.items():
                path = f".{_HIDDEN}" if any(secret in name for secret in self._secrets) else f".{name}"
                if self._text in name and self._shows(name, ""):
                    yield path
                yield from (f"{path}{rest}" for rest in self.below(item, name, depth + 1))
        elif isinstance(value, list):
            for number, item in enumerate(value):
                yield from (f"[{number}]{rest}" for rest in self.below(item, "", depth + 1))
