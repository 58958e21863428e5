"""The span of a served run. While the run is served, only its ids and its start are taken; its trace is built when it is read or sent."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Protocol

import msgspec
from opentelemetry import trace
from opentelemetry.context import get_current
from opentelemetry.trace import Span, SpanContext, SpanKind, StatusCode, TraceFlags

from migration.model import Comparison, RunRecord
from migration.telemetry import spans
from migration.telemetry.names import KnownNames
from migration.telemetry.run_trace import RootSpan, Shared, bytes_of, number_of_spans, run_spans
from migration.telemetry.traced import CLIENT, Ids, TracedSpan, Value, derived

About = Callable[[], Mapping[str, Value]]
"""Makes the attributes of one run's span. It is called when the span is read, so it must not hold large objects."""

MOST_FINGERPRINTS: Final = 20
_new_id: Final = random.getrandbits
_tracer: Final = trace.get_tracer("migration")


class KeepsRuns(Protocol):
    """Decides which runs are kept, and keeps them."""

    names: KnownNames  #: names that may be shown
    shared: Shared  #: attributes that many spans have

    def draws(self, trace_id: int) -> bool:
        """Return whether a run with this trace id is traced whatever its verdict is."""
        ...

    def tenant(self, tenant_id: str) -> Mapping[str, Value]:
        """Return the attribute of the tenant, if its name may be in spans."""
        ...

    def ended(self, run: "KeptRun", *, waits: bool) -> None:
        """Take a run that ended; `waits`: its shadow was offered."""
        ...


class RunSpan(Protocol):
    """The span of one run."""

    @property
    def ids(self) -> Ids | None:
        """None: the run is not traced."""
        ...

    @property
    def drawn(self) -> bool:
        """Whether the run's trace is kept whatever its verdict is."""
        ...

    def end(self, record: RunRecord, outcome: str, *, waits: bool, failed_over: str = "") -> None:
        """End the span now.

        Args:
            record: the run.
            outcome: how it ended for its user.
            waits: whether a shadow of this run is offered; its trace is then complete when `Tracing.shadowed` is called.
            failed_over: how the candidate failed, if control resumed the run; empty: control did not resume it.
        """
        ...


def trace_id_of(span: RunSpan) -> str | None:
    """Return the trace id, 32 hex digits; None: the run is not traced."""
    return None if span.ids is None else f"{span.ids.trace_id:032x}"


def span_id_of(span: RunSpan) -> str | None:
    """Return the span id, 16 hex digits; None: the run is not traced."""
    return None if span.ids is None else f"{span.ids.span_id:016x}"


def verdict_of(comparison: Comparison) -> dict[str, Value]:
    """Return the attributes that a comparison gives to its span and to the span of the served run."""
    found: dict[str, Value] = {spans.VERDICT: comparison.verdict.value, spans.DIVERGENCE_COUNT: len(comparison.divergences)}
    if comparison.divergences:
        found[spans.FINGERPRINTS] = tuple([one.fingerprint for one in comparison.divergences[:MOST_FINGERPRINTS]])
    return found


class NoSpan:
    """The span of a run that is not traced."""

    ids = None
    drawn = False

    def end(self, record: RunRecord, outcome: str, *, waits: bool, failed_over: str = "") -> None:
        """Do nothing."""


