"""OpenTelemetry set-up: a bounded ring of finished spans in memory and, when an endpoint is set, OTLP/HTTP.

Code that makes spans needs only `opentelemetry.trace.get_tracer("migration")` and the names in `spans`. Without this set-up, no spans are
made.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from weakref import WeakKeyDictionary

import msgspec
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, TracerProvider
from opentelemetry.trace import Link, SpanContext, StatusCode, TraceFlags

from migration.extras import extra
from migration.settings import MigrationSettings
from migration.telemetry.allowed import NAMES, attributes
from migration.telemetry.delivery import SpanDelivery
from migration.telemetry.provider import Keepable, Keeper, OwnProvider

RING_SPANS = 4096
"""Spans that the ring keeps; about 6 MB when full."""

_OTLP_PATH = "/v1/traces"
_lock = threading.Lock()
_rings: WeakKeyDictionary[TracerProvider, "SpanRing"] = WeakKeyDictionary()
_deliveries: WeakKeyDictionary[TracerProvider, SpanDelivery] = WeakKeyDictionary()


class FinishedSpan(msgspec.Struct, frozen=True, kw_only=True):
    """A span that ended. It contains no exception message, because messages may quote a user."""

    trace_id: str  #: 32 hex digits
    span_id: str  #: 16 hex digits
    parent_id: str | None  #: 16 hex digits; None: the root of its trace
    name: str
    started_at: float  #: Unix seconds
    duration_s: float
    failed: bool
    attributes: Mapping[str, str | bool | int | float]
    links: tuple[tuple[str, str], ...]  #: (trace id, span id) of each linked span; a shadow's span links to that of the served run


class SpanRing(Keeper):
    """The last finished spans of this process, oldest first.

    Args:
        size: spans to keep; older ones are removed.
    """

    def __init__(self, size: int = RING_SPANS) -> None:
        self._spans: deque[ReadableSpan | Keepable] = deque(maxlen=size)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Do nothing: only finished spans are kept."""

    def on_end(self, span: ReadableSpan) -> None:
        """Keep the span, if it may leave. Appending to a deque is atomic, so no lock is needed."""
        if span.name in NAMES:
            self._spans.append(span)

    def keep(self, span: Keepable) -> None:
        """Keep the span unbuilt: it is built when it is read."""
        self._spans.append(span)

    def shutdown(self) -> None:
        """Do nothing: the ring may be read after the provider was shut down."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - the SDK's signature
        """Return True, because no span ever waits."""
        return True

    def spans(self, trace_id: str | None = None) -> list[FinishedSpan]:
        """Return the spans of a trace and those that link to it; of all traces if `trace_id` is None."""
        found = [_finished(span if isinstance(span, ReadableSpan) else span.readable()) for span in tuple(self._spans)]
        if trace_id is None:
            return found
        return [span for span in found if span.trace_id == trace_id or any(linked == trace_id for linked, _ in span.links)]


def configure_tracing(settings: MigrationSettings, service_name: str, on_lost: Callable[[int], None] | None = None) -> SpanRing:
    """Enable spans in this process. The second call returns the ring of the first.

    If the application has already installed a tracer provider, it is kept, and only the ring (and the exporter) are added to it.

    Args:
        settings: `otlp_endpoint` (empty: only the ring) and `trace_percent`.
        service_name: OpenTelemetry's `service.name`, e.g. "netra-backend".
        on_lost: called with the number of spans that were not delivered just now; None: they are only logged.
    """
    with _lock:
        provider = trace.get_tracer_provider()
        if not isinstance(provider, TracerProvider):
            provider = OwnProvider(settings.trace_percent, Resource.create({SERVICE_NAME: service_name}))
            trace.set_tracer_provider(provider)
        return _attach(provider, settings, on_lost)


def _attach(provider: TracerProvider, settings: MigrationSettings, on_lost: Callable[[int], None] | None) -> SpanRing:
    if (known := _rings.get(provider)) is not None:
        return known
    ring = _rings[provider] = SpanRing()
    provider.add_span_processor(ring)
    if settings.otlp_endpoint:
        # Imported here: it imports protobuf and an HTTP client, which a process without a collector does not need.
        with extra("otlp"):
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        delivery = _deliveries[provider] = SpanDelivery(OTLPSpanExporter(endpoint=_traces_url(settings.otlp_endpoint)), on_lost)
        provider.add_span_processor(delivery)
    return ring


def deliver_spans(timeout_s: float) -> None:
    """Deliver waiting spans for this time at most, before this process ends; later spans are lost, and counted."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider) and (delivery := _deliveries.get(provider)) is not None:
        delivery.close(timeout_s)


def links_to(trace_id: str | None, span_id: str | None) -> tuple[Link, ...]:
    """Return the link to a span of another process, for `start_span(links=...)`; () when an id is None or no valid id."""
    try:
        context = SpanContext(int(trace_id or "", 16), int(span_id or "", 16), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    except ValueError:
        return ()
    return (Link(context),) if context.is_valid else ()


def unread(tracer: trace.Tracer) -> bool:
    """Return whether this tracer's spans are not read, because the process has no provider: then even their attributes are not needed."""
    return isinstance(tracer, trace.ProxyTracer) and isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def _traces_url(endpoint: str) -> str:
    # OTLP/HTTP collectors listen on <endpoint>/v1/traces; the exporter uses the whole address that it is given.
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
        attributes=attributes(span),
        links=tuple((trace.format_trace_id(link.context.trace_id), trace.format_span_id(link.context.span_id)) for link in span.links),
    )
