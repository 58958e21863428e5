"""Decides about system calls of a sealed process that are not on its list: reads below the import path continue, others are attempts."""

import errno
import os
import re
import select
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

import seccompy
from seccompy.notify import Listener, Notification, RespFlag

_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_AT_FDCWD: Final = 0xFFFFFF9C  # -100 as 32 bits
_LOWER: Final = 0xFFFFFFFF
_PATH_BYTES: Final = 4096
_CLONE_THREAD: Final = 0x00010000
_OWN: Final = re.compile(r"/proc/(?:self|thread-self)(?=/|\Z)")
#: At most this many attempts of a run are named; further ones are only counted.
_NAMED: Final = 100


@dataclass(slots=True)
class Attempts:
    """The names of the contacts that were refused since the last reading."""

    names: list[str] = field(default_factory=list)
    more: int = 0  #: attempts beyond those in `names`
    paths: bool = True  #: whether names contain the file's path; False once a path could contain data of a run

    def add(self, name: str, path: str | None = None) -> None:
        """Count one attempt."""
        if len(self.names) < _NAMED:
            self.names.append(f"{name} {path}" if path and self.paths else name)
        else:
            self.more += 1

    def take(self) -> tuple[tuple[str, ...], int]:
        """Return the names and the number of further attempts, and begin to count from zero."""
        taken = tuple(self.names), self.more
        self.names, self.more = [], 0
        return taken


class Judge:
    """Answers the kernel's questions about the calls of one sealed process. Never waits.

    Args:
        listener: the descriptor on which the kernel asks.
        pid: the process's id.
        readable: files and folders that the process may read, folders with everything in them.
        listed: folders of which it may only list the entries.
        attempts: counts the calls that are refused.
    """

    def __init__(self, listener: Listener, pid: int, readable: Collection[str], listed: Collection[str], attempts: Attempts) -> None:
        self._listener, self._pid, self._attempts = listener, pid, attempts
        self._readable = frozenset([*readable, f"/proc/{pid}"])
        self._listed = frozenset(listed)
        self._poll = select.poll()
        self._poll.register(listener.fileno(), select.POLLIN)

    def fileno(self) -> int:
        """Return the descriptor that is readable while there is a question."""
        return self._listener.fileno()

    def close(self) -> None:
        """Stop answering: what the process still asks for fails."""
        self._listener.close()

    def answer(self) -> bool:
        """Take one question and answer it; return False if there is none. A process that died meanwhile needs no answer."""
        # Checked separately: the descriptor is also readable when the process is gone, and reading a question might then wait endlessly.
        if not any(event & select.POLLIN for _fd, event in self._poll.poll(0)):
            return False
        try:
            asked = self._listener.recv()
            refused = self._refused(asked)
            if refused is None:
                # Landlock decides after this, because the process may have changed the path since it was read.
                self._listener.respond(asked.id, flags=RespFlag.CONTINUE)
            else:
                self._listener.respond(asked.id, error=refused)
        except seccompy.SeccompError as error:
            if error.errno != errno.ENOENT:
                raise
        return True

    def _refused(self, asked: Notification) -> int | None:
        """Count an attempt and return the error that the process gets; None: it is not an attempt, and the kernel continues."""
        name = _name(asked.nr)
        if name in {"open", "openat"}:
            return self._opening(name, asked)
        if name == "clone3":
            # glibc starts threads with this call, and a filter cannot see its flags. If this call is reported as unknown, it uses `clone`,
            # whose flags can be filtered.
            if self._clone_flags(asked) & _CLONE_THREAD:
                return errno.ENOSYS
            self._attempts.add(name)
            return errno.EPERM
        self._attempts.add(name)
        return errno.EPERM

    def _opening(self, name: str, asked: Notification) -> int | None:
        at, address, flags = (_AT_FDCWD, *asked.args[:2]) if name == "open" else asked.args[:3]
        path = self._path(asked.pid, at & _LOWER, address)
        if flags & _WRITING:
            if path == os.devnull:
                return None
            self._attempts.add("open for writing", path)
            return errno.EACCES
        if path is None or self._may_read(path):
            return None
        if not os.path.lexists(path):
            # The file does not exist. When libraries are loaded or first used, they look for configuration files in the place where they
            # were built. The run that served got the same error.
            return errno.ENOENT
        self._attempts.add("open for reading", path)
        return errno.EACCES

    def _may_read(self, path: str) -> bool:
        if path in self._listed:
            return True
        while path not in self._readable:
            parent = os.path.dirname(path)  # noqa: PTH120 - as strings: no file is touched
            if parent == path:
                return False
            path = parent
        return True

    def _path(self, thread: int, at: int, address: int) -> str | None:
        """Return the absolute path that a thread named, links resolved; None: its memory cannot be read, so only Landlock decides."""
        try:
            with open(f"/proc/{thread}/mem", "rb", buffering=0) as memory:  # noqa: PTH123 - one read of a kernel file
                named = os.fsdecode(_text(memory.fileno(), address))
            base = os.readlink(f"/proc/{thread}/cwd" if at == _AT_FDCWD else f"/proc/{thread}/fd/{at}")  # noqa: PTH115 - as strings
        except (OSError, OverflowError):
            return None
        return os.path.realpath(os.path.join(base, _OWN.sub(f"/proc/{self._pid}", named)))  # noqa: PTH118 - names of another process, as it gave them

    def _clone_flags(self, asked: Notification) -> int:
        try:
            with open(f"/proc/{asked.pid}/mem", "rb", buffering=0) as memory:  # noqa: PTH123 - as above
                return int.from_bytes(os.pread(memory.fileno(), 8, asked.args[0]), "little")
        except (OSError, OverflowError):
            return 0


def _text(memory: int, address: int) -> bytes:
    """Return the zero-terminated text at an address. It is read in two steps, because the memory after it may not be mapped."""
    rest = _PATH_BYTES - address % _PATH_BYTES
    found = os.pread(memory, rest, address)
    if b"\0" not in found:
        found += os.pread(memory, _PATH_BYTES, address + rest)
    return found.partition(b"\0")[0]


def _name(number: int) -> str:
    try:
        return seccompy.syscall_name(number)
    except ValueError:
        return f"system call {number}"
