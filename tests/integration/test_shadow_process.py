"""A real worker process, real pipes, and engines that do what a shadow must not do: invariants 1, 2 and 7."""

import asyncio
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvloop
from prometheus_client import CollectorRegistry

from migration.evidence import EvidenceStore, Redactor
from migration.model import Effect, Origin, RunRecord, RunRequest, Stage
from migration.processes.held_by import held_by
from migration.settings import MigrationSettings
from migration.shadow import ProcessShadow, ShadowJob, ShadowResult
from migration.shadow.parts import DEFAULT_ENGINES, DEFAULT_PARTS
from migration.telemetry.metrics import Metrics

PATIENCE_S = 60.0
#: What no shadow may touch, as the engines are told.
OUTSIDE: dict[str, Any] = {}
LOOK = Effect(kind="tool", name="look", lane="data", key="", request=b"{}", reply=b"1", error=None, started_s=0.0, duration_s=0.0)


def job(act: str, number: int = 0, *, surface: str = "chat", deadline_s: float = 0.3) -> ShadowJob:
    request = RunRequest(
        surface=surface,
        tenant_id="acme",
        user_id="ann",
        thread_id="t",
        run_id=f"{act}-{number}",
        payload=json.dumps({"act": act, "outside": OUTSIDE}).encode(),
        received_at=0.0,
    )
    record = RunRecord(
        request=request, origin=Origin.CONTROL, events=(), journal=(LOOK,), outcome="completed", duration_s=0.1, trace_id=None
    )
    return ShadowJob(record=record, stage=Stage.SHADOW, shadows=Origin.CANDIDATE, deadline_s=deadline_s)


@dataclass
class Watched:
    """A `ProcessShadow`, what it said, and what it counted."""

    shadow: ProcessShadow
    registry: CollectorRegistry
    results: dict[str, ShadowResult] = field(default_factory=dict)

    def count(self, name: str) -> dict[str, float]:
        """The samples of a counter, by their last label (the reason)."""
        samples = [sample for metric in self.registry.collect() for sample in metric.samples if sample.name == f"migration_{name}_total"]
        return {"".join(list(sample.labels.values())[-1:]): sample.value for sample in samples if sample.value}

    def balance(self) -> tuple[float, float]:
        """Runs that should have been shadowed, and what became of them."""
        became = sum(sum(self.count(f"shadow_{name}").values()) for name in ("compared", "shed", "failed"))
        return sum(self.count("shadow_expected").values()), became + self.shadow.waiting

    def outcome(self, run_id: str) -> str:
        result = self.results[run_id]
        return result.failed or (result.comparison.verdict.value if result.comparison else result.detail)


