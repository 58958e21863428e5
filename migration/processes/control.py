"""The loopback socket of each serving process: it sends the process' row to any client, also while the database is down. The sockets are in
`home`/processes, are readable only by the owner, and accept no commands.
"""

import contextlib
import logging
import os
import re
import selectors
import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from migration.processes.row import ProcessRow, decode_row, encode_row

logger = logging.getLogger(__name__)
_SOCKET = re.compile(r"(\d+)\.sock")
_SEND_S: Final = 1.0
_MOST_BYTES: Final = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The answers of this host's processes."""

    rows: tuple[ProcessRow, ...]
    silent: tuple[int, ...]  #: numbers of processes that accepted the connection but did not answer: they are stopped or hang


def control_folder(home: Path) -> Path:
    """Return the folder of the sockets."""
    return home / "processes"


class ControlServer:
    """Answers with this process' row, in a separate thread.

    Args:
        folder: the folder of the socket.
        row: makes the row; called in that thread.
    """

    def __init__(self, folder: Path, row: Callable[[], ProcessRow]) -> None:
        self._folder, self._row = folder, row
        self._name = f"{os.getpid()}.sock"
        self._listener: socket.socket | None = None

    def start(self) -> None:
        """Listen. If that is impossible, as in a read-only folder, this is logged, and the process cannot be asked."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            (self._folder / self._name).unlink(missing_ok=True)  # the socket of an earlier process with this number
            self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            with _short(self._folder) as folder:
                self._listener.bind(f"{folder}/{self._name}")
            (self._folder / self._name).chmod(0o600)
            self._listener.listen()
        except OSError as error:
            logger.warning("%s: no loopback socket (%s); `kill on` cannot ask while the database is down", self._folder, error.strerror)
            self._listener = None
            return
        threading.Thread(target=self._serve, args=(self._listener,), name="migration-control", daemon=True).start()

    def stop(self) -> None:
        """Stop listening."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread
            self._listener.close()
            self._listener = None
            with contextlib.suppress(OSError):
                (self._folder / self._name).unlink(missing_ok=True)

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                asking, _ = listener.accept()
            except OSError:
                return  # stopped
            with asking, contextlib.suppress(OSError):
                asking.settimeout(_SEND_S)
                asking.sendall(encode_row(self._row()))


def ask(folder: Path, wait_s: float) -> Answers:
    """Ask all processes of this host at the same time.

    Args:
        folder: the folder of their sockets; it need not exist.
        wait_s: seconds in which all must answer.
    """
    rows: dict[int, ProcessRow] = {}
    until = time.monotonic() + wait_s
    with contextlib.ExitStack() as opened, selectors.DefaultSelector() as watched:
        asked = _connect(folder, opened, watched)
        answers: dict[int, bytes] = {}
        while watched.get_map() and (left := until - time.monotonic()) > 0:
            for key, _ in watched.select(left):
                piece = _receive(key.fileobj)
                answers[key.data] = answers.get(key.data, b"") + piece
                if piece and len(answers[key.data]) < _MOST_BYTES:
                    continue
                watched.unregister(key.fileobj)
                if (row := decode_row(answers[key.data])) is not None:
                    rows[key.data] = row
    return Answers(rows=tuple(rows.values()), silent=tuple(sorted(asked - rows.keys())))


def _connect(folder: Path, opened: contextlib.ExitStack, watched: selectors.BaseSelector) -> set[int]:
    """Connect to every existing process, and return the process numbers."""
    asked: set[int] = set()
    if not folder.is_dir():
        return asked
    short = opened.enter_context(_short(folder))
    for file in sorted(folder.iterdir()):
        if (name := _SOCKET.fullmatch(file.name)) is None:
            continue
        connection = opened.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK))
        try:
            connection.connect(f"{short}/{file.name}")
        except BlockingIOError:  # the socket's queue is full, so the process has not answered for a long time
            asked.add(int(name[1]))
        except OSError:
            continue  # the socket of a process that has ended
        else:
            asked.add(int(name[1]))
            watched.register(connection, selectors.EVENT_READ, int(name[1]))
    return asked


def _receive(connection: object) -> bytes:
    try:
        return connection.recv(2**16) if isinstance(connection, socket.socket) else b""
    except OSError:
        return b""


@contextmanager
def _short(folder: Path) -> Generator[str, None, None]:
    """Yield a name of the folder that is short enough, since a socket's whole path may have at most 107 bytes."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
