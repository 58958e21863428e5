"""Follows a file through links, replaced folders and replaced files. A file that cannot be read now is tried again."""

import logging
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from migration.errors import FlagSourceError

logger = logging.getLogger(__name__)
_LIMIT: Final = 64 * 2**20  #: bytes; a larger file is not a flag file

Signature = tuple[int, ...]


def read_if_changed(path: Path, seen: Signature | None = None) -> tuple[Signature, bytes | None]:
    """Return the signature of the file at the path, and its content; None instead of the content if the signature equals `seen`.

    Raises:
        FlagSourceError: the file cannot be read, is not a regular file, or is too large.
    """
    try:
        # Opened without blocking, because the path may lead to a pipe.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            # The status is of the open file, not of the path, because the file may be replaced between two calls.
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise FlagSourceError("it is not a file; check the path")
            if found.st_size > _LIMIT:
                raise FlagSourceError(f"it is larger than {_LIMIT // 2**20} MiB; check the path")
            signature = (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size)
            return signature, None if signature == seen else file.read(_LIMIT)
    except FileNotFoundError:
        raise FlagSourceError("it does not exist; restore it, or check the path") from None
    except IsADirectoryError:
        raise FlagSourceError("it is not a file; check the path") from None
    except OSError as error:
        raise FlagSourceError(f"it cannot be read ({error.strerror}); check its owner and permissions") from None


class Follower:
    """Checks a file repeatedly, in a separate thread.

    Args:
        path: the file; it need not exist yet.
        poll_s: seconds between two checks.
        take: called with new content; if it raises FlagSourceError, it is called again at the next check.
        good: called if the file can be read and has nothing new.
        down: called with the reason if the content cannot be read or used.
    """

    def __init__(
        self, path: Path, poll_s: float, *, take: Callable[[bytes], None], good: Callable[[], None], down: Callable[[str], None]
    ) -> None:
        self._path, self._poll_s, self._take, self._good, self._down = path, poll_s, take, good, down
        self._stop = threading.Event()
        self._seen: Signature | None = None
        self._thread = threading.Thread(target=self._keep_looking, name=f"migration-follows-{path.name}", daemon=True)

    def start(self) -> None:
        """Check once, then keep checking."""
        self.look()
        self._thread.start()

    def stop(self) -> None:
        """Stop checking; a check in progress finishes."""
        self._stop.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout=2.0)

    def look(self) -> None:
        """Check once, and pass new content to `take`. Never raises."""
        try:
            signature, content = read_if_changed(self._path, self._seen)
            if content is None:
                self._good()
            else:
                self._take(content)
            self._seen = signature
        except FlagSourceError as error:
            self._fail(str(error))
        except Exception as error:
            logger.exception("the check of %s failed", self._path)
            self._fail(f"it cannot be used ({type(error).__name__})")

    def _keep_looking(self) -> None:
        while not self._stop.wait(self._poll_s):
            self.look()

    def _fail(self, problem: str) -> None:
        self._seen = None  # the content may become valid later without a change
        self._down(problem)
