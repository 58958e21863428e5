"""A process that ignores whatever it is told is killed and reaped, and its pipes are closed, however its owner ends."""

import asyncio
import contextlib
import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from migration.errors import ConfigurationError
from migration.settings import MigrationSettings
from migration.shadow import ProcessShadow, dispatch
from migration.shadow.cell_process import CellProcess
from migration.shadow.ending import end
from migration.shadow.worker_process import WorkerProcess
from migration.telemetry.metrics import Metrics

STUBBORN = """#!{python}
import os, pathlib, signal, time
for one in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT, signal.SIGHUP, signal.SIGALRM, signal.SIGPIPE):
    signal.signal(one, signal.SIG_IGN)
pathlib.Path({seen!r}).write_text(str(os.getpid()))
while True:
    time.sleep(60)
"""


@pytest.fixture
def stubborn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Have workers and cells be processes that ignore everything; returns what waits for one to be so, and returns its process id."""
    program, seen = tmp_path / "stubborn", tmp_path / "seen"
    program.write_text(STUBBORN.format(python=sys.executable, seen=str(seen)))
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))

    def started() -> int:
        deadline = time.monotonic() + 60
        while not (seen.exists() and seen.read_text()):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return int(seen.read_text())

    return started


@pytest.fixture(autouse=True)
def descriptors() -> Iterator[None]:
    """Every descriptor that a test opened is closed."""
    before = set(Path("/proc/self/fd").iterdir())
    yield
    gc.collect()
    assert len(set(Path("/proc/self/fd").iterdir()) - before) == 0


def is_reaped(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def shadow(tmp_path: Path) -> ProcessShadow:
    return ProcessShadow(MigrationSettings(home=tmp_path), Metrics(registry=CollectorRegistry()), lambda _result: None)


def test_a_worker_that_ignores_the_end_is_gone_when_the_application_is(tmp_path, stubborn):
    async def scenario() -> int:
        one = shadow(tmp_path)
        await one.start()
        pid = await asyncio.to_thread(stubborn)
        await one.aclose()
        return pid

    assert is_reaped(asyncio.run(scenario()))


def test_a_ready_worker_that_ignores_the_end_is_killed_after_a_while(tmp_path, stubborn, monkeypatch):
    monkeypatch.setattr(dispatch, "_EXIT_S", 0.05)

    async def scenario() -> int:
        one = shadow(tmp_path)
        await one.start()
        pid = await asyncio.to_thread(stubborn)
        one._hear(b"")  # as if it had said so
        await one.aclose()
        return pid

    assert is_reaped(asyncio.run(scenario()))


def test_a_close_that_is_cancelled_leaves_no_process(tmp_path, stubborn):
    async def scenario() -> int:
        one = shadow(tmp_path)
        await one.start()
        pid = await asyncio.to_thread(stubborn)
        one._hear(b"")
        closing = asyncio.create_task(one.aclose())
        await asyncio.sleep(0)
        closing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await closing
        assert one.worker_pid is None
        return pid

    assert is_reaped(asyncio.run(scenario()))


def test_a_loop_that_closes_over_a_worker_leaves_no_process(tmp_path, stubborn):
    async def scenario() -> int:
        await shadow(tmp_path).start()
        return await asyncio.to_thread(stubborn)

    pid = asyncio.run(scenario())
    gc.collect()
    assert is_reaped(pid)


def test_a_start_that_fails_with_the_process_running_leaves_none(stubborn, monkeypatch):
    class Loop:
        def add_reader(self, *_arguments: object) -> None:
            stubborn()
            raise RuntimeError("no room for a reader")

        def remove_reader(self, *_arguments: object) -> None: ...
        def remove_writer(self, *_arguments: object) -> None: ...
        def is_closed(self) -> bool:
            return False

    with pytest.raises(RuntimeError, match="no room"):
        WorkerProcess(loop=Loop(), hello=b"", on_frame=lambda _body: None, on_exit=lambda _status: None)
    assert is_reaped(stubborn())


def test_a_cell_that_says_nothing_is_ended_when_its_time_is_up(tmp_path, stubborn):
    with pytest.raises(ConfigurationError, match="was not ready"):
        CellProcess(MigrationSettings(home=tmp_path, shadow_start_s=1.0), "nobody:engines")
    assert is_reaped(stubborn())


def test_a_cell_that_says_nonsense_is_ended_and_said_to_be_not_ready(tmp_path, monkeypatch):
    program = tmp_path / "nonsense"
    program.write_text(f"#!{sys.executable}\nimport os, sys, time\nos.write(int(sys.argv[-2]), b'\\xff' * 64)\ntime.sleep(600)\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    with pytest.raises(ConfigurationError, match="was not ready"):
        CellProcess(MigrationSettings(home=tmp_path, shadow_start_s=60.0), "nobody:engines")


def test_a_cell_whose_start_is_interrupted_is_ended(tmp_path, stubborn, monkeypatch):
    def interrupted(self: CellProcess, body: bytes, seconds: float) -> bytes:
        stubborn()
        raise KeyboardInterrupt

    monkeypatch.setattr(CellProcess, "_exchange", interrupted)
    with pytest.raises(KeyboardInterrupt):
        CellProcess(MigrationSettings(home=tmp_path), "nobody:engines")
    assert is_reaped(stubborn())


def test_what_the_kernel_holds_is_reaped_when_it_lets_go():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    killed = []
    process.kill, kill = lambda: killed.append(True), process.kill  # type: ignore[method-assign] - a process that outlives SIGKILL for a while
    assert (end(process, 0.01), killed, process.returncode) == (None, [True], None)
    kill()
    deadline = time.monotonic() + 60
    while process.returncode is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert process.returncode == -signal.SIGKILL


def test_a_worker_that_is_gone_is_not_ended_again(stubborn):
    async def scenario() -> list[int]:
        told: list[int] = []
        worker = WorkerProcess(loop=asyncio.get_running_loop(), hello=b"", on_frame=lambda _body: None, on_exit=told.append)
        worker.kill()
        async with asyncio.timeout(60):
            while not told:  # noqa: ASYNC110 - the loop's reader tells
                await asyncio.sleep(0.01)
        worker.end()
        worker.end()
        return told

    assert asyncio.run(scenario()) == [-signal.SIGKILL]
