"""The dispatcher against a worker that is a ten-line fake. Real processes: tests/integration/test_shadow_process.py."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.strategies import integers, sampled_from
from prometheus_client import CollectorRegistry

from migration.model import Comparison, Origin, RunRecord, RunRequest, Stage, Timing, Verdict, encode
from migration.settings import MigrationSettings
from migration.shadow import ProcessShadow, ShadowJob, ShadowResult
from migration.shadow.hello import RECYCLE
from migration.telemetry.metrics import Metrics


class FakeWorker:
    """Takes what it is sent and answers when it is told to."""

    def __init__(self, *, loop: object, hello: bytes, on_frame: Callable[[bytes], None], on_exit: Callable[[int], None]) -> None:
        self.on_frame, self.on_exit = on_frame, on_exit
        self.pid, self.blocked, self.killed, self.stopped = 1, False, False, False
        self.sent: list[str] = []

    def send(self, body: bytes) -> None:
        self.sent.append(run_id_of(body))

    def kill(self) -> None:
        self.killed = True

    def stop(self) -> None:
        self.stopped = True

    def hang_up(self) -> None:
        self.on_exit(0)

    def end(self) -> None:
        self.killed = True


def run_id_of(body: bytes) -> str:
    return msgspec.msgpack.decode(body, type=ShadowJob).record.request.run_id


def make_job(run_id: str, payload: Any = b"{}") -> ShadowJob:
    request = RunRequest(surface="chat", tenant_id="acme", user_id="ann", thread_id="t", run_id=run_id, payload=payload, received_at=0.0)
    record = RunRecord(request=request, origin=Origin.CONTROL, events=(), journal=(), outcome="completed", duration_s=0.1, trace_id=None)
    return ShadowJob(record=record, stage=Stage.SHADOW, shadows=Origin.CANDIDATE, deadline_s=1.0)


def verdict(run_id: str) -> ShadowResult:
    timing = Timing(duration_s=0.1, effect_s=0.0, first_event_s=None)
    comparison = Comparison(
        surface="chat",
        tenant_id="acme",
        user_id="ann",
        thread_id="t",
        run_id=run_id,
        stage=Stage.SHADOW,
        serving=Origin.CONTROL,
        verdict=Verdict.MATCH,
        divergences=(),
        control=timing,
        candidate=timing,
    )
    return ShadowResult(run_id=run_id, comparison=comparison)


class Bench:
    """A dispatcher with fake workers, a clock, and everything that it told."""

    def __init__(self, **settings: Any) -> None:
        self.workers: list[FakeWorker] = []
        self.registry = CollectorRegistry()
        self.now = 0.0
        self.told: list[ShadowResult] = []
        self.unseen: list[tuple[str, Stage, str]] = []
        self.shadow = ProcessShadow(
            MigrationSettings(**settings),
            Metrics(registry=self.registry),
            self.told.append,
            unseen=lambda record, stage, reason, _probability: self.unseen.append((record.request.run_id, stage, reason)),
            spawn=self.spawn,
            clock=lambda: self.now,
        )

    def spawn(self, **arguments: Any) -> FakeWorker:
        self.workers.append(FakeWorker(**arguments))
        return self.workers[-1]

    @property
    def worker(self) -> FakeWorker:
        return self.workers[-1]

    async def ready(self) -> "Bench":
        await self.shadow.start()
        self.worker.on_frame(b"")
        return self

    async def replaced(self) -> None:
        """Wait until a worker has taken the place of the dead one, and say that it is ready."""
        dead = self.worker
        async with asyncio.timeout(30):
            while self.worker is dead:  # noqa: ASYNC110 - a timer of the loop starts it
                await asyncio.sleep(0.005)
        self.worker.on_frame(b"")

    def answer(self, run_id: str) -> None:
        self.worker.on_frame(encode(verdict(run_id)))

    def total(self, name: str) -> float:
        return sum(
            sample.value for family in self.registry.collect() for sample in family.samples if sample.name == f"migration_{name}_total"
        )

    def value(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"migration_{name}", labels) or 0.0


@pytest.fixture
async def bench() -> Bench:
    return await Bench(shadow_queue_jobs=100).ready()


async def test_a_worker_that_never_gets_ready_is_replaced() -> None:
    bench = Bench(shadow_start_s=0.01)
    await bench.shadow.start()
    first = bench.worker
    async with asyncio.timeout(30):
        while not first.killed:  # noqa: ASYNC110 - a timer of the loop ends it
            await asyncio.sleep(0.005)
        first.on_exit(-9)
        while bench.worker is first:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.005)
    assert bench.value("failures_total", operation="shadow.worker") == 1
    await bench.shadow.aclose()


async def test_a_worker_that_is_ready_in_time_is_left_alone() -> None:
    bench = await Bench(shadow_start_s=0.02).ready()
    await asyncio.sleep(0.06)
    assert not bench.worker.killed


async def test_at_the_end_a_worker_with_work_is_stopped_so_that_it_delivers_what_it_has(bench) -> None:
    bench.shadow.offer(make_job("r-1"))
    await bench.shadow.aclose()
    assert (bench.worker.stopped, bench.worker.killed) == (True, False)


async def test_a_run_that_cannot_be_encoded_is_counted_and_nothing_is_raised(bench) -> None:
    bench.shadow.offer(make_job("r-1", payload=object()))
    await asyncio.sleep(0)
    assert bench.value("shadow_failed_total", surface="chat", reason="offer") == 1
    assert bench.value("failures_total", operation="shadow.offer") == 1
    assert [result.failed for result in bench.told] == ["offer"]


async def test_a_round_of_engines_against_themselves_is_counted_by_how_it_ended(bench) -> None:
    for number, noise in enumerate(("noisy", "clean", "noisy", None)):
        bench.shadow.offer(make_job(f"r-{number}"))
        bench.worker.on_frame(encode(msgspec.structs.replace(verdict(f"r-{number}"), noise=noise)))
    assert bench.value("noise_rounds_total", surface="chat", result="noisy") == 2
    assert bench.total("noise_rounds") == 3


async def test_nobody_is_told_from_inside_an_offer(bench) -> None:
    bench.shadow.offer(make_job("r-1"), shed="pressure")
    assert bench.told == []
    await asyncio.sleep(0)
    assert [result.detail for result in bench.told] == ["shed: pressure"]


async def test_jobs_wait_until_the_worker_is_ready() -> None:
    bench = Bench()
    await bench.shadow.start()
    bench.shadow.offer(make_job("r-1"))
    assert bench.worker.sent == []
    bench.worker.on_frame(b"")
    assert bench.worker.sent == ["r-1"]


async def test_before_the_start_a_run_is_shed() -> None:
    bench = Bench()
    bench.shadow.offer(make_job("r-1"))
    assert bench.value("shadow_shed_total", surface="chat", reason="closed") == 1


async def test_the_worker_is_sent_a_few_jobs_ahead_and_no_more(bench) -> None:
    for number in range(40):
        bench.shadow.offer(make_job(f"r-{number}"))
    assert len(bench.worker.sent) == 32
    bench.answer("r-0")
    assert bench.worker.sent[-1] == "r-32"


async def test_nothing_more_is_sent_while_the_pipe_is_full(bench) -> None:
    bench.worker.blocked = True
    bench.shadow.offer(make_job("r-1"))
    assert (bench.worker.sent, bench.shadow.waiting) == ([], 1)


@pytest.mark.parametrize("frame", [b"\xc1", encode(verdict("somebody else's"))], ids=["garbage", "wrong run"])
async def test_a_worker_that_talks_nonsense_is_killed_and_its_job_has_failed(bench, frame) -> None:
    bench.shadow.offer(make_job("r-1"))
    bench.worker.on_frame(frame)
    assert bench.worker.killed
    bench.worker.on_exit(-9)
    assert bench.value("shadow_failed_total", surface="chat", reason="protocol") == 1
    await bench.shadow.aclose()


async def test_a_worker_that_was_given_up_is_not_heard_any_more(bench) -> None:
    bench.shadow.offer(make_job("r-0"))
    bench.worker.on_frame(b"\xc1")
    bench.answer("r-0")
    bench.worker.on_exit(-9)
    assert [(result.run_id, result.failed) for result in bench.told] == [("r-0", "protocol")]
    await bench.shadow.aclose()


async def test_of_several_jobs_the_one_that_ends_every_worker_has_failed_and_no_other(bench) -> None:
    for number in range(4):
        bench.shadow.offer(make_job(f"r-{number}"))
    bench.answer("r-0")
    bench.worker.on_exit(-11)
    assert (bench.total("shadow_failed"), bench.shadow.waiting) == (0, 3)
    await bench.replaced()
    assert bench.worker.sent == ["r-1"]
    bench.answer("r-1")
    assert bench.worker.sent == ["r-1", "r-2"]
    bench.worker.on_exit(-11)
    await bench.replaced()
    bench.answer("r-3")
    assert [(result.run_id, result.failed) for result in bench.told] == [
        ("r-0", None),
        ("r-1", None),
        ("r-2", "worker_died"),
        ("r-3", None),
    ]
    await bench.shadow.aclose()


async def test_jobs_are_sent_ahead_again_once_those_of_a_dead_worker_are_done(bench) -> None:
    for number in range(5):
        bench.shadow.offer(make_job(f"r-{number}"))
        if number == 1:
            bench.worker.on_exit(-9)
    await bench.replaced()
    for number in range(2):
        assert bench.worker.sent[number:] == [f"r-{number}"]
        bench.answer(f"r-{number}")
    assert bench.worker.sent[2:] == ["r-2", "r-3", "r-4"]
    await bench.shadow.aclose()


async def test_a_worker_that_asks_to_be_replaced_costs_no_job(bench) -> None:
    for number in range(3):
        bench.shadow.offer(make_job(f"r-{number}"))
    bench.answer("r-0")
    bench.worker.on_exit(RECYCLE)
    assert (bench.total("shadow_failed"), bench.shadow.waiting) == (0, 2)
    await bench.shadow.aclose()


async def test_how_long_a_verdict_took_is_measured_from_the_offer(bench) -> None:
    bench.shadow.offer(make_job("r-1"))
    bench.now = 3.0
    bench.answer("r-1")
    assert bench.value("shadow_lag_seconds_sum", surface="chat") == 3.0


async def test_closing_twice_is_closing_once(bench) -> None:
    bench.shadow.offer(make_job("r-1"))
    await bench.shadow.aclose()
    await bench.shadow.aclose()
    assert bench.value("shadow_failed_total", surface="chat", reason="closed") == 1
    assert bench.value("shadow_waiting") == 0


class CountingLaw(RuleBasedStateMachine):
    """Whatever happens, in whatever order: expected = compared + shed + failed + waiting, and every run is told of once."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.offered = 0

    @initialize()
    def start(self) -> None:
        self.bench = Bench(shadow_queue_jobs=20, shadow_queue_bytes=2**16)
        self.loop.run_until_complete(self.bench.ready())

    def turn(self, action: Callable[[], object]) -> None:
        async def acted() -> None:
            action()
            await asyncio.sleep(0)

        self.loop.run_until_complete(acted())

    @rule(
        many=integers(1, 25), payload=sampled_from([b"{}", b"x" * 9000, object()]), shed=sampled_from([None, None, "pressure", "cancelled"])
    )
    def offer(self, many: int, payload: object, shed: Any) -> None:
        for _ in range(many):
            self.offered += 1
            job = make_job(f"r-{self.offered}", payload)
            self.turn(lambda job=job: self.bench.shadow.offer(job, shed=shed))

    @precondition(lambda self: self.bench.shadow.in_flight and self.bench.worker.sent)
    @rule()
    def answer(self) -> None:
        self.turn(lambda: self.bench.answer(self.bench.worker.sent.pop(0)))

    @rule(frame=sampled_from([b"\xc1", encode(verdict("stranger"))]))
    def nonsense(self, frame: bytes) -> None:
        if self.bench.shadow.worker_pid is not None:
            self.turn(lambda: self.bench.worker.on_frame(frame))

    @rule(status=sampled_from([0, 1, -9, -14, RECYCLE]))
    def die(self, status: int) -> None:
        if self.bench.shadow.worker_pid is not None:
            self.turn(lambda: self.bench.worker.on_exit(status))

    @rule()
    def start_again(self) -> None:
        if self.bench.shadow.worker_pid is None and self.bench.shadow._loop is not None:
            self.bench.shadow._start_timer.cancel()
            self.turn(lambda: self.bench.shadow._start_worker(self.loop))
            self.turn(lambda: self.bench.worker.on_frame(b""))

    @rule()
    def close(self) -> None:
        self.loop.run_until_complete(self.bench.shadow.aclose())

    @invariant()
    def every_run_is_counted_once(self) -> None:
        bench = self.bench
        ended = sum(bench.total(f"shadow_{name}") for name in ("compared", "shed", "failed"))
        assert bench.total("shadow_expected") == self.offered == ended + bench.shadow.waiting
        assert len(bench.told) == ended
        assert len({result.run_id for result in bench.told}) == len(bench.told)
        assert bench.value("shadow_waiting") == bench.shadow.waiting

    @invariant()
    def bytes_are_accounted_for(self) -> None:
        assert self.bench.value("shadow_waiting_bytes") == sum(len(waiting.body) for waiting in self.bench.shadow._line._queue)

    def teardown(self) -> None:
        if hasattr(self, "bench"):
            self.loop.run_until_complete(self.bench.shadow.aclose())
        self.loop.close()


