"""The kernel's boundary around a process that runs engines: Linux allows what is on a list, and refuses everything else.

It uses two functions of Linux that a process without privileges can switch on for itself and never off again. seccomp allows the system
calls that are listed here, and stops any other call until the process outside has decided about it (`attempts.py`). So every attempt is
counted, no matter whether Python code, a driver in C or a thread makes it. Landlock allows only reading, and only of files below the import
path, even if a path changes while it is checked.
"""

import errno
import os
import resource
import socket
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import landlockpy
import msgspec
import seccompy
from landlockpy import AccessFS, Scope
from seccompy import Action, ArgCmp, CmpOp, Filter, FilterFlag

from migration.errors import BoundaryError

#: Calls that only concern the process itself: memory, its own threads, clocks, waiting, open files, names and sizes of files.
_ALLOWED: Final = """
    brk mmap mprotect munmap mremap madvise mincore membarrier rseq set_robust_list get_robust_list set_tid_address arch_prctl
    futex futex_waitv futex_wait futex_wake futex_requeue sched_yield sched_getaffinity sched_getparam sched_getscheduler
    sched_get_priority_max sched_get_priority_min getpriority getcpu exit exit_group
    rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait sigaltstack restart_syscall pause
    clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time times getrusage getrlimit sysinfo uname getrandom
    getpid getppid gettid getuid geteuid getgid getegid getresuid getresgid getgroups getpgid getpgrp getsid capget
    read readv pread64 preadv preadv2 lseek close close_range dup dup2 dup3 pipe pipe2 eventfd eventfd2
    epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 poll ppoll select pselect6
    timerfd_create timerfd_settime timerfd_gettime
    stat fstat lstat newfstatat statx access faccessat faccessat2 readlink readlinkat getdents64 getcwd statfs fstatfs fadvise64
    socketpair recvfrom recvmsg getsockopt getsockname getpeername shutdown
""".split()  # noqa: SIM905 - by kind, a line each
_FCNTL: Final = (0, 1, 2, 3, 4, 1030, 1032)  # F_DUPFD F_GETFD F_SETFD F_GETFL F_SETFL F_DUPFD_CLOEXEC F_GETPIPE_SZ, from <linux/fcntl.h>
_IOCTL: Final = (0x5450, 0x5451, 0x5421, 0x541B, 0x5401, 0x5413)  # FIONCLEX FIOCLEX FIONBIO FIONREAD TCGETS TIOCGWINSZ
_PRCTL: Final = (15, 16, 0x53564D41)  # PR_SET_NAME PR_GET_NAME PR_SET_VMA, from <linux/prctl.h>
_CLONE_THREAD: Final = 0x00010000
_MAP_SHARED, _MAP_ANONYMOUS, _PROT_WRITE = 0x01, 0x20, 0x2
_STDERR: Final = 2
_GET_NOTIF_SIZES: Final = 3  # SECCOMP_GET_NOTIF_SIZES: the library asks for it once the filter is in place

#: In addition to the import path: shared libraries, time zones, certificates, and what the kernel shows about this process and the machine.
_SYSTEM: Final = (
    "/usr", "/lib", "/lib64", "/etc/ssl", "/etc/localtime", "/etc/ld.so.cache", "/etc/mime.types", "/dev/null", "/dev/urandom",
    "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys/kernel", "/proc/sys/vm", "/sys/devices/system/cpu",
    "/sys/fs/cgroup",
)  # fmt: skip
_LISTING: Final = AccessFS.READ_DIR
_READING: Final = AccessFS.READ_DIR | AccessFS.READ_FILE


def readable(home: Path) -> tuple[list[str], list[str]]:
    """Return what a sealed process may read: (files, and folders with everything in them; folders of which it may only list the entries).

    If a folder on the import path belongs to a project and not to Python, its hidden entries are left out, and so is `home`, which contains
    keys and databases.
    """
    own = {os.path.realpath(path) for path in (sys.prefix, sys.base_prefix, *sysconfig.get_paths().values())}
    whole, listed = [path for path in (*_SYSTEM, *sorted(own)) if os.path.exists(path)], []  # noqa: PTH110 - as strings throughout
    kept = os.path.realpath(home)
    for entry in dict.fromkeys(os.path.realpath(path) for path in sys.path if path):
        if any(_beneath(entry, folder) for folder in whole):
            found = (path for path in _linked(entry) if not any(_beneath(path, one) for one in (*whole, kept)))
            whole += sorted(path for path in found if not _beneath(kept, path))
            continue
        if not os.path.isdir(entry):  # noqa: PTH112 - a string
            whole += [entry] * os.path.exists(entry)  # noqa: PTH110 - a string
            continue
        listed.append(entry)
        found = (item.path for item in os.scandir(entry) if not item.name.startswith("."))
        whole += sorted(path for path in found if not _beneath(kept, os.path.realpath(path)))
    return whole, listed


