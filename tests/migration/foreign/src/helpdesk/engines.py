"""Both engines of `support`, for the server and for replays alike."""

from helpdesk import new, old
from migration import Engine, Origin, by_field, emitter_engine, stream_engine


def build(surface: str, origin: Origin) -> Engine:
    """Return a new engine."""
    place = by_field("event", "branch")
    return stream_engine(old.answer, place) if origin is Origin.CONTROL else emitter_engine(new.answer, place)
