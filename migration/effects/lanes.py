"""The current lane: the part of a run to which effects belong if their port does not name a lane."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

_lane: ContextVar[str] = ContextVar("migration_lane", default="")


def current_lane() -> str:
    """Return the lane of this context; "": the run itself."""
    return _lane.get()


@contextmanager
def lane(name: str) -> Iterator[None]:
    """Assign the effects inside the block to this lane. Tasks and threads that start there inherit it.

    Parallel branches with equal requests need separate lanes: otherwise each may get the other's reply in a replay.
    """
    token = _lane.set(name)
    try:
        yield
    finally:
        with suppress(ValueError):  # a generator was closed in another context than the one in which it started: there is nothing to undo
            _lane.reset(token)


def set_lane(name: str) -> None:
    """Assign the effects of this context to a lane, from here to the end of the context.

    For frameworks that call back where a branch begins.
    """
    _lane.set(name)
