"""Nothing that an engine does in a shadow reaches the outside, and every attempt is counted: in a worker as it is started in production."""

import importlib.util
import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from migration.model import Origin, RunRecord, RunRequest, Stage
from migration.settings import MigrationSettings
from migration.shadow import ProcessShadow, ShadowJob, ShadowResult, boundary
from migration.telemetry.metrics import Metrics

FOLDER = Path(__file__).parent
_spec = importlib.util.spec_from_file_location("ways_outside", FOLDER / "ways_outside.py")
ways_outside = importlib.util.module_from_spec(_spec)
sys.modules["ways_outside"] = ways_outside
_spec.loader.exec_module(ways_outside)
WAYS, HARMLESS, Outside = ways_outside.WAYS, ways_outside.HARMLESS, ways_outside.Outside

PATIENCE_S = 120.0
needs_boundary = pytest.mark.skipif(boundary.boundary_gap() is not None, reason=f"this kernel lacks {boundary.boundary_gap()}")

#: Prints a line for each signal that it gets.
WITNESS = """
import signal, time
for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}:
    signal.signal(number, lambda number, frame: print(number, flush=True))
print("ready", flush=True)
while True:
    time.sleep(1)
"""


SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - what is made there is what is looked for


class Watch:
    """What is there to be touched, and whether it was."""

    def __init__(self, folder: Path, opened: ExitStack) -> None:
        (folder / "outside").mkdir()
        (folder / "secret").write_text("hunter2")
        os.mkfifo(folder / "pipe")
        self._pipe = os.open(folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)
        opened.callback(os.close, self._pipe)
        tcp = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
        udp = opened.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(tcp.getsockname())
        unix = opened.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        unix.bind(str(folder / "unix"))
        self._servers = tcp, udp, unix
        for server in self._servers:
            server.setblocking(False)
        self._witness = opened.enter_context(subprocess.Popen([sys.executable, "-c", WITNESS], stdout=subprocess.PIPE, text=True))
        opened.callback(self._witness.kill)
        assert self._witness.stdout.readline() == "ready\n"
        self._shared = set(SHARED_MEMORY.iterdir())
        self.there = Outside(
            folder=str(folder / "outside"),
            port=tcp.getsockname()[1],
            unix=str(folder / "unix"),
            pipe=str(folder / "pipe"),
            pid=self._witness.pid,
            secret=str(folder / "secret"),
        )

    def made(self) -> list[str]:
        """Files that somebody made."""
        return [path.name for path in Path(self.there.folder).iterdir()]

    def touched(self) -> list[str]:
        """All that somebody touched."""
        secret = Path(self.there.secret)
        now = secret.read_text(), stat.S_IMODE(secret.stat().st_mode) & 0o022, secret.stat().st_uid
        self._witness.terminate()
        return [
            *self.made(),
            *(["secret"] if now != ("hunter2", 0, os.getuid()) else []),
            *(str(server) for server in self._servers if not empty(server)),
            *(str(path) for path in SHARED_MEMORY.iterdir() if "netra" in path.name and path not in self._shared),
            *(["pipe"] if os.read(self._pipe, 1) else []),
            *self._witness.stdout.read().splitlines(),
        ]


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    monkeypatch.setenv("PYTHONPATH", str(FOLDER))
    with ExitStack() as opened:
        yield Watch(tmp_path, opened)


def job(way: str, outside: Outside) -> ShadowJob:
    payload = json.dumps({"way": way, "outside": asdict(outside)}).encode()
    request = RunRequest(surface="chat", tenant_id="acme", user_id="ann", thread_id="t", run_id=way, payload=payload, received_at=0.0)
    record = RunRecord(request=request, origin=Origin.CONTROL, events=(), journal=(), outcome="completed", duration_s=0.1, trace_id=None)
    return ShadowJob(record=record, stage=Stage.SHADOW, shadows=Origin.CANDIDATE, deadline_s=20.0)


async def gone_all_ways(outside: Outside, home: Path, ways: list[str]) -> dict[str, ShadowResult]:
    results: dict[str, ShadowResult] = {}
    shadow = ProcessShadow(
        MigrationSettings(home=home, shadow_priority="normal"),
        Metrics(registry=CollectorRegistry()),
        lambda result: results.update({result.run_id: result}),
        parts="hostile_engines:parts",
        engines="ways_outside:engines",
    )
    await shadow.start()
    try:
        for way in ways:
            shadow.offer(job(way, outside))
        assert await shadow.drain(PATIENCE_S)
    finally:
        await shadow.aclose()
    return results


def empty(server: socket.socket) -> bool:
    """Whether nobody has connected, or sent anything."""
    try:
        server.accept() if server.type == socket.SOCK_STREAM else server.recv(1)
    except BlockingIOError:
        return True
    return False


@needs_boundary
async def test_nothing_reaches_the_outside_and_every_attempt_is_a_divergence(watch, tmp_path, capfd) -> None:
    results = await gone_all_ways(watch.there, tmp_path / "home", list(WAYS))
    assert len(results) == len(WAYS) >= 60
    assert watch.touched() == []
    assert "what a user said" not in "".join(capfd.readouterr())
    assert {way for way, result in results.items() if result.comparison is None or not result.comparison.effects_missing} == set()
    assert {way for way, result in results.items() if result.comparison.verdict != "divergent"} == set()
    assert sum(result.comparison.effects_performed_by_shadow for result in results.values()) == 0


@needs_boundary
async def test_looking_for_what_is_not_there_is_no_attempt(watch, tmp_path) -> None:
    results = await gone_all_ways(watch.there, tmp_path / "home", list(HARMLESS))
    assert {way: result.comparison.effects_missing for way, result in results.items()} == dict.fromkeys(HARMLESS, 0)


async def test_without_the_boundary_some_ways_lead_out(watch, tmp_path, monkeypatch) -> None:
    """The list is worth something: most of what is written in C passes Python's own gates."""
    monkeypatch.setenv("NETRA_MIGRATION_SHADOW_BOUNDARY", "interpreter")
    results = await gone_all_ways(watch.there, tmp_path / "home", ["c_creat", "connect"])
    assert watch.made() == ["made"]
    assert (results["c_creat"].comparison.effects_missing, results["connect"].comparison.effects_missing) == (0, 1)
