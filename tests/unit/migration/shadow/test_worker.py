import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace

import msgspec
import pytest

from migration.effects.journals.replaying import Tally
from migration.model import Origin, encode
from migration.settings import MigrationSettings
from migration.shadow.cell_job import CellJob, CellRun
from migration.shadow.engine_runner import EngineRunner, Engines
from migration.shadow.hello import COMPARE_S, GRACE_S
from migration.shadow.job import ShadowJob
from migration.shadow.noise_round import Round
from migration.shadow.parts import ComparedJob, Parts
from migration.shadow.worker import Worker
from migration.telemetry import ShadowTraces, Traceable, spans
from migration.telemetry.traced import Ids, derived


@pytest.fixture
def worker(parts: Parts) -> Iterator[Callable[..., Worker]]:
    made: list[EngineRunner] = []

    def make(
        *,
        refused: list[str] | None = None,
        traces: ShadowTraces | None = None,
        bound: Callable[[float], None] = lambda _seconds: None,
        **changes: object,
    ) -> Worker:
        chosen = dataclasses.replace(parts, **changes)
        engines = Engines(build=chosen.build, misses=chosen.misses)
        made.append(EngineRunner(engines, seal=lambda: contextlib.nullcontext(list(refused or []))))
        return Worker(chosen, made[-1], traces=traces, bound=bound)

    yield make
    for one in made:
        one.close()


def test_a_job_comes_back_with_its_comparison_and_its_effects(worker, job) -> None:
    result = worker().handle(encode(job()))
    assert result.failed is None
    assert result.comparison.verdict == "match"
    assert (result.comparison.effects_recorded, result.comparison.effects_replayed) == (1, 1)
    assert (result.comparison.effects_missing, result.comparison.effects_performed_by_shadow) == (0, 0)


def test_a_reply_that_took_an_hour_takes_an_hour_of_virtual_time(worker, job) -> None:
    durations = []

    def compare(_job: object, shadow: object) -> object:
        durations.append(shadow.duration_s)
        raise ZeroDivisionError

    worker(compare=compare).handle(encode(job(duration_s=3000.0)))
    assert durations == [pytest.approx(3000.0, abs=5.0)]


def test_a_job_that_cannot_be_decoded_is_a_protocol_failure(worker) -> None:
    assert worker().handle(b"\x93\x01").failed == "protocol"


class Cell:
    """Says of each job what it is given: a run, or that the next one takes its time."""

    def __init__(self, *runs: CellRun | None) -> None:
        self._runs = runs

    def run(self, _job: CellJob, /) -> CellRun:
        raise NotImplementedError

    def runs(self, _jobs: Sequence[CellJob], /) -> Iterator[CellRun | None]:
        yield from self._runs


class Sink:
    def __init__(self) -> None:
        self.stored: list[list[str]] = []

    def store_each(self, findings: Sequence[ComparedJob], /) -> list[bool]:
        self.stored.append([comparison.run_id for _, _, comparison in findings])
        return [True] * len(findings)


@pytest.fixture
def ran(job) -> Callable[..., CellRun]:
    def made(*, spoiled: bool = False) -> CellRun:
        record = msgspec.structs.replace(job().record, origin=Origin.CANDIDATE)
        return CellRun(record=record, tally=Tally(recorded=1, replayed=1, missing=0, unused=0, performed=0), spoiled=spoiled)

    return made


def bodies(job: Callable[..., ShadowJob], number: int) -> list[bytes]:
    return [encode(job(run_id=f"r-{place}")) for place in range(number)]


def handled(worker: Worker, of: Sequence[bytes]) -> list[list[str]]:
    return [[result.run_id for result in results] for results in worker.handle_all(of)]


def test_jobs_that_came_together_are_stored_together_before_any_is_answered(parts, job, ran) -> None:
    sink = Sink()
    one = Worker(dataclasses.replace(parts, sink=sink), Cell(*[ran()] * 3), bound=lambda _seconds: None, clock=lambda: 0.0)
    assert handled(one, bodies(job, 3)) == [["r-0", "r-1", "r-2"]] == sink.stored


def test_no_result_is_held_back_for_an_engine_that_takes_its_time(parts, job, ran) -> None:
    one = Worker(parts, Cell(ran(), None, ran(), ran()), bound=lambda _seconds: None, clock=lambda: 0.0)
    assert handled(one, bodies(job, 3)) == [["r-0"], ["r-1", "r-2"]]