Start = Callable[..., AbstractAsyncContextManager[Watched]]


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[tuple[Path, socket.socket]]:
    """A file and a listening port that no shadow may touch."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        OUTSIDE.update(file=str(tmp_path / "outside"), port=server.getsockname()[1])
        yield tmp_path / "outside", server
        OUTSIDE.clear()


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outside: object) -> Start:
    @asynccontextmanager
    async def started(
        parts: str = "hostile_engines:parts", *, cell: str = "hostile_engines:engines", **settings: Any
    ) -> AsyncIterator[Watched]:
        monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
        registry = CollectorRegistry()
        options = {"home": tmp_path, "shadow_priority": "normal", "shadow_memory_bytes": 2**28, **settings}
        results: dict[str, ShadowResult] = {}
        shadow = ProcessShadow(
            MigrationSettings(**options),
            Metrics(registry=registry),
            lambda result: results.update({result.run_id: result}),
            parts=parts,
            engines=cell,
        )
        await shadow.start()
        try:
            yield Watched(shadow, registry, results)
        finally:
            await shadow.aclose()

    return started


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.01)


@asynccontextmanager
async def served_stream(ticks: int = 10) -> AsyncIterator[list[float]]:
    """A served stream beside it all: the gaps between its events, in seconds."""
    gaps: list[float] = []

    async def serve() -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.005)
            gaps.append(time.monotonic() - before)

    task = asyncio.create_task(serve())
    try:
        yield gaps
    finally:
        await until(lambda: len(gaps) >= ticks)
        task.cancel()


ENDS = {
    "behave": "match",
    "look": "match",
    "raise_exception": "divergent",
    "raise_base_exception": "divergent",
    "raise_system_exit": "divergent",
    "raise_keyboard_interrupt": "divergent",
    "raise_cancelled": "divergent",
    "exit_in_a_task": "match",
    "interrupt_in_a_task": "engine",
    "leave_a_task_behind": "match",
    "sleep_for_hours": "match",
    "hang": "deadline",
    "hang_with_a_heartbeat": "deadline",
    "spin": "deadline",
    "refuse_to_close": "deadline",
    "ignore_cancellation": "deadline",
    "flood": "engine",
    "flood_bytes": "engine",
    "exhaust_memory": "engine",
    "block_the_loop": "deadline",
    "block_in_c": "deadline",
    "exit_the_process": "worker_died",
    "crash": "worker_died",
    "ask_something_else": "divergent",
    "connect": "divergent",
    "connect_from_a_thread": "divergent",
    "connect_by_the_loop": "divergent",
    "connect_quietly": "divergent",
    "write_a_file": "divergent",
    "open_a_database": "divergent",
    "start_a_program": "divergent",
}


async def test_whatever_the_engines_do_each_job_ends_as_it_should_and_the_served_stream_goes_on(start, outside, monkeypatch) -> None:
    monkeypatch.setattr("migration.shadow.dispatch._LATE_S", float("inf"))  # the worker must end by itself what blocks it
    async with start() as watched, served_stream() as gaps:
        for number, act in enumerate(ENDS):
            watched.shadow.offer(job(act, number))
            watched.shadow.offer(job("behave", number))
        assert await watched.shadow.drain(PATIENCE_S)
        ends = {act: watched.outcome(f"{act}-{number}") for number, act in enumerate(ENDS)}
        behaved = {watched.outcome(f"behave-{number}") for number in range(1, len(ENDS))}
    assert ends == ENDS
    assert behaved == {"match"}
    assert watched.balance() == (2 * len(ENDS), 2 * len(ENDS))
    assert max(gaps) < 2.0  # engines that block hold their own loop for longer than that


async def test_nothing_reaches_the_outside(start, outside) -> None:
    file, server = outside
    acts = [act for act in ENDS if act.startswith(("ask", "connect", "write", "open", "start_"))]
    async with start() as watched:
        for act in ["look", *acts]:
            watched.shadow.offer(job(act))
        assert await watched.shadow.drain(PATIENCE_S)
    effects = watched.count("effects")
    assert not file.exists()
    with pytest.raises(BlockingIOError):
        server.accept()
    assert (effects["recorded"], effects["replayed"], effects.get("performed_by_shadow")) == (1 + len(acts), 1, None)
    assert effects["missing"] >= len(acts)


async def test_a_worker_that_may_read_reads_and_lets_nothing_else_through(start, outside) -> None:
    file, server = outside
    acts = [act for act in ENDS if act.startswith(("ask", "connect", "write", "open", "start_"))]
    async with start(cell="hostile_engines:engines_that_may_read", miss_policy="allow") as watched:
        for act in ["read_the_outside", "connect_while_reading", *acts]:
            watched.shadow.offer(job(act, deadline_s=PATIENCE_S))
        assert await watched.shadow.drain(PATIENCE_S)
    assert watched.outcome("read_the_outside-0") == "match"
    assert file.with_suffix(".db").exists()
    assert not file.exists()
    with pytest.raises(BlockingIOError):
        server.accept()
    effects = watched.count("effects")
    assert (effects["performed_by_shadow"], effects.get("unpermitted")) == (2, None)


async def test_a_read_that_hangs_or_blocks_costs_its_own_run_alone(start) -> None:
    acts = ["read_and_hang", "read_the_outside", "read_and_block", "read_the_outside"]
    async with start(cell="hostile_engines:engines_that_may_read", miss_policy="allow") as watched:
        for number, act in enumerate(acts):
            watched.shadow.offer(job(act, number, deadline_s=PATIENCE_S))
        assert await watched.shadow.drain(PATIENCE_S)
    assert [watched.outcome(f"{act}-{number}") for number, act in enumerate(acts)] == ["divergent", "match", "divergent", "match"]
    assert watched.count("effects")["performed_by_shadow"] == len(acts)
    assert watched.count("shadow_worker_restarts") == {"": 1}


async def test_a_worker_that_is_killed_with_several_jobs_costs_none_and_with_one_job_that_one(start) -> None:
    async with start() as watched:
        watched.shadow.offer(job("hang", deadline_s=PATIENCE_S))
        for number in range(20):
            watched.shadow.offer(job("behave", number))
        await until(lambda: watched.shadow.waiting == 21 and watched.shadow.in_flight > 1)
        first = watched.shadow.worker_pid
        os.kill(first, signal.SIGKILL)
        await until(lambda: watched.shadow.worker_pid not in {first, None} and watched.shadow.in_flight == 1)
        assert (watched.shadow.waiting, watched.count("shadow_failed")) == (21, {})
        os.kill(watched.shadow.worker_pid, signal.SIGKILL)
        assert await watched.shadow.drain(PATIENCE_S)
    assert watched.outcome("hang-0") == "worker_died"
    assert watched.count("shadow_compared") == {"chat": 20}
    assert watched.count("shadow_failed") == {"worker_died": 1}
    assert sum(watched.count("shadow_worker_restarts").values()) == 2


async def test_of_many_jobs_the_one_whose_comparison_ends_the_worker_alone_has_failed(start) -> None:
    async with start() as watched:
        for number in range(12):
            watched.shadow.offer(job("behave", number, surface="deadly" if number == 5 else "chat"))
        assert await watched.shadow.drain(PATIENCE_S)
    assert watched.outcome("behave-5") == "worker_died"
    assert (watched.count("shadow_compared"), watched.count("shadow_failed")) == ({"chat": 11}, {"worker_died": 1})
    assert sum(watched.count("shadow_worker_restarts").values()) == 2


async def test_a_killed_cell_costs_one_job_and_is_replaced_with_its_worker(start) -> None:
    async with start() as watched:
        watched.shadow.offer(job("hang", deadline_s=PATIENCE_S))
        for number in range(5):
            watched.shadow.offer(job("behave", number))
        await until(lambda: watched.shadow.in_flight > 0)
        (cell,) = children(watched.shadow.worker_pid)
        os.kill(cell, signal.SIGKILL)
        assert await watched.shadow.drain(PATIENCE_S)
    assert watched.outcome("hang-0") == "worker_died"
    assert watched.count("shadow_compared") == {"chat": 5}
    assert sum(watched.count("shadow_worker_restarts").values()) == 1


async def test_engines_that_need_what_they_may_not_have_say_which_file_that_is(start, capfd) -> None:
    async with start(cell="hostile_engines:engines_that_read_a_file") as watched:
        await until(lambda: watched.count("failures").get("shadow.worker", 0) >= 1)
    assert "it was refused: open for reading /etc/hostname" in capfd.readouterr().err


def children(pid: int | None) -> list[int]:
    return [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]


async def test_the_cell_ends_with_its_worker(start) -> None:
    async with start() as watched:
        watched.shadow.offer(job("behave"))
        assert await watched.shadow.drain(PATIENCE_S)
        (cell,) = children(watched.shadow.worker_pid)
        os.kill(watched.shadow.worker_pid, signal.SIGKILL)
        await until(lambda: is_gone(cell))


async def test_a_thread_that_an_engine_leaves_behind_is_gone_before_the_next_run(start) -> None:
    async with start() as watched:
        watched.shadow.offer(job("leave_a_thread_behind"))
        watched.shadow.offer(job("behave"))
        assert await watched.shadow.drain(PATIENCE_S)
    assert watched.outcome("behave-0") == "match"
    assert sum(watched.count("shadow_worker_restarts").values()) == 1


async def test_threads_that_end_with_the_run_cost_nothing(start) -> None:
    async with start() as watched:
        for number in range(3):
            watched.shadow.offer(job("work_in_a_thread", number))
        assert await watched.shadow.drain(PATIENCE_S)
    assert watched.count("shadow_compared") == {"chat": 3}
    assert watched.count("shadow_worker_restarts") == {}


@pytest.mark.parametrize("boundary", ["kernel", "interpreter"])
async def test_what_holds_the_engines_is_what_the_kernel_shows_of_their_process(start, boundary) -> None:
    async with start(shadow_boundary=boundary) as watched:
        await until(lambda: watched.shadow.worker_ready)
        assert held_by(watched.shadow.worker_pid) == boundary
        assert held_by(os.getpid()) != "kernel"


async def test_where_the_kernel_gives_no_boundary_nothing_is_shadowed(start, monkeypatch, capfd) -> None:
    async with start(cell="hostile_engines:engines_on_an_old_kernel") as watched:
        watched.shadow.offer(job("behave"))
        await until(lambda: watched.count("failures").get("shadow.worker", 0) >= 1)
        assert watched.shadow.waiting == 1
    assert "this kernel does not provide a boundary for shadows: Landlock" in capfd.readouterr().err


async def test_a_worker_goes_on_when_the_whole_process_group_is_told_to_end(start) -> None:
    async with start() as watched:
        watched.shadow.offer(job("behave", 0))
        assert await watched.shadow.drain(PATIENCE_S)
        for polite in (signal.SIGTERM, signal.SIGINT):
            os.kill(watched.shadow.worker_pid, polite)
        watched.shadow.offer(job("behave", 1))
        assert await watched.shadow.drain(PATIENCE_S)
    assert watched.count("shadow_compared") == {"chat": 2}
    assert sum(watched.count("shadow_worker_restarts").values()) == 0


def test_on_uvloop_too_a_killed_worker_costs_one_job(start) -> None:
    async def scenario() -> Watched:
        async with start() as watched:
            watched.shadow.offer(job("hang", deadline_s=PATIENCE_S))
            await until(lambda: watched.shadow.in_flight > 0)
            os.kill(watched.shadow.worker_pid, signal.SIGKILL)
            await until(lambda: "hang-0" in watched.results)
            watched.shadow.offer(job("behave"))
            assert await watched.shadow.drain(PATIENCE_S)
            return watched

    watched = uvloop.run(scenario())
    assert (watched.outcome("hang-0"), watched.outcome("behave-0")) == ("worker_died", "match")


async def test_workers_killed_again_and_again_lose_no_count(start) -> None:
    async with start() as watched:
        for number in range(60):
            watched.shadow.offer(job("sleep_for_hours", number))
            assert len(set(watched.balance())) == 1
        for _ in range(3):
            await until(lambda: watched.shadow.in_flight > 0 or not watched.shadow.waiting)
            if watched.shadow.worker_pid is not None:
                os.kill(watched.shadow.worker_pid, signal.SIGKILL)
            await asyncio.sleep(0)
            assert len(set(watched.balance())) == 1
            await until(lambda: watched.shadow.worker_pid is not None)
        assert await watched.shadow.drain(PATIENCE_S)
    assert watched.balance() == (60, 60)


async def test_a_stopped_worker_is_noticed_by_the_parent(start, monkeypatch) -> None:
    monkeypatch.setattr("migration.shadow.dispatch._LATE_S", 0.2)
    async with start() as watched:
        watched.shadow.offer(job("behave", 1))
        assert await watched.shadow.drain(PATIENCE_S)
        os.kill(watched.shadow.worker_pid, signal.SIGSTOP)
        watched.shadow.offer(job("behave", 2))
        assert await watched.shadow.drain(PATIENCE_S)
    assert watched.outcome("behave-2") == "deadline"


async def test_offers_return_at_once_although_the_worker_reads_nothing(start) -> None:
    async with start() as watched:
        watched.shadow.offer(job("behave"))
        assert await watched.shadow.drain(PATIENCE_S)
        stopped = watched.shadow.worker_pid
        os.kill(stopped, signal.SIGSTOP)
        rescue = threading.Timer(10.0, os.kill, (stopped, signal.SIGKILL))  # a blocked offer would otherwise block for ever
        rescue.start()
        for number in range(8):
            watched.shadow.offer(job("x" * 2**19, number))
        in_time = rescue.is_alive()
        rescue.cancel()
        os.kill(stopped, signal.SIGKILL)
    assert in_time


async def test_more_than_the_queue_holds_is_shed_by_reason(start) -> None:
    async with start(shadow_queue_jobs=3) as watched:
        for number in range(5):
            watched.shadow.offer(job("behave", number))
        watched.shadow.offer(job("behave", 9), shed="pressure")
        assert await watched.shadow.drain(PATIENCE_S)
    assert watched.count("shadow_shed") == {"queue_jobs": 2, "pressure": 1}
    assert watched.count("shadow_compared") == {"chat": 3}


async def test_a_job_that_is_too_large_is_shed(start) -> None:
    async with start(shadow_job_bytes=2**12) as watched:
        watched.shadow.offer(job("x" * 2**12))
        assert watched.count("shadow_shed") == {"job_bytes": 1}


async def test_bytes_that_wait_are_bounded(start) -> None:
    async with start(shadow_queue_bytes=2**16) as watched:
        for number in range(20):
            watched.shadow.offer(job("x" * 2**12, number))
        assert set(watched.count("shadow_shed")) == {"queue_bytes"}
        assert len(set(watched.balance())) == 1


async def test_jobs_larger_than_the_pipe_arrive_whole(start) -> None:
    async with start() as watched:
        for number in range(3):
            big = job("behave", number)
            effects = tuple(LOOK for _ in range(10_000))
            record = RunRecord(**{name: getattr(big.record, name) for name in big.record.__struct_fields__} | {"journal": effects * 3})
            watched.shadow.offer(ShadowJob(record=record, stage=Stage.SHADOW, shadows=Origin.CANDIDATE, deadline_s=PATIENCE_S))
        assert await watched.shadow.drain(PATIENCE_S)
    assert watched.count("shadow_compared") == {"chat": 3}


async def test_what_waits_when_the_application_ends_is_counted(start) -> None:
    async with start() as watched:
        watched.shadow.offer(job("hang", deadline_s=PATIENCE_S))
        watched.shadow.offer(job("behave"))
        await watched.shadow.aclose()
        watched.shadow.offer(job("behave", 2))
    assert watched.count("shadow_failed") == {"closed": 2}
    assert watched.count("shadow_shed") == {"closed": 1}
    assert watched.balance() == (3, 3)


@pytest.mark.parametrize(
    ("surface", "reason", "operation"),
    [("unknown", "engine", None), ("exits", "engine", None), ("incomparable", "comparison", "comparison.compare")],
)
async def test_a_job_that_cannot_be_judged_has_failed_with_its_reason(start, surface, reason, operation) -> None:
    async with start() as watched:
        watched.shadow.offer(job("behave", surface=surface))
        assert await watched.shadow.drain(PATIENCE_S)
    assert watched.count("shadow_failed") == {reason: 1}
    assert list(watched.count("failures")) == ([operation] if operation else [])


# goes with: chat
async def test_with_the_embedded_defaults_a_run_is_compared_and_kept(start, tmp_path) -> None:
    async with start(DEFAULT_PARTS, cell=DEFAULT_ENGINES, engines="hostile_engines:build") as watched:
        watched.shadow.offer(job("behave", deadline_s=PATIENCE_S))
        assert await watched.shadow.drain(PATIENCE_S)
    store = EvidenceStore(f"sqlite:///{tmp_path / 'evidence.db'}", Redactor(b"k" * 32))
    try:
        assert [view.run_id for view in store.comparisons("chat")] == ["behave-0"]
    finally:
        store.close()
    assert watched.count("shadow_compared") == {"chat": 1}
    assert watched.count("failures") == {}


# stays


async def test_a_full_disk_costs_the_evidence_and_not_the_verdict(start) -> None:
    async with start("hostile_engines:parts_without_disk") as watched:
        watched.shadow.offer(job("behave"))
        assert await watched.shadow.drain(PATIENCE_S)
    assert watched.outcome("behave-0") == "match"
    assert watched.count("failures") == {"evidence.write": 1}


async def test_a_worker_that_cannot_start_is_tried_again_and_counted(start) -> None:
    async with start("hostile_engines:parts_that_fail") as watched:
        watched.shadow.offer(job("behave"))
        await until(lambda: sum(watched.count("shadow_worker_restarts").values()) >= 2)
        assert watched.shadow.waiting == 1
        assert watched.count("failures")["shadow.worker"] >= 2


def is_gone(pid: int) -> bool:
    """Whether the process has ended; one that nobody has waited for yet has ended too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


