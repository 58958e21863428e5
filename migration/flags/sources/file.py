"""Follows LaunchDarkly's flag file: through links, swapped folders and replaced files; what is half written waits until it is whole."""

import logging
import os
import stat
import threading
from pathlib import Path
from typing import Final

from ldclient import Config
from ldclient.interfaces import UpdateProcessor

from migration.errors import FlagSourceError
from migration.flags.data import read_flag_data
from migration.flags.intake import FlagIntake

logger = logging.getLogger(__name__)
_SILENCE_S: Final = 5.0  #: at least; a look that takes longer is a disk that does not answer
_LIMIT: Final = 64 * 2**20  #: bytes of a flag file

Signature = tuple[int, ...]


class FlagFile:
    """The `FlagSource` of a flag file.

    Args:
        path: the file; it need not exist yet.
        poll_s: seconds between two looks.
    """

    def __init__(self, path: Path, *, poll_s: float) -> None:
        self.path, self._poll_s = path, poll_s
        self.name = f"file:{path}"

    def processor(self, _config: Config, intake: FlagIntake, ready: threading.Event, /) -> UpdateProcessor:
        """Return what looks at the file again and again, in a thread of its own."""
        intake.silence_s = max(_SILENCE_S, 5 * self._poll_s)
        return _Looks(self.path, self._poll_s, intake, ready)


def read_flag_file(path: Path, seen: Signature | None = None) -> tuple[Signature, bytes | None]:
    """Return the signature of the file that the path leads to, and its content; None instead of that when the signature is `seen`.

    Raises:
        FlagSourceError: it cannot be read, is not a regular file, or is too large.
    """
    try:
        # Without blocking: the path may lead to a pipe.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            # Of the open file, not of the path: it may be replaced between two calls.
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise FlagSourceError("it is not a file; check the path")
            if found.st_size > _LIMIT:
                raise FlagSourceError(f"it is larger than {_LIMIT // 2**20} MiB; check the path")
            signature = (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size)
            return signature, None if signature == seen else file.read(_LIMIT)
    except FileNotFoundError:
        raise FlagSourceError("it is not there; put it back, or check the path") from None
    except OSError as error:
        raise FlagSourceError(f"it cannot be read ({error.strerror}); check its owner and permissions") from None


class _Looks(UpdateProcessor):
    def __init__(self, path: Path, poll_s: float, intake: FlagIntake, ready: threading.Event) -> None:
        self._path, self._poll_s, self._intake, self._ready = path, poll_s, intake, ready
        self._stop = threading.Event()
        self._seen: Signature | None = None
        self._thread = threading.Thread(target=self._keep_looking, name="migration-flags", daemon=True)

    def start(self) -> None:
        """Look once, then keep looking."""
        self._look()
        self._ready.set()
        self._thread.start()

    def stop(self) -> None:
        """Stop looking."""
        self._stop.set()

    def initialized(self) -> bool:
        """Whether flags were ever read."""
        return self._intake.taken

    def _keep_looking(self) -> None:
        while not self._stop.wait(self._poll_s):
            self._look()

    def _look(self) -> None:
        """Look once; take what is new. Never raises."""
        try:
            signature, raw = read_flag_file(self._path, self._seen)
            if raw is None:
                self._intake.good()
            else:
                self._intake.take(*read_flag_data(raw))
            self._seen = signature
        except FlagSourceError as error:
            self._fail(str(error))
        except Exception as error:
            logger.exception("flags: looking at %s failed", self._path)
            self._fail(f"it cannot be taken over ({type(error).__name__})")

    def _fail(self, problem: str) -> None:
        self._seen = None  # it may become good again as the same file
        self._intake.down(problem)