def test_no_result_is_held_back_for_comparisons_that_take_their_time(parts, job, ran) -> None:
    one = Worker(parts, Cell(*[ran()] * 2), bound=lambda _seconds: None, clock=itertools.count().__next__)
    assert handled(one, bodies(job, 2)) == [["r-0"], ["r-1"]]


def test_jobs_after_one_that_spoiled_the_cell_have_no_result(parts, job, ran) -> None:
    one = Worker(parts, Cell(ran(), ran(spoiled=True)), bound=lambda _seconds: None, clock=lambda: 0.0)
    assert (handled(one, bodies(job, 4)), one.spoiled) == ([["r-0", "r-1"]], True)


def test_one_of_many_that_cannot_be_decoded_has_its_place_in_the_answers(parts, job, ran) -> None:
    one = Worker(parts, Cell(ran(), ran()), bound=lambda _seconds: None, clock=lambda: 0.0)
    first, second = bodies(job, 2)
    assert handled(one, [first, b"nonsense", second]) == [["r-0", "", "r-1"]]


def test_a_job_that_is_followed_by_a_round_ends_what_the_cell_is_given_at_once(parts, job, ran, monkeypatch) -> None:
    monkeypatch.setattr("migration.shadow.worker.NoiseRounds.wanted", lambda _rounds, job: job.record.request.run_id == "r-1")
    monkeypatch.setattr("migration.shadow.worker.NoiseRounds.run", lambda *_: Round(outcome="clean"))
    given: list[int] = []

    class Counting(Cell):
        def runs(self, jobs: Sequence[CellJob], /) -> Iterator[CellRun | None]:
            given.append(len(jobs))
            return iter([ran()] * len(jobs))

    assert len(handled(Worker(parts, Counting(), bound=lambda _seconds: None), bodies(job, 4))) >= 2
    assert given == [2, 2]


def test_a_comparison_that_raises_is_counted(worker, job) -> None:
    result = worker(compare=lambda _job, _shadow: 1 / 0).handle(encode(job()))
    assert (result.failed, result.failures) == ("comparison", ("comparison.compare",))


def test_a_failure_that_a_part_reports_travels_with_the_next_result_alone(worker, job) -> None:
    one = worker(failures=["comparison.compare"])
    assert [one.handle(encode(job())).failures for _ in range(2)] == [("comparison.compare",), ()]


def test_a_refused_contact_is_seen_by_the_comparison_as_an_effect_that_nobody_recorded(worker, job) -> None:
    seen = []

    def compare(_job: object, shadow: object) -> object:
        seen.append([(effect.name, effect.error.type) for effect in shadow.journal if effect.error])
        raise ZeroDivisionError

    worker(compare=compare, refused=["socket.connect"]).handle(encode(job()))
    assert seen == [[("socket.connect", "EffectMissingError")]]


def test_each_step_is_bounded(worker, job) -> None:
    bounds: list[float] = []
    worker(bound=bounds.append).handle(encode(job(deadline_s=7.0)))
    assert bounds == [7.0 + GRACE_S + COMPARE_S, COMPARE_S, COMPARE_S]


def test_an_engine_that_hangs_does_not_hold_up_the_next_job(worker, job, builder, never) -> None:
    one = worker(build=builder(never))
    assert [one.handle(encode(job(deadline_s=0.01))).failed for _ in range(2)] == ["deadline", "deadline"]
    assert not one.spoiled


def test_the_shadows_trace_and_that_of_the_served_run_link_to_each_other(worker, job) -> None:
    kept: list[Traceable] = []
    traces = ShadowTraces(MigrationSettings(), SimpleNamespace(put=kept.append), lambda path: path)
    worker(traces=traces).handle(encode(msgspec.structs.replace(job(), traced=True)))
    built = {span.name.partition(" ")[0]: span for span in kept[0].spans()}
    served = Ids(int("a" * 32, 16), int("b" * 16, 16))
    shadow, compare = built[spans.SHADOW], built[spans.COMPARE]
    assert (shadow.ids, compare.ids) == (derived(served, "shadow"), derived(served, "compare"))
    assert (set(shadow.links), set(compare.links)) == ({served, compare.ids}, {served, shadow.ids})
    assert compare.parent_id == shadow.ids.span_id
    assert compare.attributes[spans.VERDICT] == "match"
