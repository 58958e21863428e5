"""What an engine logs while it runs, kept until it was scanned."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_MOST_LINES: Final = 10_000
_MOST_CHARACTERS: Final = 2**20
#: what logging itself puts on a record; the last two are left there by formatters
_STANDARD: Final = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {"message", "asctime"}
_formatter = logging.Formatter()

_current: ContextVar["LogTape | None"] = ContextVar("migration_log_tape", default=None)


class LogTape(logging.Handler):
    """Takes the lines that its own run logs: tasks carry it along in their context, so runs side by side are kept apart.

    It sees what reaches the root logger: no line below its logger's level, none of a logger that does not propagate. Beyond 10,000
    lines or a million characters it takes none, and `reasons` says so.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._characters = 0
        self._lost = 0

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why not every line can be scanned; () when every one can."""
        return (f"{self._lost} log lines of the shadow were not scanned for other tenants' data",) if self._lost else ()

    def emit(self, record: logging.LogRecord) -> None:
        """Take the line if it is this run's, with its traceback and the texts that were logged beside it. Never raises."""
        if _current.get() is not self:
            return
        try:
            line = _line(record)
        except Exception:  # noqa: BLE001 - arguments that do not fit their message: logging itself prints such a line no better
            self._lost += 1
            return
        self._characters += len(line)
        if self._characters > _MOST_CHARACTERS or len(self.lines) >= _MOST_LINES:
            self._lost += 1
        else:
            self.lines.append(line)


@contextmanager
def taped_logs() -> Iterator[LogTape]:
    """Tape what this task, and those that it starts, log until the end of the block."""
    tape, root = LogTape(), logging.getLogger()
    # Without any handler logging prints warnings by itself; a tape is no reason to stop that.
    last_resort = None if root.handlers else logging.lastResort
    token = _current.set(tape)
    root.addHandler(tape)
    if last_resort is not None:
        root.addHandler(last_resort)
    try:
        yield tape
    finally:
        root.removeHandler(tape)
        if last_resort is not None:
            root.removeHandler(last_resort)
        _current.reset(token)


def _line(record: logging.LogRecord) -> str:
    parts = [record.getMessage()]
    if record.exc_info:
        # Not by `format`, which leaves the text on the record for other handlers to find.
        parts.append(_formatter.formatException(record.exc_info))
    parts += [str(value) for name, value in record.__dict__.items() if name not in _STANDARD and isinstance(value, str)]
    return "\n".join(parts)
