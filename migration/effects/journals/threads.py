"""Connects threads and thread pools with the run that started them. `asyncio` tasks and `asyncio.to_thread` do this by themselves."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, Final, TypeVar

from migration.effects.lanes import _lane
from migration.effects.ports import _current

_T = TypeVar("_T")
_CARRIED: Final[tuple[ContextVar[Any], ...]] = (_current, _lane)
_MARK: Final = "_follows_runs"


def follow_threads() -> None:
    """Make threads and pool jobs that a run starts, from here on, record their effects in that run. A second call changes nothing.

    Only the run and its lane are copied from the context: an engine's own context variables are the same as without the migration.
    """
    if hasattr(threading.Thread.start, _MARK):
        return
    start, submit = threading.Thread.start, ThreadPoolExecutor.submit

    def started(thread: threading.Thread) -> None:
        if _current.get() is not None:
            thread.run = _carrying(thread.run)  # type: ignore[method-assign]  # of this thread alone
        start(thread)

    def submitted(pool: ThreadPoolExecutor, function: Callable[..., _T], /, *args: Any, **kwargs: Any) -> Future[_T]:  # noqa: ANN401 - as given
        if _current.get() is None:
            return submit(pool, function, *args, **kwargs)
        carrying = _carrying(function)
        with _nobody():  # a thread that the pool starts now will serve other runs later
            return submit(pool, carrying, *args, **kwargs)

    setattr(started, _MARK, True)
    threading.Thread.start = started  # type: ignore[method-assign, assignment]  # there is no other hook
    ThreadPoolExecutor.submit = submitted  # type: ignore[method-assign, assignment]  # there is no other hook


def _carrying(function: Callable[..., _T]) -> Callable[..., _T]:
    values = [(variable, variable.get()) for variable in _CARRIED]

    @wraps(function)
    def carried(*args: Any, **kwargs: Any) -> _T:  # noqa: ANN401 - as given
        tokens = [(variable, variable.set(value)) for variable, value in values]
        try:
            return function(*args, **kwargs)
        finally:
            for variable, token in tokens:
                variable.reset(token)

    return carried


@contextmanager
def _nobody() -> Iterator[None]:
    token = _current.set(None)
    try:
        yield
    finally:
        _current.reset(token)
