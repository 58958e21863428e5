"""The tokens of a run's model calls, as the model reported them."""

from collections.abc import Iterable

import msgspec

from migration.model import Effect


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Reply(msgspec.Struct):
    usage: _Usage | None = None


_replies = msgspec.json.Decoder(_Reply)


def tokens(journal: Iterable[Effect]) -> tuple[int, int]:
    """Return the input and output tokens of all model calls of a journal. A reply that reports no usage counts as 0."""
    read = written = 0
    for effect in journal:
        if effect.kind == "model" and effect.reply is not None and (usage := _usage(effect.reply)) is not None:
            read, written = read + max(0, usage.prompt_tokens), written + max(0, usage.completion_tokens)
    return read, written


def _usage(reply: bytes) -> _Usage | None:
    try:
        return _replies.decode(reply).usage
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):  # the three errors that mean "unreadable"
        return None
