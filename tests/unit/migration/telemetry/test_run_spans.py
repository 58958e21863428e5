"""Spans of served runs: as OpenTelemetry would make them, and made by it wherever somebody else may look at them."""

from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider

from migration.settings import MigrationSettings
from migration.telemetry import spans
from migration.telemetry.delivery import SpanDelivery
from migration.telemetry.provider import OwnProvider
from migration.telemetry.run_spans import start_run
from migration.telemetry.tracing import SpanRing, configure_tracing
from tests.unit.migration.telemetry.test_tracing import PATIENCE_S, Collector

ABOUT = {spans.SURFACE: "chat", spans.RUN_ID: "r-1", "url.path": "/secret"}


@pytest.fixture(autouse=True)
def unset_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process-wide provider, as in a fresh process, put back afterwards."""
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", type(trace._TRACER_PROVIDER_SET_ONCE)())
    monkeypatch.setattr("migration.telemetry.run_spans._tracer", trace.ProxyTracer("migration"))


def ring(percent: float = 100.0) -> SpanRing:
    return configure_tracing(MigrationSettings(trace_percent=percent), "netra-backend")


class Seen(SpanProcessor):
    """What an application adds to see all spans."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.ended: list[str] = []

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        self.started.append(span.name)

    def on_end(self, span: ReadableSpan) -> None:
        self.ended.append(span.name)


@pytest.fixture
def alone() -> Iterator[OwnProvider]:
    """Our own provider, with nobody else on it."""
    ring()
    provider = trace.get_tracer_provider()
    assert isinstance(provider, OwnProvider)
    return provider


def test_a_kept_span_is_the_one_that_opentelemetry_makes():
    kept = ring()
    start_run(lambda: ABOUT).end("failed", failed=True)
    with_sdk = trace.get_tracer("migration").start_span(spans.RUN, attributes={**ABOUT, spans.OUTCOME: "failed"})
    with_sdk.set_status(trace.StatusCode.ERROR)
    with_sdk.end()
    ours, theirs = kept.spans()
    for name in ("name", "parent_id", "failed", "attributes", "links"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert 0 <= ours.duration_s < PATIENCE_S
    assert abs(ours.started_at - theirs.started_at) < PATIENCE_S


def test_the_run_and_the_ring_have_the_same_ids():
    kept = ring()
    span = start_run(lambda: ABOUT)
    span.end("completed", failed=False)
    assert [(one.trace_id, one.span_id) for one in kept.spans()] == [(span.trace_id, span.span_id)]
    assert kept.spans(span.trace_id) == kept.spans()


def test_a_processor_of_the_application_sees_the_start_and_the_end(alone):
    seen = Seen()
    alone.add_span_processor(seen)
    start_run(lambda: ABOUT).end("completed", failed=False)
    assert (seen.started, seen.ended) == ([spans.RUN], [spans.RUN])


def test_a_run_within_a_span_is_its_child():
    kept = ring()
    with trace.get_tracer("mine").start_as_current_span("request") as parent:
        span = start_run(lambda: ABOUT)
        span.end("completed", failed=False)
    assert [one.parent_id for one in kept.spans()] == [trace.format_span_id(parent.get_span_context().span_id)]
    assert span.trace_id == trace.format_trace_id(parent.get_span_context().trace_id)


def test_the_collector_gets_what_the_list_allows(alone):
    collector = Collector()
    delivery = SpanDelivery(collector)
    alone.add_span_processor(delivery)
    start_run(lambda: ABOUT).end("completed", failed=False)
    delivery.close(PATIENCE_S)
    (sent,) = collector.spans
    assert dict(sent.attributes) == {spans.SURFACE: "chat", spans.RUN_ID: "r-1", spans.OUTCOME: "completed"}
    assert sent.resource.attributes["service.name"] == "netra-backend"


def test_a_run_that_is_not_drawn_is_not_kept_and_asked_nothing():
    kept = ring(percent=0.0)
    span = start_run(lambda: pytest.fail("attributes of a span that nobody reads"))
    span.end("completed", failed=False)
    assert kept.spans() == []
    assert len(span.trace_id) == 32


def test_as_many_runs_are_drawn_as_by_the_sampler():
    ring(percent=30.0)
    provider = trace.get_tracer_provider()
    ids = [provider.id_generator.generate_trace_id() for _ in range(200)]
    assert [provider.draws(one) for one in ids] == [
        provider.sampler.should_sample(None, one, spans.RUN).decision.is_sampled() for one in ids
    ]


def test_a_provider_of_the_application_makes_the_spans():
    mine, seen = TracerProvider(shutdown_on_exit=False), Seen()
    mine.add_span_processor(seen)
    trace.set_tracer_provider(mine)
    ring()
    start_run(lambda: ABOUT).end("completed", failed=False)
    assert (seen.started, seen.ended) == ([spans.RUN], [spans.RUN])


def test_opentelemetry_that_is_switched_off_keeps_nothing(monkeypatch):
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    kept = ring()
    span = start_run(lambda: ABOUT)
    span.end("completed", failed=False)
    assert (kept.spans(), span.trace_id) == ([], None)


def test_without_a_provider_a_run_has_no_trace():
    span = start_run(lambda: ABOUT)
    span.end("completed", failed=False)
    assert (span.trace_id, span.span_id) == (None, None)
