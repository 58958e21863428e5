"""Spans: kept in a bounded ring, exported without texts, linked across processes."""

import gzip
import json
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from prometheus_client import CollectorRegistry

from migration.settings import MigrationSettings
from migration.telemetry.metrics import Metrics
from migration.telemetry.tracing import SpanRing, TextFreeExporter, configure_tracing, current_trace_id, links_to

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"


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
    with pytest.raises(ValueError, match="account"), tracer.start_as_current_span("run"):
        raise ValueError("my account number is 4711")


def test_the_ring_keeps_the_newest_spans_only(ring: SpanRing, tracer: trace.Tracer) -> None:
    for name in "abcde":
        tracer.start_span(name).end()
    assert [span.name for span in ring.spans()] == ["c", "d", "e"]


def test_a_shadow_is_found_under_the_trace_id_of_the_run_it_links_to(ring: SpanRing, tracer: trace.Tracer) -> None:
    tracer.start_span("other").end()
    tracer.start_span("shadow", links=links_to(TRACE, SPAN)).end()
    assert [(span.name, span.links) for span in ring.spans(TRACE)] == [("shadow", ((TRACE, SPAN),))]


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


def test_exported_spans_carry_no_exception_text(ring: SpanRing, tracer: trace.Tracer) -> None:
    finish_span_with_text(tracer)
    collector = Collector()
    TextFreeExporter(collector).export(tuple(ring._spans))
    (span,) = collector.spans
    assert "4711" not in span.to_json()
    assert span.status.status_code is trace.StatusCode.ERROR


@pytest.mark.parametrize("result", [SpanExportResult.FAILURE, None])
def test_a_batch_that_the_collector_refuses_is_counted_and_not_raised(
    result: SpanExportResult | None, tracer: trace.Tracer, ring: SpanRing
) -> None:
    tracer.start_span("a").end()
    metrics = Metrics(registry=CollectorRegistry())
    exporter = TextFreeExporter(Collector(result), metrics)
    assert exporter.export(tuple(ring._spans)) is SpanExportResult.FAILURE
    assert metrics.registry.get_sample_value("migration_failures_total", {"operation": "telemetry.export"}) == 1


def test_the_ring_is_written_as_one_json_object_a_line(ring: SpanRing, tracer: trace.Tracer, tmp_path: Path) -> None:
    tracer.start_span("a", attributes={"migration.surface": "chat"}).end()
    assert ring.export_jsonl(tmp_path / "spans.jsonl") == 1
    (line,) = (tmp_path / "spans.jsonl").read_text().splitlines()
    assert json.loads(line)["attributes"] == {"migration.surface": "chat"}


@pytest.mark.usefixtures("unset_provider")
def test_configuring_twice_gives_the_same_ring_and_one_copy_of_each_span() -> None:
    ring = configure_tracing(MigrationSettings(), "netra-backend")
    assert configure_tracing(MigrationSettings(), "netra-backend") is ring
    with trace.get_tracer("migration").start_as_current_span("run"):
        trace_id = current_trace_id()
    assert [span.trace_id for span in ring.spans()] == [trace_id]


@pytest.mark.usefixtures("unset_provider")
def test_a_provider_that_the_application_installed_is_kept() -> None:
    mine = TracerProvider(shutdown_on_exit=False)
    trace.set_tracer_provider(mine)
    ring = configure_tracing(MigrationSettings(), "netra-backend")
    mine.get_tracer("mine").start_span("a").end()
    assert trace.get_tracer_provider() is mine
    assert [span.name for span in ring.spans()] == ["a"]


@pytest.mark.usefixtures("unset_provider")
def test_at_zero_percent_nothing_is_kept() -> None:
    ring = configure_tracing(MigrationSettings(trace_percent=0), "netra-backend")
    trace.get_tracer("migration").start_span("run").end()
    assert ring.spans() == []


def test_outside_a_span_there_is_no_trace_id() -> None:
    assert current_trace_id() is None


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
        provider = trace.get_tracer_provider()
        assert isinstance(provider, TracerProvider)
        provider.shutdown()
        server.shutdown()
    ((path, body),) = Receiver.received
    assert path == "/v1/traces"
    assert b"netra-backend" in body
    assert b"4711" not in body
