"""Edits the flag file under a lock and atomically. Links are followed, and text outside the edited flag keeps every character."""

import fcntl
import json
import os
import stat
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from migration.errors import EditConflictError, FlagSourceError
from migration.flags.editors.editor import FlagRead, what_changed
from migration.flags.editors.splice import spliced
from migration.flags.meaning.data import FlagData, read_flag_data

_LOCK_RETRY_S: Final = 0.02
_NEW_MODE: Final = 0o644


class FileEditor:
    """The editor of one flag file, in any of the forms that `read_flag_data` reads.

    Args:
        path: the file, or a link to it; it need not exist yet.
        lock_timeout_s: seconds to wait for another editor.
    """

    def __init__(self, path: Path, *, lock_timeout_s: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.path, self.name = path, f"file:{path}"
        self._lock_timeout_s, self._clock = lock_timeout_s, clock

    def read(self) -> FlagRead:
        """Return the flags in the file; without a file there are none.

        Raises:
            FlagSourceError: the file cannot be read, or nothing in it is valid.
        """
        return self._read(self._real())

    def write(self, read: FlagRead, key: str, flag: Mapping[str, Any], *, comment: str) -> FlagRead:  # noqa: ARG002 - a file stores none
        """Put the flag into the file. See `FlagEditor`."""
        return self._edit(read, lambda now: _with_flag(now, key, flag))

    def remove(self, read: FlagRead, keys: Collection[str]) -> FlagRead:
        """Remove these flags, which are no longer used, from the file. Raises the same errors as `write`."""
        return self._edit(read, lambda now: _without_flags(now or b"{}", frozenset(keys)))

    def _edit(self, read: FlagRead, change: Callable[[bytes | None], bytes]) -> FlagRead:
        try:
            real = self._real()
            if not self.path.is_symlink():
                real.parent.mkdir(parents=True, exist_ok=True)
            with self._lock(real):
                if self._real() != real or (now := _bytes(real)) != read.raw:
                    raise EditConflictError(self.name, what_changed(read.data, self.read().data))
                _replace(real, change(now))
                return self._read(real)
        except OSError as error:
            raise FlagSourceError(f"{self.path}: cannot be written ({error.strerror}); nothing was changed; {_advice(error)}") from error

    def _read(self, real: Path) -> FlagRead:
        try:
            raw = _bytes(real)
        except OSError as error:
            raise FlagSourceError(f"{self.path}: {error.strerror}; check the path and its permissions") from error
        if raw is None and self.path.is_symlink():
            raise FlagSourceError(
                f"{self.path}: it is a link to {real}, which does not exist; restore it, or point the link at the flag file"
            )
        if raw is None:
            return FlagRead(data=FlagData(), token=real, raw=None)
        try:
            data, problems = read_flag_data(raw)
        except FlagSourceError as error:
            raise FlagSourceError(f"{self.path}: {error}; nothing was changed") from None
        return FlagRead(data=data, token=real, raw=raw, problems=problems)

    def _real(self) -> Path:
        """Return the file behind all links. The link itself is never replaced."""
        try:
            return self.path.resolve()
        except (OSError, RuntimeError) as error:  # 3.11 raises RuntimeError for a circle of links
            raise FlagSourceError(f"{self.path}: its link leads in a circle; point it at the flag file") from error

    @contextmanager
    def _lock(self, real: Path) -> Iterator[None]:
        # The lock is a separate file that is never removed. Each edit replaces the flag file itself, so a lock on the flag file would lock
        # an old version of it.
        lock = real.with_name(real.name + ".lock")
        handle = _open_lock(lock, real)
        try:
            give_up = self._clock() + self._lock_timeout_s
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if self._clock() >= give_up:
                        raise FlagSourceError(
                            f"{lock}: another edit has been in progress for {self._lock_timeout_s:g} s; try again"
                        ) from None
                    time.sleep(_LOCK_RETRY_S)
            yield
        finally:
            os.close(handle)


def _bytes(path: Path) -> bytes | None:
    """Return the content of the file; None: the file does not exist. Raises OSError."""
    try:
        # Opened without blocking, because a named pipe in place of the file would make an editor wait forever.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with open(handle, "rb") as file:  # noqa: PTH123 - of the open file, not of the path
        if stat.S_ISDIR(mode := os.fstat(handle).st_mode):
            raise IsADirectoryError(21, "Is a directory")
        if not stat.S_ISREG(mode):
            raise OSError(22, "not a regular file")
        return file.read()


def _with_flag(raw: bytes | None, key: str, flag: Mapping[str, Any]) -> bytes:
    """Return the file's text with the flag in it; a new file if there is no `raw`."""
    if raw is None:
        return (json.dumps({"flags": {key: flag}}, ensure_ascii=False, indent=2) + "\n").encode()
    encoding = json.detect_encoding(raw)
    text = raw.decode(encoding, "surrogatepass")
    return spliced(text, _placed(json.loads(text), key, flag)).encode(encoding, "surrogatepass")


def _without_flags(raw: bytes, keys: frozenset[str]) -> bytes:
    """Return the file's text without these flags."""
    encoding = json.detect_encoding(raw)
    text = raw.decode(encoding, "surrogatepass")
    return spliced(text, _bereft(json.loads(text), keys)).encode(encoding, "surrogatepass")


def _bereft(whole: dict[str, Any], keys: frozenset[str]) -> dict[str, Any]:
    if "flags" not in whole and isinstance(whole.get("data"), dict):
        return {**whole, "data": _bereft(whole["data"], keys)}
    left = dict(whole)
    for name in ("flags", "flagValues"):
        if isinstance(found := whole.get(name), list):
            left[name] = [one for one in found if one.get("key") not in keys]
        elif isinstance(found, dict):
            left[name] = {key: value for key, value in found.items() if key not in keys}
    return left


def _placed(whole: dict[str, Any], key: str, flag: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document with the flag.

    It is put where this kind of document has flags: in an object or a list, at the top level or under `data`.
    """
    if "flags" not in whole and isinstance(whole.get("data"), dict):
        return {**whole, "data": _placed(whole["data"], key, flag)}
    flags, values = whole.get("flags"), whole.get("flagValues")
    if isinstance(flags, list):
        old = next((one for one in reversed(flags) if one.get("key") == key), None)
        placed = [_newer(one, flag) if one is old else one for one in flags if one is old or one.get("key") != key]
        return {**whole, "flags": placed if old is not None else [*flags, dict(flag)]}
    new = {**whole, "flags": {**(flags or {}), key: _newer((flags or {}).get(key), flag)}}
    if isinstance(values, dict) and key in values:
        # LaunchDarkly's own file source refuses a file that has the short form of a flag and also the whole flag.
        new["flagValues"] = {name: value for name, value in values.items() if name != key}
    return new


def _newer(old: object, flag: Mapping[str, Any]) -> dict[str, Any]:
    """Return the flag with a version above that of the flag it replaces, which may be invalid."""
    version = old.get("version") if isinstance(old, dict) else None
    least = version + 1 if isinstance(version, int) and old != flag else 0
    return {**flag, "version": max(flag.get("version", 0), least)}


def _open_lock(lock: Path, real: Path) -> int:
    """Open the lock file, with access for all who may edit the flag file. Raises OSError."""
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except PermissionError:
        return os.open(lock, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)  # reading is enough to lock a file
    owner = _owner(real)
    with suppress(PermissionError):  # the lock file belongs to another user, who already gave it this access
        if (found := os.fstat(handle)).st_uid != owner.st_uid or found.st_gid != owner.st_gid:
            os.fchown(handle, owner.st_uid, owner.st_gid)
        os.fchmod(handle, (stat.S_IMODE(owner.st_mode) if stat.S_ISREG(owner.st_mode) else _NEW_MODE) & 0o666)
    return handle


def _owner(real: Path) -> os.stat_result:
    """Return the file's status.

    Without a file, return its folder's status, because a first file gets the owner of its folder. Raises OSError.
    """
    return real.stat() if real.exists() else real.parent.stat()


def _replace(real: Path, data: bytes) -> None:
    """Write the file so that a reader sees the old or the new version and never a part, even after a power failure.

    Owner, group, mode and access lists are kept. If an error is raised, the file is unchanged.

    Raises:
        FlagSourceError: the file has several hard links, and an edit would change only one of them.
        OSError: the file cannot be written.
    """
    old = real.stat() if real.exists() else None
    if old is not None and old.st_nlink > 1:
        raise FlagSourceError(
            f"{real}: has {old.st_nlink} names (hard links), and an edit would change only one of them; make the others symbolic links"
        )
    handle, name = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            _keep_owner(file.fileno(), real, old)
            os.fsync(file.fileno())
        temporary.replace(real)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(real.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _keep_owner(handle: int, real: Path, old: os.stat_result | None) -> None:
    """Give the new file the owner, group, mode and attributes of the file that it replaces."""
    owner, mine = old or real.parent.stat(), os.fstat(handle)
    if (owner.st_uid, owner.st_gid) != (mine.st_uid, mine.st_gid):
        try:
            os.fchown(handle, owner.st_uid, owner.st_gid)
        except PermissionError:
            if old is not None:
                raise FlagSourceError(
                    f"{real}: belongs to user {old.st_uid}, group {old.st_gid}, and an edit by user {mine.st_uid} would change that; "
                    "run this command as its owner or as root; nothing was changed"
                ) from None
    # The mode is set after the owner, because a change of the owner clears mode bits.
    os.fchmod(handle, _NEW_MODE if old is None else stat.S_IMODE(old.st_mode))
    if old is not None:
        for name in os.listxattr(real):
            if name.startswith(("user.", "system.")):
                os.setxattr(handle, name, os.getxattr(real, name))


def _advice(error: OSError) -> str:
    if error.errno in {30, 16}:  # EROFS, EBUSY
        return "the file is mounted from elsewhere, like a ConfigMap: edit it there, or mount the folder that contains it"
    return "check the folder's permissions and its free space"
