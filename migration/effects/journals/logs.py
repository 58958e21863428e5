"""Assigns log lines to runs: a line belongs to the run in whose context it was logged. Tasks inherit the context.

Only lines that reach the root logger are seen. Lines below their logger's level, and lines of a logger that does not propagate, are not
seen.
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
    """Passes each line to the recording of the run in whose context it was logged, if there is one. No run waits for it: it has no lock."""

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
            # If there is no other handler, logging itself prints warnings; this handler must not stop that.
            logging.lastResort.handle(record)


_served_lines = _ServedLines()


def tape_served_logs() -> None:
    """Record the logs of served runs from here on, permanently. A second call changes nothing.

    There is one handler for the process: adding and removing a handler for every run would take a lock, and each line would pass all
    handlers. Call this after logging was configured: a later configuration that replaces the root logger's handlers removes this handler.
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
    # If there is no handler, logging itself prints warnings; a tape must not stop that.
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
