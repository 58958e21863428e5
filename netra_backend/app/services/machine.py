"""Resources that the machine may run out of: space and permission to write, descriptors, memory. Each resource is tried or measured."""

import contextlib
import errno
import os
import resource
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

#: Bytes written to test for free space: about as many as a database page and its log need.
_PROBE_BYTES: Final = 64 * 2**10
#: Descriptors that must be free: a connection, its file and its database each need one.
_SPARE_DESCRIPTORS: Final = 8
#: From this share of the memory limit on, the process should get no new work.
_FULL: Final = 0.95
_CGROUP: Final = Path("/sys/fs/cgroup")
_ADVICE: Final[Mapping[int, str]] = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "the quota is used up; raise it, or free some space",
    errno.EROFS: "the file system is read-only; mount it for writing",
    errno.EACCES: "it may not be written; check its owner and mode",
    errno.EPERM: "it may not be written; check its owner and mode",
    errno.ENOENT: "the folder is missing; mount it, or create it",
    errno.EMFILE: "no descriptors are left; raise the limit (ulimit -n), or run more processes",
    errno.ENFILE: "the machine has no descriptors left",
    errno.EIO: "the disk has an input/output error",
}


class Machine:
    """The resources that one process has left.

    Args:
        home: the folder into which the process writes.
        memory: a function that returns the bytes in use and the limit, or None without a limit; by default `memory_of_process`.
    """

    def __init__(self, home: Path, memory: Callable[[], tuple[int, int] | None] | None = None) -> None:
        self._home, self._memory = home, memory or memory_of_process

    def state(self) -> dict[str, str]:
        """Return "ok", or what is used up and what to do, for "home", "descriptors" and "memory".

        Writes a file, so do not call it on the event loop.
        """
        return {"home": self._of_home(), "descriptors": _of_descriptors(), "memory": self._of_memory()}

    def _of_home(self) -> str:
        probe = self._home / f".room-{os.getpid()}"
        try:
            descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                data = memoryview(bytes(_PROBE_BYTES))
                while data:
                    data = data[os.write(descriptor, data) :]
                os.fsync(descriptor)  # some file systems report an error only here
            finally:
                os.close(descriptor)
        except OSError as error:
            return _advice(error)
        finally:
            with contextlib.suppress(OSError):
                probe.unlink()
        return "ok"

    def _of_memory(self) -> str:
        measured = self._memory()
        if measured is None or measured[0] < measured[1] * _FULL:
            return "ok"
        used, limit = measured
        return f"{used / limit:.0%} of the memory limit is used; raise the limit, or run more processes"


def _of_descriptors() -> str:
    with contextlib.ExitStack() as opened:
        try:
            for _ in range(_SPARE_DESCRIPTORS):
                opened.enter_context(_descriptor())
        except OSError as error:
            return _advice(error)
    return "ok"


@contextlib.contextmanager
def _descriptor() -> Iterator[None]:
    descriptor = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield
    finally:
        os.close(descriptor)


def _advice(error: OSError) -> str:
    return _ADVICE.get(error.errno or 0, f"it cannot be written: {errno.errorcode.get(error.errno or 0, type(error).__name__)}")


def memory_of_process() -> tuple[int, int] | None:
    """Return the bytes in use and the limit of the control group, or else of the address space.

    None: there is no limit that can be read.
    """
    with contextlib.suppress(OSError, ValueError):
        limit = (_CGROUP / "memory.max").read_text(encoding="ascii").strip()
        if limit != "max":
            return int((_CGROUP / "memory.current").read_text(encoding="ascii")), int(limit)
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft == resource.RLIM_INFINITY:
        return None
    with contextlib.suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        return pages * os.sysconf("SC_PAGE_SIZE"), soft
    return None
