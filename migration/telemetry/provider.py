"""The tracer provider that this package installs if the application has none, and the interface of its spans."""

import os
from typing import Final, Protocol

from opentelemetry.sdk.environment_variables import OTEL_SDK_DISABLED
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, TraceIdRatioBased

_ALL: Final = 1.0


class Keepable(Protocol):
    """A finished span that is built only when it is read."""

    def readable(self) -> ReadableSpan:
        """Return it as a span of OpenTelemetry."""
        ...


class Keeper(SpanProcessor):
    """A span processor of this package. It needs a span only after the span has ended."""

    def keep(self, span: Keepable) -> None:
        """Take a sampled span that ended."""
        self.on_end(span.readable())


class OwnProvider(TracerProvider):
    """Decides itself which runs are traced, whatever a client's `traceparent` says, and knows whether other packages read its spans.

    Args:
        percent: percentage of runs that are traced.
        resource: this process.
    """

    def __init__(self, percent: float, resource: Resource) -> None:
        self._drawn = drawn = TraceIdRatioBased(percent / 100)
        super().__init__(sampler=ParentBased(drawn, remote_parent_sampled=drawn, remote_parent_not_sampled=drawn), resource=resource)
        self._keepers: tuple[Keeper, ...] = ()
        #: whether all processors are of this package, so that a span may be made when it ends
        self.alone = os.environ.get(OTEL_SDK_DISABLED, "").strip().lower() != "true"

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        """Add a processor, which receives each span from now on."""
        super().add_span_processor(span_processor)
        if isinstance(span_processor, Keeper):
            self._keepers = (*self._keepers, span_processor)
        else:
            self.alone = False

    def draws(self, trace_id: int) -> bool:
        """Return whether the sampler traces a root span with this trace id."""
        return self._drawn.rate >= _ALL or self._drawn.should_sample(None, trace_id, "").decision is Decision.RECORD_AND_SAMPLE

    def ended(self, span: Keepable) -> None:
        """Give the processors a span that ended."""
        for keeper in self._keepers:
            keeper.keep(span)
