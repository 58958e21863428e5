"""The flag file on disk: read whole, edited under a lock, replaced atomically."""

import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from migration.errors import FlagSourceError
from migration.flags.document import FlagDocument, default_document, parse_document, read_flags, render_document

_LOCK_RETRY_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What an edit found and what it left."""

    before: FlagDocument
    after: FlagDocument


class FlagFile:
    """One flag file and its editors.

    Args:
        path: the file; it need not exist yet.
        surfaces: surfaces that the file always describes, at `off` until somebody moves them.
        lock_timeout_s: seconds to wait for another editor.
        clock: monotonic seconds.
    """

    def __init__(
        self, path: Path, surfaces: Iterable[str], *, lock_timeout_s: float = 10.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.path = path
        self._surfaces = tuple(surfaces)
        self._lock_timeout_s = lock_timeout_s
        self._clock = clock

    def read(self) -> FlagDocument:
        """Return the flags in the file; without a file, those of a migration that has not begun.

        Raises:
            FlagSourceError: the file cannot be read or is not valid.
        """
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return default_document(self._surfaces)
        except OSError as error:
            raise FlagSourceError(f"{self.path}: {error.strerror}; check the path and its permissions") from error
        return self._parse(data)

    def edit(self, change: Callable[[FlagDocument], FlagDocument]) -> Edit:
        """Replace the file by a changed one; editors wait for each other, so no edit is lost. What `change` raises passes through.

        Raises:
            FlagSourceError: the file cannot be read, is not valid, cannot be written, or another editor holds it too long.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self._lock():
                before = self.read()
                data = render_document(change(before))
                after = self._parse(data)
                if after.raw != before.raw:
                    _replace(self.path, data)
        except OSError as error:
            raise FlagSourceError(f"{self.path}: cannot be written ({error.strerror}); check the folder's permissions") from error
        return Edit(before=before, after=after)

    def _parse(self, data: bytes) -> FlagDocument:
        try:
            return parse_document(read_flags(data), self._surfaces)
        except FlagSourceError as error:
            raise FlagSourceError(f"{self.path}: {error}; nothing was changed; repair the file or restore it") from None

    @contextmanager
    def _lock(self) -> Iterator[None]:
        # A file of its own, never removed: the flag file itself is replaced, so a lock on it would be a lock on an old one.
        lock = self.path.with_name(self.path.name + ".lock")
        with lock.open("a") as held:
            give_up = self._clock() + self._lock_timeout_s
            while True:
                try:
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if self._clock() >= give_up:
                        raise FlagSourceError(f"{lock}: another edit is under way for {self._lock_timeout_s:g} s; try again") from None
                    time.sleep(_LOCK_RETRY_S)
            yield


def _replace(path: Path, data: bytes) -> None:
    """Write `path` so that a reader sees the old or the new file, never a part of one, also after a power cut."""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
