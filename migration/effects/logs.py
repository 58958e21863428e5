"""Which run a line belongs to that was logged: the one whose context it was logged in. Tasks carry it along.

What is seen is what reaches the root logger: no line below its logger's level, none of a logger that does not propagate.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from migration.effects.log_tape import LogTape
from migration.effects.ports import current
from migration.effects.recording import Recording

_REPLAY_LINES: Final = 10_000
_REPLAY_CHARACTERS: Final = 2**20

_replayed: ContextVar[LogTape | None] = ContextVar("migration_log_tape", default=None)


class _ServedLines(logging.Handler):
    """Gives each line to the recording of the run in whose context it was logged, if there is one. It has no lock to wait for."""

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
            # Without any other handler logging prints warnings by itself; this one is no reason to stop that.
            logging.lastResort.handle(record)


_served_lines = _ServedLines()


def tape_served_logs() -> None:
    """Have what served runs log taped by their recordings, from here on and for good. A second call changes nothing.

    One handler for the process: putting one on and off for every run takes a lock, and makes every line ask all of them. Call it after
    logging was configured: a set-up that replaces the root logger's handlers takes this one off.
    """
    logging.getLogger().addHandler(_served_lines)


class _ReplayedLines(logging.Handler):
    """Gives the lines of one replayed run to its tape."""

    def __init__(self, tape: LogTape) -> None:
        super().__init__()
        self._tape = tape

    def emit(self, record: logging.LogRecord) -> None:
        if _replayed.get() is self._tape:
            self._tape.take(record)


@contextmanager
def taped_logs() -> Iterator[LogTape]:
    """Tape what this task, and those that it starts, log until the end of the block: for a run that is replayed."""
    tape, root = LogTape(lines=_REPLAY_LINES, characters=_REPLAY_CHARACTERS), logging.getLogger()
    handler = _ReplayedLines(tape)
    # Without any handler logging prints warnings by itself; a tape is no reason to stop that.
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
