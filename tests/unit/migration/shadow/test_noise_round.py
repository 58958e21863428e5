"""A sampled job is followed by a round: each engine once more, compared with itself, and never in the way of the verdict."""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from migration.effects.journals.misses import MissPolicy
from migration.errors import EvidenceError
from migration.evidence import EvidenceStore, Redactor
from migration.model import Divergence, Origin, RunRecord, Verdict, encode
from migration.sentence import Sentence, say
from migration.shadow.engine_runner import EngineRunner, Engines
from migration.shadow.job import ShadowJob
from migration.shadow.noise_floors import REFRESH_S, NoiseFloors
from migration.shadow.noise_round import sampled
from migration.shadow.parts import Parts
from migration.shadow.worker import Worker


class Rounds:
    """Keeps what is stored, or fails."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.stored: list[tuple[str, set[str], set[str]]] = []
        self.failure = failure

    def store_round(self, surface: str, run_id: str, *, control: Collection[str], candidate: Collection[str]) -> None:
        if self.failure is not None:
            raise self.failure
        self.stored.append((surface, set(control), set(candidate)))


class Comparing:
    """Compares as it is told: what engines show against themselves, by origin; between them nothing differs."""

    def __init__(self, compare: Any, *, noise: dict[Origin, str] | None = None, reasons: tuple[Sentence, ...] = ()) -> None:
        self._compare, self._noise, self._reasons = compare, noise or {}, reasons
        self.pairs: list[tuple[Origin, Origin]] = []

    def __call__(self, job: ShadowJob, shadow: RunRecord) -> Any:
        self.pairs.append((job.record.origin, shadow.origin))
        comparison = self._compare(job, shadow)
        if job.record.origin is not shadow.origin:
            return comparison
        if self._reasons:
            return msgspec.structs.replace(comparison, verdict=Verdict.INCONCLUSIVE, reasons=self._reasons)
        mark = self._noise.get(shadow.origin)
        return comparison if mark is None else msgspec.structs.replace(comparison, divergences=(divergence(mark),))


def divergence(mark: str) -> Divergence:
    return Divergence(
        kind="payload",
        severity="contract",
        fingerprint=mark,
        lane="data",
        path="p",
        control="1",
        candidate="2",
        sentence=say("It differs."),
    )


@pytest.fixture
def rounds() -> Rounds:
    return Rounds()


@pytest.fixture
def comparing(parts: Parts) -> Callable[..., Comparing]:
    return lambda **told: Comparing(parts.compare, **told)


@pytest.fixture
def worker(parts: Parts, rounds: Rounds) -> Iterator[Callable[..., Worker]]:
    made: list[EngineRunner] = []

    def make(
        *,
        refused: Callable[[], list[str]] = list,
        bound: Callable[[float], None] = lambda _s: None,
        clock: Callable[[], float] = time.monotonic,
        **changes: Any,
    ) -> Worker:
        chosen = {"rounds": rounds, "noise_percent": 100.0} | changes
        whole = dataclasses.replace(parts, **chosen)
        made.append(EngineRunner(Engines(build=whole.build, misses=whole.misses), seal=lambda: contextlib.nullcontext(refused())))
        return Worker(whole, made[-1], bound=bound, clock=clock)

    yield make
    for one in made:
        one.close()


def test_each_engine_is_compared_with_itself_after_the_two_with_each_other(worker: Any, job: Any, comparing: Any, rounds: Rounds) -> None:
    compare = comparing()
    result = worker(compare=compare).handle(encode(job()))
    control, candidate = Origin.CONTROL, Origin.CANDIDATE
    assert compare.pairs == [(control, candidate), (control, control), (candidate, candidate)]
    assert (result.noise, result.comparison.verdict, rounds.stored) == ("clean", "match", [("chat", set(), set())])


def test_what_an_engine_shows_against_itself_is_stored_for_that_engine(worker: Any, job: Any, comparing: Any, rounds: Rounds) -> None:
    result = worker(compare=comparing(noise={Origin.CONTROL: "a" * 12, Origin.CANDIDATE: "b" * 12})).handle(encode(job()))
    assert result.noise == "noisy"
    assert rounds.stored == [("chat", {"a" * 12}, {"b" * 12})]
    assert result.comparison.divergences == ()


def test_no_round_follows_when_none_is_sampled(worker: Any, job: Any, comparing: Any, rounds: Rounds) -> None:
    compare = comparing()
    result = worker(compare=compare, noise_percent=0.0).handle(encode(job()))
    assert (result.noise, len(compare.pairs), rounds.stored) == (None, 1, [])


def test_no_round_follows_a_shadow_that_read_beyond_its_journal(worker: Any, job: Any, comparing: Any, rounds: Rounds) -> None:
    compare, served = comparing(), job()
    without = msgspec.structs.replace(served, record=msgspec.structs.replace(served.record, journal=()))
    misses = MissPolicy(read_only=frozenset({"look"}), budget=1, perform=answered)
    result = worker(compare=compare, misses=misses).handle(encode(without))
    assert (result.comparison.effects_performed_by_shadow, result.noise, len(compare.pairs), rounds.stored) == (1, "skipped", 1, [])


async def answered(_call: object) -> bytes:
    return b"1"


@pytest.mark.parametrize("kind", ["isolation_breach", "control_cross_talk"])
def test_no_round_follows_a_run_that_holds_somebody_elses_data(kind: Any, worker: Any, job: Any, parts: Parts, rounds: Rounds) -> None:
    def compare(job: ShadowJob, shadow: RunRecord) -> Any:
        found = msgspec.structs.replace(divergence("a" * 12), kind=kind)
        return msgspec.structs.replace(parts.compare(job, shadow), divergences=(found,))

    result = worker(compare=compare).handle(encode(job()))
    assert (result.noise, rounds.stored) == ("cross_talk", [])


def test_a_round_that_says_nothing_is_not_counted_as_a_clean_one(worker: Any, job: Any, comparing: Any, rounds: Rounds) -> None:
    result = worker(compare=comparing(reasons=(say("cut off"),))).handle(encode(job()))
    assert (result.noise, result.comparison.verdict, rounds.stored) == ("inconclusive", "match", [])


def test_a_round_that_tries_to_go_out_fails_and_the_verdict_stands(worker: Any, job: Any, rounds: Rounds) -> None:
    tried = iter([[], ["socket.connect"], []])
    result = worker(refused=lambda: list(next(tried))).handle(encode(job()))
    assert (result.noise, result.comparison.verdict, rounds.stored) == ("failed", "match", [])


def test_a_round_that_cannot_be_stored_is_counted_as_a_failure_of_the_tool(worker: Any, job: Any) -> None:
    result = worker(rounds=Rounds(EvidenceError("full"))).handle(encode(job()))
    assert (result.noise, result.failures, result.comparison.verdict) == ("failed", ("evidence.write",), "match")


def test_a_comparison_that_fails_in_a_round_alone_leaves_the_verdict(worker: Any, job: Any, parts: Parts) -> None:
    def compare(job: ShadowJob, shadow: RunRecord) -> Any:
        return parts.compare(job, shadow) if job.record.origin is not shadow.origin else 1 / 0

    result = worker(compare=compare).handle(encode(job()))
    assert (result.noise, result.failures, result.comparison.verdict) == ("failed", ("comparison.compare",), "match")


def test_there_is_no_round_without_a_verdict(worker: Any, job: Any, rounds: Rounds) -> None:
    result = worker(compare=lambda _job, _shadow: 1 / 0).handle(encode(job()))
    assert (result.failed, result.noise, rounds.stored) == ("comparison", None, [])


def test_a_job_without_time_left_says_that_its_round_was_skipped(worker: Any, job: Any, comparing: Any, rounds: Rounds) -> None:
    compare = comparing()
    result = worker(compare=compare, clock=lambda: 3.0 * len(compare.pairs)).handle(encode(job(deadline_s=5.0)))
    assert (result.noise, rounds.stored) == ("skipped", [])


def test_an_engine_that_interrupts_its_process_in_a_round_does_not_lose_the_verdict(worker: Any, job: Any, builder: Any, look: Any) -> None:
    runs: list[None] = []

    async def body() -> None:
        runs.append(None)
        await look()
        if len(runs) > 1:
            asyncio.get_running_loop().call_soon(_interrupt)
            await asyncio.Event().wait()

    one = worker(build=builder(body))
    result = one.handle(encode(job()))
    assert (result.noise, result.comparison.verdict, one.spoiled) == ("failed", "match", True)


def _interrupt() -> None:
    raise KeyboardInterrupt


def test_the_round_has_what_is_left_of_the_deadline(worker: Any, job: Any) -> None:
    bounds: list[float] = []
    worker(bound=bounds.append).handle(encode(job(deadline_s=5.0)))
    first, _comparing, last, _keeping = bounds
    assert 0 < last <= first


@pytest.mark.parametrize(("percent", "least", "most"), [(0.0, 0, 0), (2.0, 140, 260), (50.0, 4800, 5200), (100.0, 10_000, 10_000)])
def test_the_sample_has_its_share(percent: float, least: int, most: int) -> None:
    assert least <= sum(sampled(f"run-{number}", percent) for number in range(10_000)) <= most


class Evidence:
    """Answers with a view, or fails; counts the questions."""

    def __init__(self) -> None:
        self.asked, self.failure = 0, None

    def noise(self, surface: str) -> Any:
        from migration.evidence.views import NoiseHit, NoiseView

        self.asked += 1
        if self.failure is not None:
            raise self.failure
        hit = NoiseHit(fingerprint="a" * 12, compared=500, rounds=500, control=500, candidate=0)
        return NoiseView(surface=surface, rounds=1000, comparisons=1000, hits=[hit])


def test_floors_are_read_once_in_a_while() -> None:
    evidence, now = Evidence(), [0.0]
    floors = NoiseFloors(evidence.noise, lambda _operation, _error: None, clock=lambda: now[0])
    assert floors("chat").judge(divergence("a" * 12)).verdict is Verdict.NOISE
    now[0] = REFRESH_S - 1
    floors("chat")
    assert evidence.asked == 1
    now[0] = REFRESH_S
    floors("chat")
    assert evidence.asked == 2


def test_floors_that_cannot_be_read_keep_what_is_known_and_say_so() -> None:
    evidence, now, failures = Evidence(), [0.0], []
    floors = NoiseFloors(evidence.noise, lambda operation, _error: failures.append(operation), clock=lambda: now[0])
    floors("chat")
    evidence.failure, now[0] = EvidenceError("gone"), REFRESH_S
    assert floors("chat").judge(divergence("a" * 12)).verdict is Verdict.NOISE
    assert failures == ["evidence.read"]


def test_without_anything_known_nothing_is_noise() -> None:
    evidence = Evidence()
    evidence.failure = EvidenceError("gone")
    assert NoiseFloors(evidence.noise, lambda _o, _e: None)("chat").judge(divergence("a" * 12)).verdict is Verdict.DIVERGENT


def test_a_job_that_is_done_again_after_its_worker_died_counts_its_round_once(worker: Any, job: Any, tmp_path: Path) -> None:
    store = EvidenceStore(f"sqlite:///{tmp_path / 'evidence.db'}", Redactor(b"k" * 32))
    with contextlib.closing(store):
        for _ in range(2):  # the first answer never came
            assert worker(rounds=store).handle(encode(job())).noise == "clean"
        assert store.noise("chat").rounds == 1