def _linked(folder: str) -> Iterator[str]:
    """Yield the folders of packages that an installer linked instead of copying them."""
    if os.path.isdir(folder):  # noqa: PTH112 - a string
        links = (os.path.realpath(item.path) for item in os.scandir(folder) if item.is_symlink())
        yield from (path for path in links if os.path.exists(path))  # noqa: PTH110 - a string


def _beneath(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def seal(control: socket.socket, home: Path) -> None:
    """Close the boundary around the calling thread and everything that it starts from here on. There is no way back.

    Args:
        control: sends the process outside the descriptor on which the kernel asks it, and the list of readable files; closed afterwards.
        home: the folder whose files may not be read.

    Raises:
        BoundaryError: the kernel does not support this; the message says what it lacks.
    """
    # Called first also because both libraries look for libc at their first use, and to do so they start a program.
    if lacking := boundary_gap():
        raise BoundaryError(lacking)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would contain messages of users
    whole, listed = readable(home)
    try:
        _seal_files(whole, listed)
        listener = _filter(control.fileno()).load()
    except (landlockpy.LandlockError, landlockpy.UnsupportedError) as error:
        raise BoundaryError(f"Landlock: {error.strerror or error}") from error
    except (seccompy.SeccompError, seccompy.UnsupportedError) as error:
        raise BoundaryError(f"seccomp: {error.strerror or error}") from error
    if listener is None:  # pragma: no cover - a filter that asks for a listener has one
        raise BoundaryError("seccomp: no listener")
    socket.send_fds(control, [msgspec.json.encode((whole, listed))], [listener.fileno()])
    listener.close()
    control.close()


def _seal_files(whole: list[str], listed: list[str]) -> None:
    with landlockpy.Ruleset(scoped=Scope.ABSTRACT_UNIX_SOCKET | Scope.SIGNAL) as rules:
        for path in (*whole, f"/proc/{os.getpid()}"):
            rules.allow_path(path, _READING if os.path.isdir(path) else AccessFS.READ_FILE)  # noqa: PTH112 - a string
        for path in listed:
            rules.allow_path(path, _LISTING)
        # The only writable file: what is written there is discarded.
        rules.allow_path(os.devnull, AccessFS.READ_FILE | AccessFS.WRITE_FILE)
        rules.restrict()


def _filter(control_fd: int) -> Filter:
    rules = Filter(default=Action.USER_NOTIF, flags=FilterFlag.NEW_LISTENER)
    # Memory that is mapped writable onto a file, so that other processes see the writes. If several rules match a call, the first one
    # counts.
    shared = ArgCmp(3, CmpOp.MASKED_EQ, _MAP_SHARED, mask=_MAP_SHARED | _MAP_ANONYMOUS)
    rules.notify("mmap", args=[ArgCmp(2, CmpOp.MASKED_EQ, _PROT_WRITE, mask=_PROT_WRITE), shared])
    for call in _known(_ALLOWED):
        rules.allow(call)
    for call, index, values in (("fcntl", 1, _FCNTL), ("ioctl", 1, _IOCTL), ("prctl", 0, _PRCTL)):
        for value in values:
            # The kernel reads only the lower 32 bits of such an argument.
            rules.allow(call, args=[ArgCmp(index, CmpOp.MASKED_EQ, value, mask=0xFFFFFFFF)])
    # New threads, but not new processes.
    rules.allow("clone", args=[ArgCmp(0, CmpOp.MASKED_EQ, _CLONE_THREAD, mask=_CLONE_THREAD)])
    # Writing to its own pipes, but not to stdout and stderr, which may be a service's log.
    for call in ("write", "writev"):
        rules.allow(call, args=[ArgCmp(0, CmpOp.GT, _STDERR)])
    # Without an address, data is sent to the other end of a socket pair: other sockets cannot be connected.
    rules.allow("sendto", args=[ArgCmp(4, CmpOp.EQ, 0)])
    rules.allow("sendmsg", args=[ArgCmp(0, CmpOp.EQ, control_fd)])
    rules.allow("seccomp", args=[ArgCmp(0, CmpOp.EQ, _GET_NOTIF_SIZES)])
    # Reading and setting its own limits.
    rules.allow("prlimit64", args=[ArgCmp(0, CmpOp.EQ, 0)])
    # A process ends itself by a signal to itself.
    rules.allow("tgkill", args=[ArgCmp(0, CmpOp.EQ, os.getpid())])
    return rules


def _known(calls: list[str]) -> Iterator[str]:
    """Yield the calls that this machine's kind of processor has."""
    for call in calls:
        try:
            seccompy.syscall_nr(call)
        except ValueError:
            continue
        yield call


def boundary_gap() -> str | None:
    """Return what the kernel lacks for a boundary, in words; None: nothing."""
    try:
        if landlockpy.abi_version() < 1:
            return "Landlock"
    except (landlockpy.LandlockError, landlockpy.UnsupportedError) as error:
        return f"Landlock ({os.strerror(error.errno or errno.ENOSYS)})"
    if not (seccompy.supported() and seccompy.action_supported(Action.USER_NOTIF)):
        return "seccomp with user notification"
    return None
