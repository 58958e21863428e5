"""The run that a log line belongs to: the one in whose context it was logged. Tasks inherit the context.

Only lines that reach the root logger are seen: no line below its logger's level, and none of a logger that does not propagate.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from migration.effects.journals.log_tape import LogTape
from migration.effects.journals.recording import Recording
from migration.effects.ports import current

_REPLAY_LINES: Final = 10_000
_REPLAY_CHARACTERS: Final = 2**20

_replayed: ContextVar[LogTape | None] = ContextVar("migration_log_tape", default=None)


class _ServedLines(logging.Handler):
    """Passes each line to the recording of the run in whose context it was logged, if there is one. It has no lock that a run would wait
    for.
    """

    def createLock(self) -> None:  # noqa: N802 - logging's own name
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        performer = current()
        if isinstance(performer, Recording):
            performer.take_line(record)
        if logging.lastResort is not None and logging.getLogger().handlers == [self] and record.levelno >= logging.lastResort.level:
            # Without any other handler logging prints warnings by itself; this handler must not stop that.
            logging.lastResort.handle(record)


_served_lines = _ServedLines()


def tape_served_logs() -> None:
    """Record the logs of served runs, permanently from here on. A second call changes nothing.

    One handler for the process: adding and removing one for every run would take a lock, and each line would pass all of them. Call it
    after logging was configured: a configuration that replaces the root logger's handlers removes this one.
    """
    logging.getLogger().addHandler(_served_lines)


class _ReplayedLines(logging.Handler):
    """Passes the lines of one replayed run to its tape."""

    def __init__(self, tape: LogTape) -> None:
        super().__init__()
        self._tape = tape

    def emit(self, record: logging.LogRecord) -> None:
        if _replayed.get() is self._tape:
            self._tape.take(record)


@contextmanager
def taped_logs() -> Iterator[LogTape]:
    """Record the logs of this task, and of tasks that it starts, until the end of the block: for a replayed run."""
    tape, root = LogTape(lines=_REPLAY_LINES, characters=_REPLAY_CHARACTERS), logging.getLogger()
    handler = _ReplayedLines(tape)
    # Without any handler logging prints warnings by itself; a tape must not stop that.
    last_resort = None if root.handlers else logging.lastResort
    token = _replayed.set(tape)
    root.addHandler(handler)
    if last_resort is not None:
        root.addHandler(last_resort)
    try:
        yield tape
    finally:
        root.removeHandler(handler)
        if last_resort is not None:
            root.removeHandler(last_resort)
        _replayed.reset(token)
