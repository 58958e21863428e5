"""Refuses contact with the outside by the interpreter's own audit events, so that "a shadow performs no effect" is enforced, not assumed.

Use it only in processes that only replay: an audit hook cannot be removed again (PEP 578). While `sealed`, connecting, looking up names,
starting
programs, and opening or changing files for writing are refused with an `EffectMissingError`, and counted. Effects that the miss policy
permits are performed in a separate thread (`reads.py`), which was started before the seal.
"""

import contextlib
import os
import sys
import threading
import weakref
from collections.abc import Iterator
from typing import Final

from migration.effects.journals.advice import port_for
from migration.errors import EffectMissingError

_CONTACTS: Final = frozenset(
    {
        "socket.connect",
        "socket.sendto",
        "socket.sendmsg",
        "socket.bind",
        "socket.getaddrinfo",
        "socket.gethostbyname",
        "socket.gethostbyaddr",
        "subprocess.Popen",
        "os.system",
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.spawn",
        "os.kill",
        "os.remove",
        "os.rename",
        "os.rmdir",
        "os.mkdir",
        "os.link",
        "os.symlink",
        "os.truncate",
        "os.chmod",
        "os.chown",
        "sqlite3.connect",
        "database.write",  # an attempt that `sql` reports: a replay's connection does not reach a database, so nothing else would count it
    }
)
_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Guard:
    """Watches this process.

    Threads that existed when the guard was made are trusted, except the main thread: exporters and permitted reads run in them.

    Args:
        trust_kin: whether threads are trusted that a trusted thread starts, because a database's driver may have one for each connection.
    """

    def __init__(self, *, trust_kin: bool = False) -> None:
        self._sealed = False
        # Thread objects and not identifiers, because the identifier of an ended thread is used again.
        self._trusted = weakref.WeakSet(thread for thread in threading.enumerate() if thread is not threading.main_thread())
        self._refused: list[str] = []
        if trust_kin:
            self._adopt_kin()
        sys.addaudithook(self._audit)

    @contextlib.contextmanager
    def sealed(self) -> Iterator[list[str]]:
        """Refuse contact inside the block. Yields the list to which the names of refused contacts are added."""
        self._refused = []
        self._sealed = True
        try:
            yield self._refused
        finally:
            self._sealed = False

    def _audit(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self._sealed or not (event in _CONTACTS or (event == "open" and _writes(arguments))):
            return
        if self._is_trusted():
            return
        self._refused.append(event)
        raise EffectMissingError("outside", event, "", f"a shadow performs no effect; {port_for(event)}")

    def _adopt_kin(self) -> None:
        """Trust a thread that a trusted one starts, from before it runs."""
        start = threading.Thread.start

        def started(thread: threading.Thread) -> None:
            if self._is_trusted():
                self._trusted.add(thread)
            start(thread)

        # The audit event `_thread.start_new_thread` would be suitable, but Python 3.11 does not raise it.
        threading.Thread.start = started  # type: ignore[method-assign, assignment]

    def _is_trusted(self) -> bool:
        return threading.current_thread() in self._trusted


def _writes(arguments: tuple[object, ...]) -> bool:
    path, _mode, flags = arguments
    # Wrapping a descriptor that is already open opens nothing.
    return isinstance(flags, int) and bool(flags & _WRITING) and not isinstance(path, int) and path != os.devnull
