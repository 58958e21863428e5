"""The parent's end of one worker process: starts and ends it, and uses its two pipes without blocking."""

import asyncio
import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import weakref
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from migration.shadow import child_environment
from migration.shadow.ending import end
from migration.shadow.frames import FrameAssembler, FrameError, frame

_PIPE_BYTES: Final = 2**20  #: what Linux allows without privileges
_READ_BYTES: Final = 2**16
_REAP_S: Final = 0.01  #: between two looks at a process whose pipe has ended
_REAP_TRIES: Final = 50


class WorkerLink(Protocol):
    """The part of a worker that the dispatcher needs. All methods but `end` return at once."""

    @property
    def pid(self) -> int:
        """The process id."""
        ...

    @property
    def blocked(self) -> bool:
        """Whether frames wait here because the pipe is full."""
        ...

    def send(self, body: bytes) -> None:
        """Send a frame. Nothing is sent to a worker that is gone."""
        ...

    def kill(self) -> None:
        """Kill the process; `on_exit` follows."""
        ...

    def stop(self) -> None:
        """Make the worker give up its work and exit in an orderly way; `on_exit` follows."""
        ...

    def hang_up(self) -> None:
        """Tell the worker that no job follows; it exits when it has done what it was sent."""
        ...

    def end(self) -> None:
        """Kill the process and wait for its end, for a few seconds at most. `on_exit` is no longer called."""
        ...


class SpawnWorker(Protocol):
    """Starts a worker."""

    def __call__(
        self, *, loop: asyncio.AbstractEventLoop, hello: bytes, on_frame: Callable[[bytes], None], on_exit: Callable[[int], None]
    ) -> WorkerLink:
        """Return a worker that was just started; the arguments are those of `WorkerProcess`.

        Raises:
            OSError: it cannot be started.
        """
        ...


class WorkerProcess:
    """A worker process. All methods except `end` return at once; callbacks on the loop report frames and the exit.

    If this object is deleted, its process is killed.

    Args:
        loop: watches the pipes.
        hello: the first frame.
        on_frame: called with each frame of the worker.
        on_exit: called once, when the process is gone and all its frames were delivered, with the exit status; a negative status is the
            signal that killed it.

    Raises:
        OSError: the process cannot be started.
    """

    def __init__(
        self, *, loop: asyncio.AbstractEventLoop, hello: bytes, on_frame: Callable[[bytes], None], on_exit: Callable[[int], None]
    ) -> None:
        self._loop, self._on_frame, self._on_exit = loop, on_frame, on_exit
        self._frames = FrameAssembler()
        self._unsent: deque[memoryview] = deque()
        self._reap_timer: asyncio.TimerHandle | None = None
        jobs_read, jobs = os.pipe()
        results, results_write = os.pipe()
        self._pipes = _Pipes(jobs, results)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own module under our own interpreter
                # -P: the working directory is not on the import path, where a file may be called like a dependency.
                [sys.executable, "-P", "-m", "migration.shadow", str(jobs_read), str(results_write)],
                pass_fds=(jobs_read, results_write),
                env=child_environment.plain(),
                stdin=subprocess.DEVNULL,
                stdout=sys.__stderr__.fileno() if sys.__stderr__ else subprocess.DEVNULL,  # stdout may carry a JSON document
            )
        except OSError:
            self._pipes.close()
            raise
        finally:
            os.close(jobs_read)
            os.close(results_write)
        # A loop may be closed while the process runs. Not when the interpreter exits: this process ends the worker itself, and a forked
        # process must not end it.
        self._left_alone = weakref.finalize(self, _end, self._process, self._pipes)
        self._left_alone.atexit = False
        try:
            os.set_blocking(jobs, False)
            os.set_blocking(results, False)
            with contextlib.suppress(OSError, AttributeError):
                fcntl.fcntl(jobs, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
            loop.add_reader(results, self._readable)
            self.send(hello)
        except BaseException:
            self.end()
            raise

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def blocked(self) -> bool:
        """Whether frames wait here because the pipe is full."""
        return bool(self._unsent)

    def send(self, body: bytes) -> None:
        """Send a frame: as much as the pipe takes now, the rest when it has room. Nothing is sent to a worker that is gone."""
        rest = memoryview(frame(body))
        if not self._unsent:
            rest = self._write(rest)
            if not rest:
                return
            self._loop.add_writer(self._pipes.jobs, self._writable)
        self._unsent.append(rest)

    def kill(self) -> None:
        """Kill the process; `on_exit` follows."""
        self._process.kill()

    def stop(self) -> None:
        """Make the worker give up its work and exit in an orderly way; `on_exit` follows."""
        # Service managers do not send this signal, so only the parent can end a worker with it.
        self._process.send_signal(signal.SIGUSR1)

    def hang_up(self) -> None:
        """Tell the worker that no job follows; it exits when it has done what it was sent."""
        self._stop_writing()

    def end(self) -> None:
        """Kill the process and wait for its end, for a few seconds at most. `on_exit` is no longer called."""
        if self._reap_timer is not None:
            self._reap_timer.cancel()
        if not self._loop.is_closed():
            self._stop_writing()
            self._stop_reading()
        self._left_alone()

    def _write(self, data: memoryview) -> memoryview:
        """Return the bytes that the pipe did not take; none if the worker ended, which its other pipe will report."""
        if self._pipes.jobs < 0:
            return data[:0]
        try:
            return data[os.write(self._pipes.jobs, data) :]
        except BlockingIOError:
            return data
        except OSError:
            # Usually EPIPE. After any error this worker receives nothing more, so it ends, and the next one gets its jobs.
            self._stop_writing()
            return data[:0]

    def _writable(self) -> None:
        while self._unsent:
            rest = self._write(self._unsent[0])
            if self._pipes.jobs < 0:
                return
            if rest:
                self._unsent[0] = rest
                return
            self._unsent.popleft()
        self._loop.remove_writer(self._pipes.jobs)

    def _readable(self) -> None:
        try:
            piece = os.read(self._pipes.results, _READ_BYTES)
        except BlockingIOError:
            return
        if not piece:
            self._stop_writing()
            self._stop_reading()
            self._reap(_REAP_TRIES)
            return
        try:
            for body in self._frames.feed(piece):
                self._on_frame(body)
        except FrameError:
            self.kill()

    def _reap(self, tries: int) -> None:
        """The pipe has ended, so the process should end soon. Check until it has ended; kill it if it does not."""
        status = self._process.poll()
        if status is not None:
            self._on_exit(status)
            return
        if tries <= 0:
            self.kill()
        self._reap_timer = self._loop.call_later(_REAP_S, self._reap, tries - 1)

    def _stop_writing(self) -> None:
        if self._pipes.jobs >= 0:
            self._loop.remove_writer(self._pipes.jobs)
            self._pipes.close_jobs()
        self._unsent.clear()

    def _stop_reading(self) -> None:
        if self._pipes.results >= 0:
            self._loop.remove_reader(self._pipes.results)
            self._pipes.close()


class _Pipes:
    """Our ends of a worker's pipes. Closing is idempotent."""

    def __init__(self, jobs: int, results: int) -> None:
        self.jobs, self.results = jobs, results  #: descriptors; -1: closed

    def close_jobs(self) -> None:
        if self.jobs >= 0:
            os.close(self.jobs)
            self.jobs = -1

    def close(self) -> None:
        self.close_jobs()
        if self.results >= 0:
            os.close(self.results)
            self.results = -1


def _end(process: "subprocess.Popen[bytes]", pipes: _Pipes) -> None:
    pipes.close()
    end(process)
