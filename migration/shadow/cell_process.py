"""The worker's end of its cell: hands it jobs, answers the kernel's questions about it, and ends it when it is late."""

import contextlib
import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from typing import Final

import msgspec
from seccompy.notify import Listener

from migration import variables
from migration.effects.replaying import Tally
from migration.errors import ConfigurationError
from migration.model import encode
from migration.settings import MigrationSettings
from migration.shadow import child_environment
from migration.shadow.attempts import Attempts, Judge
from migration.shadow.cell_job import CellHello, CellJob, CellRun
from migration.shadow.ending import END_S, end
from migration.shadow.frames import FrameAssembler, FrameError, frame
from migration.shadow.job import FailReason

logger = logging.getLogger(__name__)
_runs = msgspec.msgpack.Decoder(CellRun)

#: Seconds after a job's deadline in which an engine that still holds its loop is killed together with its process.
GRACE_S: Final = 2.0
#: Share of the worker's own time to start that its cell may take: what was wrong is then said before the worker is replaced.
_SHARE: Final = 0.9
_READ_BYTES: Final = 2**18
_WRITE_BYTES: Final = 2**16
_LIST_BYTES: Final = 2**16


class _GoneError(Exception):
    """The cell gives no answer any more."""

    def __init__(self, reason: FailReason, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


class CellProcess:
    """One cell. When it is gone, runs fail until the worker is replaced.

    Args:
        settings: of the migration; a cell that may not read gets them without addresses and keys.
        engines: import string of a callable (MigrationSettings) -> Engines.

    Raises:
        ConfigurationError: it cannot become ready: no boundary, no engines, or no answer in time.
        OSError: the process cannot be started.
    """

    def __init__(self, settings: MigrationSettings, engines: str) -> None:
        self._attempts = Attempts()
        self._frames = FrameAssembler()
        self._judge: Judge | None = None
        self._selector = selectors.DefaultSelector()
        self._process: subprocess.Popen[bytes]
        self._control: socket.socket
        self._jobs: int
        self._results: int
        self._spawn()
        try:
            self._selector.register(self._control, selectors.EVENT_READ, self._take_listener)
            self._selector.register(self._results, selectors.EVENT_READ)
            refusal = self._exchange(_hello(settings, engines), settings.shadow_start_s * _SHARE)
        except (_GoneError, FrameError) as gone:
            self.close()
            raise ConfigurationError(f"the process that runs engines was not ready: {gone}{self._tried()}") from gone
        except BaseException:
            self.close()
            raise
        if refusal:
            self.close()
            raise ConfigurationError(refusal.decode(errors="replace") + self._tried())
        # Libraries look at the machine when they are imported; that is not a run's doing.
        tried_in_vain, _more = self._attempts.take()
        self._attempts.paths = False
        if tried_in_vain:
            logger.warning("loading the engines tried to reach the outside, and was refused: %s", ", ".join(tried_in_vain))

    def _tried(self) -> str:
        return f"; it was refused: {', '.join(self._attempts.names)}" if self._attempts.names else ""

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def run(self, job: CellJob, /) -> CellRun:
        """Run an engine to its end, its deadline, or that of the process. Never raises."""
        try:
            run = _runs.decode(self._exchange(encode(job), job.deadline_s + GRACE_S))
        except _GoneError as gone:
            run = _lost(gone.reason, gone.detail)
        except (msgspec.MsgspecError, FrameError) as error:
            run = _lost("protocol", f"the cell's answer cannot be read: {type(error).__name__}")
        if run.spoiled:
            self.close()
        self._answer_all()
        names, more = self._attempts.take()
        if not names:
            return run
        listed = (*run.refused, *names, *([f"and {more} more"] if more else []))
        return msgspec.structs.replace(run, refused=listed)

    def close(self) -> None:
        """End the process at once. Idempotent."""
        end(self._process)
        self._selector.close()
        self._control.close()
        if self._judge is not None:
            self._answer_all()
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
        os.set_blocking(self._jobs, False)
        os.set_blocking(self._results, False)

    def _exchange(self, body: bytes, seconds: float) -> bytes:
        """Send a frame and return the next one that comes; answer the kernel meanwhile.

        Raises:
            _GoneError: none came in time, or the process ended; it is gone now.
            FrameError: what came is not a frame.
        """
        if self._jobs < 0:
            raise _GoneError("worker_died", "the process that ran engines was gone")
        rest, until = memoryview(frame(body)), time.monotonic() + seconds
        self._selector.register(self._jobs, selectors.EVENT_WRITE)
        try:
            while True:
                for key, _events in self._selector.select(_left(until, seconds)):
                    if key.data is not None:
                        key.data()
                    elif key.fd == self._jobs:
                        rest = self._send(rest)
                    elif (answer := self._receive()) is not None:
                        return answer
        except _GoneError:
            self.close()
            raise
        finally:
            if self._jobs >= 0:
                with contextlib.suppress(KeyError):
                    self._selector.unregister(self._jobs)

    def _send(self, rest: memoryview) -> memoryview:
        try:
            rest = rest[os.write(self._jobs, rest[:_WRITE_BYTES]) :]
        except BlockingIOError:
            return rest
        except BrokenPipeError:
            rest = rest[:0]  # its other pipe ends too, and says so
        if not rest:
            self._selector.unregister(self._jobs)
        return rest

    def _receive(self) -> bytes | None:
        """Return the next frame; None when there is none yet."""
        piece = os.read(self._results, _READ_BYTES)
        if not piece:
            raise _GoneError("worker_died", f"the process that ran the engine ended with {self._how_it_ended()}")
        return next(self._frames.feed(piece), None)

    def _how_it_ended(self) -> str:
        try:
            status = self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            return "its pipe, and lives"
        return signal.Signals(-status).name if status < 0 else f"exit status {status}"

    def _take_listener(self) -> None:
        """Take what the cell sends once it is sealed: by what the kernel asks, and what it may read."""
        data, descriptors, _flags, _address = socket.recv_fds(self._control, _LIST_BYTES, 1)
        self._selector.unregister(self._control)
        if descriptors:
            readable, listed = msgspec.json.decode(data, type=tuple[list[str], list[str]])
            self._judge = Judge(Listener(descriptors[0]), self._process.pid, readable, listed, self._attempts)
            self._selector.register(self._judge, selectors.EVENT_READ, self._answer)

    def _answer(self) -> None:
        if self._judge is not None and not self._judge.answer():
            self._selector.unregister(self._judge)  # there is nobody left who could ask

    def _answer_all(self) -> None:
        """Answer what is still being asked, so that it is counted with the run that asked."""
        while self._judge is not None and self._judge.answer():
            pass


def _left(until: float, seconds: float) -> float:
    left_s = until - time.monotonic()
    if left_s <= 0:
        raise _GoneError("deadline", f"no answer {seconds:.1f} s after it was asked")
    return left_s


def _hello(settings: MigrationSettings, engines: str) -> bytes:
    reading = settings.miss_policy == "allow"
    # What it does not need is not there to be found.
    told = settings if reading else msgspec.structs.replace(settings, **dict.fromkeys(_SECRET, ""))
    environment = child_environment.by_pipe(reading=True) if reading else {}
    return msgspec.msgpack.encode(CellHello(settings=variables.encode(told), engines=engines, environment=environment))


_SECRET: Final = ("hash_key", "evidence_url", "stores_url", "otlp_endpoint")


def _lost(reason: FailReason, detail: str) -> CellRun:
    nothing = Tally(recorded=0, replayed=0, missing=0, unused=0, performed=0)
    return CellRun(record=None, tally=nothing, failed=reason, detail=detail, spoiled=True)
