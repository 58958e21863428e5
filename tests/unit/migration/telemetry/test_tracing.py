"""Spans: kept in a bounded ring, exported without texts, linked across processes."""

import gzip
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import ClassVar

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from migration.settings import MigrationSettings
from migration.telemetry import spans
from migration.telemetry.delivery import SpanDelivery
from migration.telemetry.tracing import SpanRing, configure_tracing, deliver_spans, links_to

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
PATIENCE_S = 30.0


class Collector(SpanExporter):
    def __init__(self, result: SpanExportResult | None = SpanExportResult.SUCCESS) -> None:
        self.result = result
        self.spans: list[ReadableSpan] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if self.result is None:
            raise ConnectionError("refused")
        self.spans += spans
        return self.result


@pytest.fixture
def ring() -> SpanRing:
    return SpanRing(size=3)


@pytest.fixture
def tracer(ring: SpanRing) -> trace.Tracer:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(ring)
    return provider.get_tracer("migration")


@pytest.fixture
def unset_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process-wide provider, as in a fresh process, put back afterwards."""
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", type(trace._TRACER_PROVIDER_SET_ONCE)())


def finish_span_with_text(tracer: trace.Tracer) -> None:
    with pytest.raises(ValueError, match="account"), tracer.start_as_current_span(spans.RUN):
        raise ValueError("my account number is 4711")


def test_the_ring_keeps_the_newest_spans_only(ring: SpanRing, tracer: trace.Tracer) -> None:
    for number in range(5):
        tracer.start_span(spans.RUN, attributes={spans.RUN_ID: f"r-{number}"}).end()
    assert [span.attributes[spans.RUN_ID] for span in ring.spans()] == ["r-2", "r-3", "r-4"]


def test_a_shadow_is_found_under_the_trace_id_of_the_run_it_links_to(ring: SpanRing, tracer: trace.Tracer) -> None:
    tracer.start_span(spans.SHADOW).end()
    tracer.start_span(spans.SHADOW, links=links_to(TRACE, SPAN)).end()
    assert [(span.name, span.links) for span in ring.spans(TRACE)] == [(spans.SHADOW, ((TRACE, SPAN),))]


def test_the_ring_gives_ids_duration_and_failure_but_no_exception_text(ring: SpanRing, tracer: trace.Tracer) -> None:
    finish_span_with_text(tracer)
    (span,) = ring.spans()
    assert span.failed
    assert span.duration_s >= 0
    assert len(span.trace_id) == 32
    assert "4711" not in repr(span)


@pytest.mark.parametrize(
    ("trace_id", "span_id"), [(None, SPAN), (TRACE, None), ("", ""), ("no hex", SPAN), ("0" * 32, SPAN), (TRACE, "0" * 16)]
)
def test_no_link_is_made_of_ids_that_are_missing_or_invalid(trace_id: str | None, span_id: str | None) -> None:
    assert links_to(trace_id, span_id) == ()


def delivered(collector: Collector, lost: list[int], **options: int) -> tuple[trace.Tracer, SpanDelivery]:
    provider, delivery = TracerProvider(shutdown_on_exit=False), SpanDelivery(collector, lost.append, **options)
    provider.add_span_processor(delivery)
    return provider.get_tracer("migration"), delivery


def test_exported_spans_carry_no_exception_text() -> None:
    collector = Collector()
    tracer, delivery = delivered(collector, [])
    finish_span_with_text(tracer)
    delivery.close(PATIENCE_S)
    (span,) = collector.spans
    assert "4711" not in span.to_json()
    assert span.status.status_code is trace.StatusCode.ERROR


@pytest.mark.parametrize("result", [SpanExportResult.FAILURE, None])
def test_spans_that_the_collector_refuses_are_counted_and_nothing_is_raised(result: SpanExportResult | None) -> None:
    lost: list[int] = []
    tracer, delivery = delivered(Collector(result), lost)
    for _ in range(3):
        tracer.start_span(spans.RUN).end()
    delivery.close(PATIENCE_S)
    assert sum(lost) == 3


class StuckCollector(Collector):
    """Takes nothing until it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.released = Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        assert self.released.wait(PATIENCE_S)
        return super().export(spans)


def test_every_span_that_a_slow_collector_does_not_get_is_counted() -> None:
    lost: list[int] = []
    collector = StuckCollector()
    tracer, delivery = delivered(collector, lost, waiting=100)
    for _ in range(600):
        tracer.start_span(spans.RUN).end()
    collector.released.set()
    delivery.close(PATIENCE_S)
    assert len(collector.spans) >= 100
    assert len(collector.spans) + sum(lost) == 600