async def test_the_worker_ends_when_its_parent_is_killed(tmp_path, monkeypatch, outside) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", PARENT, str(tmp_path), stdout=asyncio.subprocess.PIPE)
    worker = None
    try:
        worker = int(await asyncio.wait_for(parent.stdout.readline(), PATIENCE_S))
        parent.kill()
        await until(lambda: is_gone(worker))
    finally:
        with suppress(ProcessLookupError):
            parent.kill()
        await parent.wait()
        if worker is not None and not is_gone(worker):
            os.kill(worker, signal.SIGKILL)


PARENT = """
import asyncio, sys
from prometheus_client import CollectorRegistry
from test_shadow_process import job, until
from migration.settings import MigrationSettings
from migration.shadow import ProcessShadow
from migration.telemetry.metrics import Metrics

async def main():
    settings = MigrationSettings(home=sys.argv[1], shadow_priority="normal")
    named = {"parts": "hostile_engines:parts", "engines": "hostile_engines:engines"}
    shadow = ProcessShadow(settings, Metrics(registry=CollectorRegistry()), lambda result: None, **named)
    await shadow.start()
    shadow.offer(job("behave"))
    await shadow.drain(60)
    shadow.offer(job("block_in_c", deadline_s=3600))
    await until(lambda: shadow.in_flight)
    print(shadow.worker_pid, file=sys.__stdout__, flush=True)
    await asyncio.sleep(3600)

asyncio.run(main())
"""
