"""The lines that one run logs, kept until they are scanned. It is bounded, and has no lock, because a run that serves must not wait."""

import logging
from typing import Final

from migration.model import RunLog

#: attributes that logging itself adds to a record; formatters add the last two
_STANDARD: Final = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {"message", "asctime"}
_formatter = logging.Formatter()


class LogTape:
    """Keeps lines up to a limit, and counts further lines.

    Args:
        lines: how many lines it keeps.
        characters: how many characters these lines may have in total.
    """

    __slots__ = ("_characters", "_lines", "_lost", "_most_lines")

    def __init__(self, *, lines: int, characters: int) -> None:
        self._most_lines, self._characters = lines, characters
        self._lines: list[str] = []
        self._lost = 0

    def take(self, record: logging.LogRecord) -> None:
        """Keep a line, with its traceback and the additional texts of its record. Never raises."""
        try:
            line = _line(record)
        except Exception:  # noqa: BLE001 - arguments that do not fit their message: logging itself does not print such a line either
            self._lost += 1
            return
        self._characters -= len(line)
        if self._characters < 0 or len(self._lines) >= self._most_lines:
            self._lost += 1
        else:
            self._lines.append(line)

    def log(self) -> RunLog:
        """Return the lines so far."""
        return RunLog(lines=tuple(self._lines), lost=self._lost)


def _line(record: logging.LogRecord) -> str:
    parts = [record.getMessage()]
    if record.exc_info:
        # Not by `format`, which stores the text in the record, where other handlers would find it.
        parts.append(_formatter.formatException(record.exc_info))
    parts += [str(value) for name, value in record.__dict__.items() if name not in _STANDARD and isinstance(value, str)]
    return "\n".join(parts)
