"""OpenTelemetry set-up: a bounded ring of finished spans in memory and, when an endpoint is set, OTLP/HTTP.

Code with spans uses `opentelemetry.trace.get_tracer("migration")` and the names in `spans` alone; without this set-up both are no-ops.
"""

import logging
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from weakref import WeakKeyDictionary

import msgspec
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Link, SpanContext, Status, StatusCode, TraceFlags

from migration.settings import MigrationSettings
from migration.telemetry.metrics import Metrics

logger = logging.getLogger(__name__)

RING_SPANS = 4096
"""Spans that the ring keeps; about 6 MB when full."""

_OTLP_PATH = "/v1/traces"
_lock = threading.Lock()
_rings: WeakKeyDictionary[TracerProvider, "SpanRing"] = WeakKeyDictionary()


class FinishedSpan(msgspec.Struct, frozen=True, kw_only=True):
    """A span that ended. Holds no exception message: those may quote a user."""

    trace_id: str  #: 32 hex digits
    span_id: str  #: 16 hex digits
    parent_id: str | None  #: 16 hex digits; None: the root of its trace
    name: str
    started_at: float  #: Unix seconds
    duration_s: float
    failed: bool
    attributes: Mapping[str, str | bool | int | float]
    links: tuple[tuple[str, str], ...]  #: (trace id, span id) of the spans it points to, e.g. a shadow's to the served run


class SpanRing(SpanProcessor):
    """The last finished spans of this process, oldest first.

    Args:
        size: spans to keep; older ones fall out.
    """

    def __init__(self, size: int = RING_SPANS) -> None:
        self._spans: deque[ReadableSpan] = deque(maxlen=size)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Do nothing: only finished spans are kept."""

    def on_end(self, span: ReadableSpan) -> None:
        """Keep the span. Appending to a deque is atomic, so no lock is needed."""
        self._spans.append(span)

    def shutdown(self) -> None:
        """Do nothing: the ring may be read after the provider was shut down."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - the SDK's signature
        """Return True: nothing is ever waiting."""
        return True

    def spans(self, trace_id: str | None = None) -> list[FinishedSpan]:
        """Return the spans of a trace and those that link to it; of all traces when `trace_id` is None."""
        found = [_finished(span) for span in tuple(self._spans)]
        if trace_id is None:
            return found
        return [span for span in found if span.trace_id == trace_id or any(linked == trace_id for linked, _ in span.links)]

    def export_jsonl(self, path: Path) -> int:
        """Write the spans to `path`, one JSON object a line, and return how many there were.

        Raises:
            OSError: the file cannot be written.
        """
        spans = self.spans()
        path.write_bytes(b"".join(msgspec.json.encode(span) + b"\n" for span in spans))
        return len(spans)


class TextFreeExporter(SpanExporter):
    """Passes spans on without exception messages, which may quote a user, and counts spans that could not be delivered.

    Args:
        exporter: where the spans go.
        metrics: where lost batches are counted, as `telemetry.export`; None: they are only logged.
    """

    def __init__(self, exporter: SpanExporter, metrics: Metrics | None = None) -> None:
        self._exporter, self._metrics = exporter, metrics

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export the spans without their texts. A failure is counted and logged, never raised."""
        try:
            result = self._exporter.export([_without_text(span) for span in spans])
        except Exception:
            logger.exception("span exporter failed; %d spans are lost", len(spans))
            result = SpanExportResult.FAILURE
        if result is not SpanExportResult.SUCCESS:
            logger.warning("%d spans were not delivered; look at the collector behind NETRA_MIGRATION_OTLP_ENDPOINT", len(spans))
            if self._metrics is not None:
                self._metrics.failures.labels("telemetry.export").inc()
        return result

    def shutdown(self) -> None:
        """Close the exporter."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Return whether everything was delivered in time."""
        return self._exporter.force_flush(timeout_millis)


def configure_tracing(settings: MigrationSettings, service_name: str, metrics: Metrics | None = None) -> SpanRing:
    """Make spans real in this process. The second call returns the ring of the first.

    A tracer provider that the application has installed already is kept and only gets the ring (and the exporter) added.

    Args:
        settings: `otlp_endpoint` (empty: the ring only) and `trace_percent`.
        service_name: OpenTelemetry's `service.name`, e.g. "netra-backend".
        metrics: where undelivered batches are counted; None: they are only logged.
    """
    with _lock:
        provider = trace.get_tracer_provider()
        if not isinstance(provider, TracerProvider):
            sampler = ParentBased(TraceIdRatioBased(settings.trace_percent / 100))
            provider = TracerProvider(sampler=sampler, resource=Resource.create({SERVICE_NAME: service_name}))
            trace.set_tracer_provider(provider)
        return _attach(provider, settings, metrics)


def _attach(provider: TracerProvider, settings: MigrationSettings, metrics: Metrics | None) -> SpanRing:
    if (known := _rings.get(provider)) is not None:
        return known
    ring = _rings[provider] = SpanRing()
    provider.add_span_processor(ring)
    if settings.otlp_endpoint:
        # Imported here: it brings protobuf and an HTTP client, which a process without a collector does not need.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        exporter = OTLPSpanExporter(endpoint=_traces_url(settings.otlp_endpoint))
        provider.add_span_processor(BatchSpanProcessor(TextFreeExporter(exporter, metrics)))
    return ring


def links_to(trace_id: str | None, span_id: str | None) -> tuple[Link, ...]:
    """Return the link to a span of another process, for `start_span(links=...)`; () when an id is None or no valid id."""
    try:
        context = SpanContext(int(trace_id or "", 16), int(span_id or "", 16), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    except ValueError:
        return ()
    return (Link(context),) if context.is_valid else ()


def current_trace_id() -> str | None:
    """Return the current span's trace id, 32 hex digits; None when nothing is traced."""
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else None


def _traces_url(endpoint: str) -> str:
    # OTLP/HTTP collectors listen on <endpoint>/v1/traces; the exporter takes what it is given as the whole address.
    bare = endpoint.rstrip("/")
    return bare if bare.endswith(_OTLP_PATH) else bare + _OTLP_PATH


def _finished(span: ReadableSpan) -> FinishedSpan:
    context = span.context or trace.INVALID_SPAN_CONTEXT
    started_ns, ended_ns = span.start_time or 0, span.end_time or 0
    return FinishedSpan(
        trace_id=trace.format_trace_id(context.trace_id),
        span_id=trace.format_span_id(context.span_id),
        parent_id=trace.format_span_id(span.parent.span_id) if span.parent else None,
        name=span.name,
        started_at=started_ns / 1e9,
        duration_s=(ended_ns - started_ns) / 1e9,
        failed=span.status.status_code is StatusCode.ERROR,
        attributes={
            key: value if isinstance(value, str | bool | int | float) else str(value) for key, value in (span.attributes or {}).items()
        },
        links=tuple((trace.format_trace_id(link.context.trace_id), trace.format_span_id(link.context.span_id)) for link in span.links),
    )


def _without_text(span: ReadableSpan) -> ReadableSpan:
    """Return the span without events and status description: OpenTelemetry writes exception messages and stack traces there."""
    if not span.events and not span.status.description:
        return span
    return ReadableSpan(
        span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=span.attributes,
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
