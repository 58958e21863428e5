"""The answer to a repeated effect from the journal: the pieces of its reply, or its failure."""

import builtins
from collections.abc import Callable, Iterable
from functools import lru_cache

import msgspec

from migration.effects.journals.streams import StreamReply, decode_stream
from migration.errors import RecordedEffectError
from migration.model import Effect, EffectError


def recorded_error(error: EffectError) -> RecordedEffectError:
    """Return the exception for a recorded failure.

    It has the recorded name, and is also an instance of Python's own exception of that name. So an engine that names or catches exceptions
    of its ports behaves as in the recorded run.
    """
    try:
        return _error_class(error.type)(error.type, error.message)
    except TypeError:  # for the few exceptions whose constructors need more than a text, e.g. UnicodeDecodeError
        return RecordedEffectError(error.type, error.message)


@lru_cache(maxsize=256)
def _error_class(name: str) -> type[RecordedEffectError]:
    known = getattr(builtins, name, None)
    if isinstance(known, type) and issubclass(known, Exception):
        return type(name, (RecordedEffectError, known), {})
    return type(name, (RecordedEffectError,), {})


def pieces(effect: Effect, whole: Callable[[bytes], Iterable[bytes]] | None) -> StreamReply:
    """Return the pieces of a reply: one that was recorded as a whole is one piece, at its time."""
    if (streamed := decode_stream(effect.reply)) is not None:
        return streamed
    if effect.reply is None:
        return StreamReply(stream=(), ended="failed" if effect.error is not None else "left")
    chunks = [effect.reply] if whole is None else list(whole(effect.reply))
    return StreamReply(stream=tuple((effect.duration_s, msgspec.Raw(chunk)) for chunk in chunks), ended="done")
