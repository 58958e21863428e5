"""The trace of a shadow: `migration.shadow` with the calls that it asked for, and `migration.compare` with what was found."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from migration.model import Comparison, Origin, RunRecord, RunRequest, Stage, Verdict
from migration.settings import MigrationSettings
from migration.telemetry import spans
from migration.telemetry.delivery import SpanDelivery
from migration.telemetry.names import KnownNames
from migration.telemetry.run_spans import verdict_of
from migration.telemetry.run_trace import RootSpan, Shared, bytes_of, number_of_spans, run_spans
from migration.telemetry.traced import Ids, SpanEvent, Traceable, TracedSpan, Value, derived
from migration.telemetry.tracing import tenant_attribute

_MOST_EVENTS: Final = 50
_KEPT: Final = frozenset({Verdict.DIVERGENT, Verdict.INCONCLUSIVE})
_NOTHING: Final[Mapping[str, Value]] = {}

Redact = Callable[[str], str]
"""Returns a path or lane in the form that the evidence stores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedShadow:
    """What a worker knows about a shadow when its result is final."""

    served: Ids  #: the span of the served run
    drawn: bool  #: whether the served run's trace is kept whatever the verdict is
    request: RunRequest
    stage: Stage
    origin: Origin
    began_ns: int
    compared_ns: int  #: when the comparison began
    ended_ns: int
    served_record: RunRecord
    record: RunRecord | None  #: of the shadow; None: it gave none
    comparison: Comparison | None
    failed: str | None  #: why there is no comparison

    @property
    def kept(self) -> bool:
        """Whether its trace is kept: it was drawn, or its verdict is not clean."""
        return self.drawn or (self.comparison is not None and self.comparison.verdict in _KEPT)


class ShadowTraces:
    """The traces of a worker.

    Args:
        settings: whose names may be shown.
        delivery: sends them.
        redact: see `Redact`.
    """

    def __init__(self, settings: MigrationSettings, delivery: SpanDelivery[Traceable], redact: Redact) -> None:
        self._settings, self._delivery, self.redact = settings, delivery, redact
        self._watched = frozenset(settings.watch_tenants)
        self.names, self.shared = KnownNames(), Shared()

    def ended(self, shadow: TracedShadow) -> None:
        """Send the trace, if it is kept. Never waits."""
        if shadow.kept:
            self._delivery.put(_ShadowTrace(self, shadow))

    def tenant(self, tenant_id: str) -> Mapping[str, Value]:
        """Return the attribute of the tenant, if its name may be in spans."""
        return tenant_attribute(self._settings, self._watched, tenant_id)

    def close(self, timeout_s: float) -> None:
        """Deliver what waits, for this time at most; the rest is lost, and counted."""
        self._delivery.close(timeout_s)


class _ShadowTrace:
    def __init__(self, traces: ShadowTraces, shadow: TracedShadow) -> None:
        self._traces, self._shadow = traces, shadow

    @property
    def size(self) -> int:
        one = self._shadow
        return (1 if one.record is None else number_of_spans(one.record)) + (one.comparison is not None)

    @property
    def weight_bytes(self) -> int:
        records = (self._shadow.record, self._shadow.served_record)
        return sum(bytes_of(record) for record in records if record is not None)

    def spans(self) -> Iterator[TracedSpan]:
        one, traces = self._shadow, self._traces
        traces.names.learn(one.served_record)
        ids = derived(one.served, "shadow")
        about: dict[str, Value] = {
            spans.SURFACE: one.request.surface,
            spans.RUN_ID: one.request.run_id,
            spans.STAGE: one.stage.value,
            spans.SHADOW_STATE: "compared" if one.failed is None else one.failed,
            **traces.tenant(one.request.tenant_id),
        }
        record = one.record or _empty(one)
        if one.record is not None:
            about |= {spans.OUTCOME: record.outcome, spans.VIRTUAL_S: record.duration_s}
        # The engine ran in virtual time: its calls are drawn in their order, within the real time.
        real_s = (one.compared_ns - one.began_ns) / 1e9
        scale = min(1.0, real_s / record.duration_s) if record.duration_s > 0 else 1.0
        root = RootSpan(spans.SHADOW, ids, 0, one.began_ns, one.ended_ns, "shadowing", scale)
        *parts, run = run_spans(root, record, about, traces.names, traces.shared)
        yield from parts
        compare = derived(one.served, "compare")
        links = (one.served,) if one.comparison is None else (one.served, compare)
        yield TracedSpan(
            name=run.name,
            ids=ids,
            parent_id=0,
            started_ns=run.started_ns,
            ended_ns=run.ended_ns,
            shared=run.shared,
            own=run.own,
            failed=one.failed is not None,
            links=links,
        )
        if one.comparison is not None:
            yield self._comparison(one.comparison, compare, ids)

    def _comparison(self, comparison: Comparison, ids: Ids, shadow: Ids) -> TracedSpan:
        one, redact = self._shadow, self._traces.redact
        events = [
            SpanEvent(
                spans.DIVERGENCE,
                one.ended_ns,
                {
                    spans.FINGERPRINT: found.fingerprint,
                    spans.KIND: found.kind,
                    spans.SEVERITY: found.severity,
                    spans.VERDICT: found.verdict.value,
                    spans.LANE: redact(found.lane),
                    spans.PATH: redact(found.path),
                    spans.OCCURRENCES: found.occurrences,
                },
            )
            for found in comparison.divergences[:_MOST_EVENTS]
        ]
        own = verdict_of(comparison) | {spans.ORIGIN: one.origin.value, spans.ROLE: "shadowing"}
        return TracedSpan(
            name=spans.COMPARE,
            ids=ids,
            parent_id=shadow.span_id,
            started_ns=one.compared_ns,
            ended_ns=one.ended_ns,
            shared=_NOTHING,
            own=own,
            events=tuple(events),
            links=(one.served, shadow),
        )


def _empty(one: TracedShadow) -> RunRecord:
    return RunRecord(request=one.request, origin=one.origin, events=(), journal=(), outcome="failed", duration_s=0.0, trace_id=None)
