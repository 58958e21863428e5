"""The span of a served run. If only this package reads the span, it is built when it is read, which makes it ten times cheaper."""

import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from opentelemetry import trace
from opentelemetry.context import get_current
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from migration.telemetry import spans
from migration.telemetry.provider import OwnProvider

Attributes = Callable[[], Mapping[str, str]]
"""Makes the attributes of one span. It is called when the span is read, so it must not hold large objects."""

_NAME: Final = "migration"
_SCOPE: Final = InstrumentationScope(_NAME)
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)
_tracer: Final = trace.get_tracer(_NAME)


class RunSpan(Protocol):
    """The span of one run."""

    @property
    def trace_id(self) -> str | None:
        """32 hex digits; None: the run is not traced."""
        ...

    @property
    def span_id(self) -> str | None:
        """16 hex digits; None: the run is not traced."""
        ...

    def end(self, outcome: str, *, failed: bool, failed_over: str = "") -> None:
        """End the span now, with the run's outcome.

        `failed_over`: how the candidate failed, if control resumed the run; empty: control did not resume it.
        """
        ...


def start_run(attributes: Attributes) -> RunSpan:
    """Return the span of a run that starts now.

    OpenTelemetry makes the span if it has a parent, or if another package has added a processor to the provider.
    """
    provider = trace.get_tracer_provider()
    # The exact class is compared: `isinstance` with an abstract class takes longer than all the rest.
    if type(provider) is OwnProvider and provider.alone and not _has_parent():
        return _KeptSpan(provider, attributes)
    return _AnySpan(_tracer.start_span(spans.RUN, kind=SpanKind.INTERNAL, attributes=attributes()))


def _has_parent() -> bool:
    return bool(get_current()) and trace.get_current_span().get_span_context().is_valid


class _KeptSpan:
    """A root span, for the ring and the collector of this process. It becomes a `ReadableSpan` when it is read."""

    __slots__ = (
        "_attributes",
        "_ended_ns",
        "_failed",
        "_failed_over",
        "_outcome",
        "_provider",
        "_sampled",
        "_span_id",
        "_started_ns",
        "_trace_id",
    )

    def __init__(self, provider: OwnProvider, attributes: Attributes) -> None:
        self._provider, self._attributes = provider, attributes
        self._trace_id, self._span_id = provider.id_generator.generate_trace_id(), provider.id_generator.generate_span_id()
        self._sampled = provider.draws(self._trace_id)
        self._outcome, self._failed, self._failed_over = "", False, ""
        self._started_ns = self._ended_ns = time.time_ns()

    @property
    def trace_id(self) -> str | None:
        return f"{self._trace_id:032x}"

    @property
    def span_id(self) -> str | None:
        return f"{self._span_id:016x}"

    def end(self, outcome: str, *, failed: bool, failed_over: str = "") -> None:
        if self._sampled:
            self._ended_ns, self._outcome, self._failed, self._failed_over = time.time_ns(), outcome, failed, failed_over
            self._provider.ended(self)

    def readable(self) -> ReadableSpan:
        """Return the span as a span of OpenTelemetry."""
        return ReadableSpan(
            spans.RUN,
            context=SpanContext(self._trace_id, self._span_id, is_remote=False, trace_flags=_SAMPLED),
            resource=self._provider.resource,
            attributes={**self._attributes(), spans.OUTCOME: self._outcome, **_failover(self._failed_over)},
            kind=SpanKind.INTERNAL,
            status=Status(StatusCode.ERROR if self._failed else StatusCode.UNSET),
            start_time=self._started_ns,
            end_time=self._ended_ns,
            instrumentation_scope=_SCOPE,
        )


class _AnySpan:
    """A span that OpenTelemetry made. If there is no provider, it does nothing."""

    __slots__ = ("_span",)

    def __init__(self, span: Span) -> None:
        self._span = span

    @property
    def trace_id(self) -> str | None:
        context = self._span.get_span_context()
        return trace.format_trace_id(context.trace_id) if context.is_valid else None

    @property
    def span_id(self) -> str | None:
        context = self._span.get_span_context()
        return trace.format_span_id(context.span_id) if context.is_valid else None

    def end(self, outcome: str, *, failed: bool, failed_over: str = "") -> None:
        self._span.set_attributes({spans.OUTCOME: outcome, **_failover(failed_over)})
        if failed:
            self._span.set_status(StatusCode.ERROR)
        self._span.end()


def _failover(reason: str) -> dict[str, str]:
    return {spans.FAILOVER_REASON: reason} if reason else {}
