"""Simplifications of a small recording that remove nothing: they make it easier to read, and replace ids of tenants and users."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec

from migration.recordings import RecordedRun

_PLAIN_IDS: Final = {"run_id": "run-1", "thread_id": "thread-1", "user_id": "user-1", "tenant_id": "acme"}

Simplification = Callable[[RecordedRun], RecordedRun]


def plainer(recorded: RecordedRun) -> list[Simplification]:
    """Return the simplifications in the order in which to try them: each one gets the result of those before it."""
    simpler: list[Simplification] = [_without_times, *(_unhurried(place) for place in range(len(recorded.journal)))]
    return [*simpler, *(_renamed(name, plain) for name, plain in _PLAIN_IDS.items())]


def _without_times(recorded: RecordedRun) -> RecordedRun:
    request = msgspec.structs.replace(recorded.request, received_at=0.0)
    return replace(recorded, request=request, journal=tuple(msgspec.structs.replace(effect, duration_s=0.0) for effect in recorded.journal))


def _unhurried(place: int) -> Simplification:
    """Return the simplification that sets the duration of one effect to 0, for recordings that need the duration of another effect."""

    def simplify(recorded: RecordedRun) -> RecordedRun:
        journal = list(recorded.journal)
        if place < len(journal):
            journal[place] = msgspec.structs.replace(journal[place], duration_s=0.0)
        return replace(recorded, journal=tuple(journal))

    return simplify


def _renamed(name: str, plain: str) -> Simplification:
    """Return the simplification that replaces one id of the request by a simple name, wherever it occurs as a whole word."""

    def simplify(recorded: RecordedRun) -> RecordedRun:
        word = re.compile(rf"(?<![\w-]){re.escape(getattr(recorded.request, name))}(?![\w-])")
        payload = _replaced(recorded.request.payload, word, plain)
        changes: Mapping[str, Any] = {name: plain, "payload": payload}
        journal = tuple(msgspec.structs.replace(effect, reply=_replaced(effect.reply, word, plain)) for effect in recorded.journal)
        return replace(recorded, journal=journal, request=msgspec.structs.replace(recorded.request, **changes))

    return simplify


def _replaced(text: bytes | None, word: re.Pattern[str], plain: str) -> bytes | None:
    if text is None:
        return None
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return text
    return msgspec.json.encode(_in_texts(value, word, plain))


def _in_texts(value: Any, word: re.Pattern[str], plain: str) -> Any:  # noqa: ANN401 - any JSON
    match value:
        case str():
            return word.sub(plain, value)
        case list():
            return [_in_texts(item, word, plain) for item in value]
        case dict():
            return {key: _in_texts(item, word, plain) for key, item in value.items()}
    return value
