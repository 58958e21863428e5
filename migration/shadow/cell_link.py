"""The worker's end of one cell: the process, its pipes, and the kernel's questions about it. All of them are served while the worker waits
for an answer.
"""

import contextlib
import fcntl
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec
from seccompy.notify import Listener

from migration.shadow import child_environment
from migration.shadow.attempts import Attempts, Judge
from migration.shadow.ending import END_S, end
from migration.shadow.frames import FrameAssembler, FrameError, frame
from migration.shadow.job import FailReason

_READ_BYTES: Final = 2**18
_PIPE_BYTES: Final = 2**20  #: what Linux allows without privileges
_LIST_BYTES: Final = 2**16


class Answer(NamedTuple):
    """A frame of the cell, and the contacts that were refused before the cell wrote it."""

    body: bytes
    attempts: tuple[str, ...]
    more: int  #: beyond those that are named


class GoneError(Exception):
    """The cell gives no answer any more."""

    def __init__(self, reason: FailReason, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


_CLOSED: Final[tuple[FailReason, str]] = ("worker_died", "the process that ran engines was gone")


class CellLink:
    """A cell, started. It answers frames in the order of their arrival.

    Raises:
        OSError: the process cannot be started.
    """

    def __init__(self) -> None:
        self.attempts = Attempts()
        self._frames = FrameAssembler()
        self._arrived: deque[Answer] = deque()
        self._unsent = memoryview(b"")
        self._gone: tuple[FailReason, str] | None = None  #: why no answer can come any more
        self._judge: Judge | None = None
        self._selector = selectors.DefaultSelector()
        self._process: subprocess.Popen[bytes]
        self._control: socket.socket
        self._jobs: int
        self._results: int
        self._spawn()
        self._selector.register(self._control, selectors.EVENT_READ, self._take_listener)
        self._selector.register(self._results, selectors.EVENT_READ, self._receive)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def hand(self, bodies: Iterable[bytes]) -> None:
        """Send frames: as much as the pipe takes now, and the rest while the worker waits for answers."""
        if self._gone is not None:
            return
        self._unsent = self._write(memoryview(b"".join(map(frame, bodies))))
        if self._unsent:
            self._selector.register(self._jobs, selectors.EVENT_WRITE, self._send)

    def answered(self, seconds: float) -> bool:
        """Wait at most this long for an answer, and answer the kernel's questions meanwhile. Return at once if no answer can come any more.

        An answer that has arrived counts, however late it is read.
        """
        until, left_s = time.monotonic() + seconds, seconds
        while not self._arrived and self._gone is None:
            for key, _events in self._selector.select(max(0.0, left_s)):
                key.data()
            if left_s <= 0:
                break
            left_s = until - time.monotonic()
        return bool(self._arrived) or self._gone is not None

    def next(self, seconds: float) -> Answer:
        """Return the next answer.

        Raises:
            GoneError: no answer came in time, or none can come any more.
        """
        if not self.answered(seconds):
            raise GoneError("deadline", f"no answer {seconds:.1f} s after it was asked")
        if not self._arrived:
            raise GoneError(*(self._gone or _CLOSED))
        return self._arrived.popleft()

    def close(self) -> None:
        """End the process at once, and count the attempts that the kernel still asks about. Idempotent."""
        self._gone = self._gone or _CLOSED
        end(self._process)
        self._selector.close()
        self._control.close()
        if self._judge is not None:
            while self._judge.answer():
                pass
            self._judge.close()
            self._judge = None
        for descriptor in (self._jobs, self._results):
            if descriptor >= 0:
                os.close(descriptor)
        self._jobs = self._results = -1

    def _spawn(self) -> None:
        jobs_read, self._jobs = os.pipe()
        self._results, results_write = os.pipe()
        self._control, control = socket.socketpair()
        theirs = (jobs_read, results_write, control.fileno())
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own module under our own interpreter
                [sys.executable, "-P", "-m", "migration.shadow.cell", *map(str, theirs)],
                pass_fds=theirs,
                env=child_environment.plain(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except OSError:
            os.close(self._jobs)
            os.close(self._results)
            self._control.close()
            raise
        finally:
            os.close(jobs_read)
            os.close(results_write)
            control.close()
        for descriptor in (self._jobs, self._results):
            os.set_blocking(descriptor, False)
            with contextlib.suppress(OSError, AttributeError):
                fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    def _send(self) -> None:
        self._unsent = self._write(self._unsent)
        if not self._unsent:
            self._selector.unregister(self._jobs)

    def _write(self, rest: memoryview) -> memoryview:
        """Return what the pipe did not take."""
        try:
            return rest[os.write(self._jobs, rest) :]
        except BlockingIOError:
            return rest
        except BrokenPipeError:
            return rest[:0]  # its other pipe ends too, which reports the end

    def _receive(self) -> bool:
        """Take answers that are there; False: there are no more. An attempt after the last answer belongs to the next run."""
        if self._gone is not None:
            return False
        try:
            piece = os.read(self._results, _READ_BYTES)
        except BlockingIOError:
            return False
        if not piece:
            self._lose("worker_died", f"the process that ran the engine ended with {self._how_it_ended()}")
            return False
        try:
            for body in self._frames.feed(piece):
                self._arrived.append(Answer(body, *self.attempts.take()))
        except FrameError as error:
            self._lose("protocol", f"the cell's answer cannot be read: {error}")
        return self._gone is None

    def _lose(self, reason: FailReason, detail: str) -> None:
        self._gone = reason, detail
        self._selector.unregister(self._results)

    def _how_it_ended(self) -> str:
        try:
            status = self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            return "its pipe, and lives"
        return signal.Signals(-status).name if status < 0 else f"exit status {status}"

    def _take_listener(self) -> None:
        """Receive what the cell sends when it is sealed: the descriptor on which the kernel asks, and the list of readable files."""
        data, descriptors, _flags, _address = socket.recv_fds(self._control, _LIST_BYTES, 1)
        self._selector.unregister(self._control)
        if descriptors:
            readable, listed = msgspec.json.decode(data, type=tuple[list[str], list[str]])
            self._judge = Judge(Listener(descriptors[0]), self._process.pid, readable, listed, self.attempts)
            self._selector.register(self._judge, selectors.EVENT_READ, self._answer)

    def _answer(self) -> None:
        while self._receive():
            pass  # later questions come from the run after the last answer
        if self._judge is not None and not self._judge.answer():
            self._selector.unregister(self._judge)  # no process is left about which the kernel could ask
