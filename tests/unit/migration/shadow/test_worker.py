import contextlib
import dataclasses
from collections.abc import Callable, Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from migration.model import encode
from migration.shadow.engine_runner import EngineRunner, Engines
from migration.shadow.parts import Parts
from migration.shadow.worker import COMPARE_S, GRACE_S, Worker
from migration.telemetry import spans


@pytest.fixture
def worker(parts: Parts) -> Iterator[Callable[..., Worker]]:
    made: list[EngineRunner] = []

    def make(*, refused: list[str] | None = None, bound: Callable[[float], None] = lambda _seconds: None, **changes: object) -> Worker:
        chosen = dataclasses.replace(parts, **changes)
        engines = Engines(build=chosen.build, misses=chosen.misses)
        made.append(EngineRunner(engines, seal=lambda: contextlib.nullcontext(list(refused or []))))
        return Worker(chosen, made[-1], bound=bound)

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


def test_the_comparison_gets_keyed_journals(worker, job) -> None:
    keys = []

    def compare(job: object, shadow: object) -> object:
        keys.extend([job.record.journal[0].key, shadow.journal[0].key])
        raise ZeroDivisionError

    worker(compare=compare).handle(encode(job()))
    assert keys[0] == keys[1] != ""


def test_a_job_that_cannot_be_decoded_is_a_protocol_failure(worker) -> None:
    assert worker().handle(b"\x93\x01").failed == "protocol"


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
    assert bounds == [7.0 + GRACE_S + COMPARE_S, COMPARE_S]


def test_an_engine_that_hangs_does_not_hold_up_the_next_job(worker, job, builder, never) -> None:
    one = worker(build=builder(never))
    assert [one.handle(encode(job(deadline_s=0.01))).failed for _ in range(2)] == ["deadline", "deadline"]
    assert not one.spoiled


def test_the_shadows_span_links_to_the_served_run(worker, job, monkeypatch) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    for module in ("worker", "verdicts"):
        monkeypatch.setattr(f"migration.shadow.{module}._tracer", provider.get_tracer("migration"))
    worker().handle(encode(job()))
    by_name = {span.name: span for span in exporter.get_finished_spans()}
    linked = by_name[spans.SHADOW].links[0].context
    assert (trace.format_trace_id(linked.trace_id), trace.format_span_id(linked.span_id)) == ("a" * 32, "b" * 16)
    assert by_name[spans.COMPARE].parent.span_id == by_name[spans.SHADOW].context.span_id
    assert by_name[spans.COMPARE].attributes[spans.VERDICT] == "match"