class KeptRun:
    """A run's span, and later its trace: a `Traceable`."""

    __slots__ = ("_about", "_ended_ns", "_started_ns", "_tracing", "_verdict", "drawn", "failed_over", "ids", "outcome", "record")

    def __init__(self, tracing: KeepsRuns, about: About) -> None:
        self._tracing, self._about = tracing, about
        self.ids = Ids(_new_id(128), _new_id(64))
        self.drawn = tracing.draws(self.ids.trace_id)
        self._started_ns = self._ended_ns = time.time_ns()
        self.record: RunRecord | None = None
        self.outcome = self.failed_over = ""
        self._verdict: Mapping[str, Value] = {}

    def end(self, record: RunRecord, outcome: str, *, waits: bool, failed_over: str = "") -> None:
        """End the span; keep it, or let it wait for its shadow. Nothing is kept of a run that was not drawn and has no shadow."""
        if self.drawn or waits:
            self._ended_ns, self.record, self.outcome, self.failed_over = time.time_ns(), record, outcome, failed_over
            self._tracing.ended(self, waits=waits)

    def decide(self, state: str, comparison: Comparison | None) -> None:
        """Add the result of the run's shadow."""
        self._verdict = {spans.SHADOW_STATE: state, **({} if comparison is None else verdict_of(comparison))}

    @property
    def size(self) -> int:
        """How many spans it has."""
        return 1 if self.record is None else number_of_spans(self.record)

    @property
    def weight_bytes(self) -> int:
        """About how much memory it needs."""
        return 0 if self.record is None else bytes_of(self.record)

    def spans(self) -> Iterator[TracedSpan]:
        """Build and yield the spans."""
        if self.record is None:
            return
        about = {**self._about(), **self._tracing.tenant(self.record.request.tenant_id)}
        about[spans.OUTCOME] = self.outcome
        if self.failed_over:
            about[spans.FAILOVER_REASON] = self.failed_over
        about |= self._verdict
        root = RootSpan(spans.RUN, self.ids, 0, self._started_ns, self._ended_ns, "serving", new_span_id=_new_span_id)
        built = list(run_spans(root, self.record, about, self._tracing.names, self._tracing.shared))
        if spans.SHADOW_STATE in self._verdict and self._verdict[spans.SHADOW_STATE] != "shed":
            links = [derived(self.ids, "shadow")]
            if spans.VERDICT in self._verdict:
                links.append(derived(self.ids, "compare"))
            built[-1] = _linked(built[-1], tuple(links))
        yield from built


def _new_span_id() -> int:
    return _new_id(64) or 1


def _linked(span: TracedSpan, links: tuple[Ids, ...]) -> TracedSpan:
    return msgspec.structs.replace(span, links=links)


def has_own_provider() -> bool:
    """Return whether the application has installed a tracer provider: then its sampler decides, and its exporters get the spans."""
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


class ForeignRun:
    """A run's span that the application's own provider makes. Its parts follow when the run has ended."""

    __slots__ = ("_about", "_span", "_tracing", "drawn")

    def __init__(self, tracing: KeepsRuns, about: About) -> None:
        self._tracing, self._about = tracing, about
        self._span: Span = _tracer.start_span(spans.RUN, kind=SpanKind.INTERNAL)
        self.drawn = self._span.is_recording()

    @property
    def ids(self) -> Ids | None:
        """The ids that the application's provider gave."""
        context = self._span.get_span_context()
        return Ids(context.trace_id, context.span_id) if context.is_valid else None

    def end(self, record: RunRecord, outcome: str, *, waits: bool, failed_over: str = "") -> None:
        """End the span, and make those of its parts. The run's shadow cannot be waited for: the provider gets a span when it ends."""
        if not self.drawn:
            self._span.end()
            return
        kept = KeptRun(self._tracing, self._about)
        kept.ids, kept.record, kept.outcome, kept.failed_over = self.ids or kept.ids, record, outcome, failed_over
        if waits:
            kept.decide("offered", None)
        *parts, root = kept.spans()
        emit(self._span, root, parts)


def emit(span: Span, root: TracedSpan, parts: list[TracedSpan]) -> None:
    """Make the spans of a run in the application's provider.

    Args:
        span: the span of the run, which has not ended.
        root: the same span, as this package builds it.
        parts: the spans below it.
    """
    made: dict[int, Span] = {root.ids.span_id: span}
    for part in sorted(parts, key=lambda one: one.parent_id != root.ids.span_id):  # agents before their calls
        below = trace.set_span_in_context(made.get(part.parent_id, span), get_current())
        one = _tracer.start_span(
            part.name,
            context=below,
            kind=SpanKind.CLIENT if part.kind == CLIENT else SpanKind.INTERNAL,
            attributes=part.attributes,
            start_time=part.started_ns,
        )
        if part.failed:
            one.set_status(StatusCode.ERROR)
        made[part.ids.span_id] = one
    for part in parts:
        made[part.ids.span_id].end(part.ended_ns)
    span.set_attributes(root.attributes)
    for event in root.events:
        span.add_event(event.name, event.attributes, event.at_ns)
    for link in root.links:
        span.add_link(SpanContext(link.trace_id, link.span_id, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED)))
    if root.failed:
        span.set_status(StatusCode.ERROR)
    span.end()