def test_what_a_collector_has_not_taken_when_the_process_ends_is_counted() -> None:
    lost: list[int] = []
    collector = StuckCollector()
    tracer, delivery = delivered(collector, lost)
    for _ in range(5):
        tracer.start_span(spans.RUN).end()
    delivery.close(0.05)
    tracer.start_span(spans.RUN).end()
    collector.released.set()
    assert sum(lost) == 6


def test_a_library_that_begins_to_export_something_exports_nothing() -> None:
    collector = Collector()
    tracer, delivery = delivered(collector, [])
    state = trace.TraceState([("vendor", "hunter2")])
    parent = trace.set_span_in_context(
        trace.NonRecordingSpan(trace.SpanContext(1, 2, is_remote=True, trace_flags=trace.TraceFlags(1), trace_state=state))
    )
    tracer.start_span("GET /threads/hunter2", attributes={"url.query": "token=hunter2"}).end()
    with tracer.start_as_current_span(spans.RUN, context=parent) as span:
        span.set_attributes({spans.SURFACE: "chat", "url.path": "/threads/hunter2", "http.request.header.authorization": ["hunter2"]})
        span.add_event("hunter2", {"message": "hunter2"})
        span.add_link(trace.SpanContext(3, 4, is_remote=True, trace_state=state), {"note": "hunter2"})
    delivery.close(PATIENCE_S)
    (sent,) = collector.spans
    assert "hunter2" not in sent.to_json()
    assert dict(sent.attributes) == {spans.SURFACE: "chat"}


def test_a_value_that_the_protocol_cannot_carry_does_not_lose_the_batch() -> None:
    collector = Collector()
    tracer, delivery = delivered(collector, [])
    tracer.start_span(spans.RUN, attributes={spans.RUN_ID: "r-\ud800"}).end()
    delivery.close(PATIENCE_S)
    encode_spans(collector.spans)
    assert [span.attributes[spans.RUN_ID] for span in collector.spans] == ["r-?"]


def test_the_ring_keeps_no_attribute_that_is_not_on_the_list(ring: SpanRing, tracer: trace.Tracer) -> None:
    tracer.start_span(spans.RUN, attributes={"migration.surface": "chat", "url.path": "/secret"}).end()
    assert [span.attributes for span in ring.spans()] == [{"migration.surface": "chat"}]


@pytest.mark.usefixtures("unset_provider")
def test_configuring_twice_gives_the_same_ring_and_one_copy_of_each_span() -> None:
    ring = configure_tracing(MigrationSettings(), "netra-backend")
    assert configure_tracing(MigrationSettings(), "netra-backend") is ring
    with trace.get_tracer("migration").start_as_current_span(spans.RUN) as span:
        trace_id = trace.format_trace_id(span.get_span_context().trace_id)
    assert [kept.trace_id for kept in ring.spans()] == [trace_id]


@pytest.mark.usefixtures("unset_provider")
def test_a_provider_that_the_application_installed_is_kept() -> None:
    mine = TracerProvider(shutdown_on_exit=False)
    trace.set_tracer_provider(mine)
    ring = configure_tracing(MigrationSettings(), "netra-backend")
    mine.get_tracer("mine").start_span(spans.RUN).end()
    assert trace.get_tracer_provider() is mine
    assert [span.name for span in ring.spans()] == [spans.RUN]


@pytest.mark.usefixtures("unset_provider")
@pytest.mark.parametrize("sampled", [trace.TraceFlags.SAMPLED, trace.TraceFlags.DEFAULT])
def test_whether_a_run_is_traced_is_not_for_clients_to_say(sampled: int) -> None:
    ring = configure_tracing(MigrationSettings(), "netra-backend")
    client = trace.NonRecordingSpan(trace.SpanContext(1, 2, is_remote=True, trace_flags=trace.TraceFlags(sampled)))
    trace.get_tracer("migration").start_span(spans.RUN, context=trace.set_span_in_context(client)).end()
    assert len(ring.spans()) == 1


@pytest.mark.usefixtures("unset_provider")
def test_at_zero_percent_nothing_is_kept() -> None:
    ring = configure_tracing(MigrationSettings(trace_percent=0), "netra-backend")
    trace.get_tracer("migration").start_span(spans.RUN).end()
    assert ring.spans() == []


class Receiver(BaseHTTPRequestHandler):
    """An OTLP/HTTP collector that keeps what it is sent."""

    received: ClassVar[list[tuple[str, bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append((self.path, gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.mark.usefixtures("unset_provider")
def test_spans_reach_a_collector_over_http_without_exception_text() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        configure_tracing(MigrationSettings(otlp_endpoint=f"http://127.0.0.1:{server.server_port}"), "netra-backend")
        finish_span_with_text(trace.get_tracer("migration"))
        deliver_spans(PATIENCE_S)
        server.shutdown()
    ((path, body),) = Receiver.received
    assert path == "/v1/traces"
    assert b"netra-backend" in body
    assert b"4711" not in body
