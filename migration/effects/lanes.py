"""Which part of a run asks: the lane that effects belong to whose port does not name one."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

_lane: ContextVar[str] = ContextVar("migration_lane", default="")


def current_lane() -> str:
    """Return the lane of this context; "": the run itself."""
    return _lane.get()


@contextmanager
def lane(name: str) -> Iterator[None]:
    """Have the effects inside the block belong to this lane. Tasks and threads that start there inherit it.

    Parallel branches that ask in equal words need lanes of their own: otherwise each may get the other's reply when the run is replayed.
    """
    token = _lane.set(name)
    try:
        yield
    finally:
        with suppress(ValueError):  # of a generator that is closed elsewhere than it was begun: nothing is left to undo
            _lane.reset(token)


def set_lane(name: str) -> None:
    """Have the effects of this context belong to a lane, from here to its end. For frameworks that call back where a branch begins."""
    _lane.set(name)
