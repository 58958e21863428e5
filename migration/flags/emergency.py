"""The host's emergency kill switch: while a certain file exists, control serves. It works without flags, servers and parsing."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

logger = logging.getLogger(__name__)
_POLL_S: Final = 0.2


class EmergencySwitch:
    """Checks repeatedly, in a separate thread, whether the file exists.

    Args:
        path: the file; its content does not matter.
        on_change: called after the file appeared or disappeared, in the thread that noticed it.
        poll_s: seconds between two checks.
    """

    def __init__(self, path: Path, on_change: Callable[[], None], *, poll_s: float = _POLL_S) -> None:
        self.path, self._on_change, self._poll_s = path, on_change, poll_s
        self.on = False  #: the last known result
        self._stop = threading.Event()
        self._look()
        self._thread = threading.Thread(target=self._keep_looking, name="migration-emergency", daemon=True)

    def start(self) -> None:
        """Start checking."""
        self._thread.start()

    def close(self) -> None:
        """Stop checking."""
        self._stop.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout=2.0)

    def _keep_looking(self) -> None:
        while not self._stop.wait(self._poll_s):
            if self._look():
                self._on_change()

    def _look(self) -> bool:
        """Check once; return whether the file appeared or disappeared.

        If the folder cannot be read, return False and keep the last result.
        """
        try:
            found = self._there()
        except OSError as error:
            logger.warning("emergency kill switch: %s cannot be checked (%s)", self.path, error.strerror)
            return False
        if found is self.on:
            return False
        self.on = found
        if found:
            logger.critical("emergency kill switch: %s exists; control serves on this host until it is removed", self.path)
        else:
            logger.warning("emergency kill switch: %s was removed; the flags apply again", self.path)
        return True

    def _there(self) -> bool:
        try:
            self.path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True