TestCountingLaw = CountingLaw.TestCase
TestCountingLaw.settings = hypothesis_settings(max_examples=60, stateful_step_count=25, deadline=None)


async def test_each_drawn_run_without_a_comparison_in_the_evidence_is_reported_with_its_reason() -> None:
    bench = await Bench(shadow_queue_jobs=2).ready()
    bench.shadow.offer(make_job("left"), shed="cancelled")
    for run_id in ("compared", "not-stored", "too-many"):
        bench.shadow.offer(make_job(run_id))
    bench.answer("compared")
    bench.worker.on_frame(encode(msgspec.structs.replace(verdict("not-stored"), failures=("evidence.write",))))
    bench.shadow.offer(make_job("broken"))
    bench.worker.on_frame(encode(ShadowResult(run_id="broken", comparison=None, failed="engine")))
    assert bench.unseen == [
        ("left", Stage.SHADOW, "cancelled"),
        ("too-many", Stage.SHADOW, "queue_jobs"),
        ("not-stored", Stage.SHADOW, "evidence.write"),
        ("broken", Stage.SHADOW, "engine"),
    ]
    await bench.shadow.aclose()


async def test_at_rest_jobs_wait_and_are_sent_when_the_rest_is_over(bench) -> None:
    bench.shadow.govern(resting=True, overloaded=False)
    bench.shadow.offer(make_job("r-1"))
    assert bench.worker.sent == []
    bench.shadow.govern(resting=False, overloaded=False)
    assert bench.worker.sent == ["r-1"]


async def test_while_the_governor_accepts_no_run_new_ones_are_shed_for_pressure(bench) -> None:
    bench.shadow.govern(resting=False, overloaded=True)
    bench.shadow.offer(make_job("r-1"))
    assert bench.value("shadow_shed_total", surface="chat", reason="pressure") == 1
