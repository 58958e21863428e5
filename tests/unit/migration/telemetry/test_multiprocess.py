"""What becomes of a process' share of the metrics when it dies."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from migration.telemetry import multiprocess
from migration.telemetry.exposition import render

#: Counts so many expected, compared, shed and failed shadows, says that it did, and waits.
PROCESS = """
import sys
from prometheus_client import CollectorRegistry
from migration.telemetry import multiprocess
from migration.telemetry.metrics import Metrics
if "unmarked" not in sys.argv: multiprocess.begin()
metrics = Metrics(registry=CollectorRegistry())
expected, compared, shed, failed = map(int, sys.argv[1:5])
metrics.shadow_expected.labels("chat").inc(expected)
metrics.shadow_compared.labels("chat").inc(compared)
metrics.shadow_shed.labels("chat", "queue_jobs").inc(shed)
metrics.shadow_failed.labels("chat", "deadline").inc(failed)
metrics.shadow_waiting.set(expected - compared - shed - failed)
metrics.kill_switch.labels("chat").set(1)
print("counted", flush=True)
sys.stdin.readline()
multiprocess.end()
print("ended", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started = []

    def start(*counts: int, mark: str = "") -> subprocess.Popen[str]:
        command = [sys.executable, "-c", PROCESS, *map(str, counts), mark]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "counted\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def value(body: bytes, series: str) -> float | None:
    found = re.search(rf"^{re.escape(series)} (\S+)$", body.decode(), re.MULTILINE)
    return None if found is None else float(found[1])


def scrape() -> bytes:
    return render(CollectorRegistry())[0]


def law(body: bytes) -> tuple[float, float]:
    """Expected shadows, and all that became of them."""
    counted = sum(
        float(n) for n in re.findall(r"^migration_shadow_(?:compared|shed|failed)_total\{.*\} (\S+)$", body.decode(), re.MULTILINE)
    )
    return value(body, 'migration_shadow_expected_total{surface="chat"}') or 0.0, counted + (value(body, "migration_shadow_waiting") or 0.0)


def test_the_gauges_of_a_killed_process_go_and_what_waited_in_it_has_failed(start: Callable[..., subprocess.Popen[str]]) -> None:
    process = start(20, 3, 4, 1)
    assert value(scrape(), "migration_shadow_waiting") == 12.0
    process.kill()
    process.wait()
    body = scrape()
    assert value(body, "migration_shadow_waiting") is None
    assert value(body, 'migration_kill_switch{surface="chat"}') is None
    assert value(body, 'migration_shadow_failed_total{reason="process_died",surface="chat"}') == 12.0
    assert law(body) == (20.0, 20.0)


def test_a_dead_process_is_settled_once_however_many_look(folder: Path, start: Callable[..., subprocess.Popen[str]]) -> None:
    process, other = start(5, 0, 0, 0), start(1, 1, 0, 0)
    process.kill()
    process.wait()
    assert [multiprocess.bury_dead() != [], multiprocess.bury_dead() != []] == [True, False]
    for ended in folder.glob("ended_*"):
        ended.unlink()
    multiprocess.bury_dead()
    assert law(scrape()) == (6.0, 6.0)
    assert other.poll() is None


def test_a_process_that_is_not_reaped_yet_is_dead(start: Callable[..., subprocess.Popen[str]]) -> None:
    marked, unmarked = start(2, 0, 0, 0), start(3, 0, 0, 0, mark="unmarked")
    for process in (marked, unmarked):
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert {dead.pid: dead.lost for dead in multiprocess.bury_dead()} == {marked.pid: {"chat": 2}, unmarked.pid: {"chat": 3}}


def test_a_stopped_process_is_alive(start: Callable[..., subprocess.Popen[str]]) -> None:
    process = start(2, 0, 0, 0)
    process.send_signal(signal.SIGSTOP)
    assert multiprocess.bury_dead() == []
    assert value(scrape(), "migration_shadow_waiting") == 2.0


def test_a_process_that_ends_takes_its_gauges_along_and_nobody_calls_it_dead(start: Callable[..., subprocess.Popen[str]]) -> None:
    process = start(2, 2, 0, 0)
    process.communicate("\n\n")
    assert multiprocess.bury_dead() == []
    assert value(scrape(), 'migration_kill_switch{surface="chat"}') is None


def test_a_process_with_the_number_of_a_dead_one_begins_without_its_gauges(
    folder: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    process = start(7, 0, 0, 0)
    process.kill()
    process.wait()
    for file in folder.glob(f"*_{process.pid}*"):  # as if this process had its number
        file.rename(file.with_name(file.name.replace(str(process.pid), str(os.getpid()))))
    multiprocess.begin()
    try:
        body = scrape()
        assert (value(body, "migration_shadow_waiting"), law(body)) == (None, (7.0, 7.0))
    finally:
        multiprocess.end()


def test_in_single_mode_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    multiprocess.begin()
    assert multiprocess.bury_dead() == []
    multiprocess.end()
