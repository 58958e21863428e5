"""The cell: a process that runs engines and nothing else, behind the kernel's boundary.

It has only two pipes and the packages that it may import.
"""

import contextlib
import logging
import os
import platform
import signal
import socket
import sys
from collections.abc import Iterator

import msgspec

from migration import variables
from migration.effects.journals import BLOCK, Guard
from migration.errors import MigrationError
from migration.import_strings import load, make_importable
from migration.model import encode
from migration.settings import MigrationSettings
from migration.shadow import boundary, confinement
from migration.shadow.cell_job import CellHello, CellJob
from migration.shadow.engine_runner import EngineRunner, Engines
from migration.shadow.frames import FrameError, FramePipe, frame

_jobs = msgspec.msgpack.Decoder(CellJob)


def main(jobs_fd: int, results_fd: int, control_fd: int) -> None:
    """Serve until the worker closes the pipe.

    Args:
        jobs_fd: jobs are read from it; the first frame is a `CellHello`.
        results_fd: runs are written to it; the first frame is empty if the cell is ready, and otherwise says why it is not.
        control_fd: a socket; the cell sends over it the descriptor on which the kernel asks about calls that the boundary stops.
    """
    for descriptor in (jobs_fd, results_fd, control_fd):
        os.set_inheritable(descriptor, False)
    sys.dont_write_bytecode = True
    # What an engine prints is discarded: it may contain a user's text. Lines that it logs are recorded.
    sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - as long as the process
    logging.getLogger().addHandler(logging.NullHandler())
    logging.captureWarnings(capture=True)
    for polite in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(polite, signal.SIG_IGN)
    confinement.die_with_parent()
    with contextlib.closing(FramePipe(jobs_fd)) as jobs, contextlib.suppress(BrokenPipeError, FrameError):
        if not (first := jobs.some(1)):
            return None
        try:
            runner = _runner(first[0], control_fd)
        except MigrationError as error:
            return _write(results_fd, frame(str(error).encode()))
        except Exception as error:  # noqa: BLE001 - whatever loading engines raises is the reason that there are none
            return _write(results_fd, frame(f"the engines cannot be loaded: {type(error).__name__}: {error}".encode()))
        confinement.collect_seldom()
        _write(results_fd, frame(b""))
        for run in map(runner.run, map(_jobs.decode, _frames(jobs))):
            _write(results_fd, frame(encode(run)))
            if run.spoiled:
                return None  # jobs that were sent ahead must not run in a process that this run left unusable
    return None


def _runner(first: bytes, control_fd: int) -> EngineRunner:
    hello = msgspec.msgpack.decode(first, type=CellHello)
    settings = variables.decode(MigrationSettings, hello.settings)
    os.environ.update(hello.environment)
    confinement.yield_processor(settings.shadow_priority)
    make_importable(settings.import_path)  # before the boundary is closed: what may be imported may be read
    with socket.socket(fileno=control_fd) as control:
        engines = _engines(hello.engines, settings, control)
    confinement.bound_memory(settings.shadow_memory_bytes)
    return EngineRunner(engines, seal=Guard(trust_kin=engines.misses is not BLOCK).sealed)


def _engines(named: str, settings: MigrationSettings, control: socket.socket) -> Engines:
    """Load and return the object that makes engines, behind the boundary.

    If engines may read, the reading thread is started first and stays outside: the boundary applies only to threads that are started later.
    """
    if settings.miss_policy == "block":
        # When urllib3 is imported, it opens a socket to check for IPv6. Behind the boundary this would count as an engine's attempt, and it
        # would conclude that IPv6 is missing.
        import urllib3  # noqa: F401 - as said

        # Python starts a program and reads a file when it is first asked for the platform, as SDKs do at their first request. Then it
        # remembers the answer.
        platform.platform()
        with contextlib.suppress(OSError):
            platform.freedesktop_os_release()
        _seal(settings, control)
        engines: Engines = load(named)(settings)
        return engines
    engines = load(named)(settings)
    _seal(settings, control)
    return engines


def _seal(settings: MigrationSettings, control: socket.socket) -> None:
    if settings.shadow_boundary == "kernel":
        boundary.seal(control, settings.home)


def _frames(jobs: FramePipe) -> Iterator[bytes]:
    while body := jobs.some(1):
        yield body[0]


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


if __name__ == "__main__":
    main(*(int(descriptor) for descriptor in sys.argv[1:4]))
    # Threads and finalisers that engines left behind must not keep alive a process that has said that it is done.
    os._exit(0)
