"""Every Prometheus metric of the migration, once.

Labels have closed sets of values; a tenant appears only if it is on the watch list, otherwise as "other".
"""

import logging
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Generic, Self, TypeVar, get_args, overload

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from migration.errors import Operation
from migration.model import FailoverResult, Outcome, Verdict
from migration.stages import PLANS

logger = logging.getLogger(__name__)

OTHER_TENANT = "other"
SHADOW_FAILED = "Shadows without a verdict, by reason."
#: in seconds, from the time of one event-loop turn to that of the longest run
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0)


class _Found(MetricWrapperBase):
    """Remembers the metric of each combination of label values: prometheus_client takes ten times as long to find it.

    The combinations are few, since labels have closed sets of values.
    """

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - as prometheus_client has them
        self._found: dict[tuple[object, ...], Self] = {}
        super().__init__(*args, **options)

    def labels(self, *values: object, **named: object) -> Self:
        """Return the metric with these values of its labels."""
        if named:
            return super().labels(*values, **named)
        found = self._found.get(values)
        if found is None:
            found = self._found[values] = super().labels(*values)
        return found


class _FoundCounter(_Found, Counter):
    """A counter."""


class _FoundGauge(_Found, Gauge):
    """A gauge."""


class Seconds(_Found, Histogram):
    """A histogram that accepts only times. A NaN belongs to no bucket, and makes the sum NaN until the process ends.

    Some times come from engines (`Event.at_s`), so values that are not finite are logged and left out.
    """

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:
        """Count a time, in seconds."""
        if math.isfinite(amount):
            super().observe(amount, exemplar)
        else:
            logger.error("%s: an engine gave %s as a time; it is not counted", self._name, amount)


_Metric = TypeVar("_Metric", Counter, Gauge, Seconds)


class Declared(Generic[_Metric]):
    """One row of the table: the declaration of a metric, which every `Metrics` object makes for itself.

    Args:
        kind: class of the metric.
        name: the metric's name, without the suffixes that Prometheus adds.
        text: what it counts or measures, for people.
        labels: names of the labels.
        options: further arguments of the class.
    """

    def __init__(self, kind: type[_Metric], name: str, text: str, labels: Sequence[str], **options: Any) -> None:  # noqa: ANN401 - as prometheus_client has them
        self._kind: Callable[..., _Metric] = kind
        self.name, self.text, self.labels, self._options = name, text, labels, options

    @overload
    def __get__(self, metrics: None, owner: type, /) -> "Declared[_Metric]": ...
    @overload
    def __get__(self, metrics: "Metrics", owner: type, /) -> _Metric: ...
    def __get__(self, metrics: "Metrics | None", owner: type, /) -> "Declared[_Metric] | _Metric":
        """Return this row if the attribute is read from the class.

        An instance has its own metric under this name, which Python finds first.
        """
        return self

    def made(self, registry: CollectorRegistry) -> _Metric:
        """Return a new metric of this row."""
        return self._kind(self.name, self.text, self.labels, registry=registry, **self._options)


def _counter(name: str, text: str, *labels: str) -> Declared[Counter]:
    return Declared(_FoundCounter, name, text, labels)


def _seconds(name: str, text: str, *labels: str) -> Declared[Seconds]:
    return Declared(Seconds, name, text, labels, buckets=_SECONDS)


def _gauge(name: str, text: str, *labels: str, mode: str) -> Declared[Gauge]:
    """Declare a gauge; `mode` says how the values of several processes are combined."""
    return Declared(_FoundGauge, name, text, labels, multiprocess_mode=mode)


class Metrics:
    """The metrics of one process.

    Args:
        watch_tenants: the only tenants that become label values.
        registry: where the metrics are registered; by default the registry of the process, in tests a new one.
        surfaces: their counters of runs, shadows and verdicts exist from the start, with 0; those of other surfaces appear with the first
            run.
    """

    runs = _counter("migration_runs", "Runs that ended, by the engine that served them.", "surface", "stage", "origin", "outcome")
    run_seconds = _seconds("migration_run_seconds", "Duration of a run.", "surface", "origin", "role")
    engine_seconds = _seconds(
        "migration_engine_seconds", "Duration of a run minus the time it waited for effects.", "surface", "origin", "role"
    )
    first_event_seconds = _seconds("migration_first_event_seconds", "Time to a run's first event.", "surface", "origin", "role")
    failovers = _counter(
        "migration_failovers",
        "Runs that candidate failed while they could fail over, by result. Each also counts as a failed run of candidate.",
        "surface",
        "result",
    )
    shadow_expected = _counter(
        "migration_shadow_expected", "Runs that were drawn for shadowing: compared + shed + failed + waiting.", "surface"
    )
    shadow_not_sampled = _counter(
        "migration_shadow_not_sampled", "Runs at a stage with a shadow that were not drawn for shadowing.", "surface"
    )
    shadow_compared = _counter("migration_shadow_compared", "Shadowed runs with a verdict.", "surface")
    shadow_shed = _counter("migration_shadow_shed", "Runs that were drawn and not shadowed, by reason.", "surface", "reason")
    shadow_failed = _counter("migration_shadow_failed", SHADOW_FAILED, "surface", "reason")
    shadow_waiting = _gauge("migration_shadow_waiting", "Shadow jobs that wait or run.", mode="livesum")
    shadow_waiting_bytes = _gauge("migration_shadow_waiting_bytes", "Bytes queued for the shadow worker.", mode="livesum")
    shadow_share = _gauge(
        "migration_shadow_share", "Part of the flag's percentage of runs that the governor allows to be drawn.", "surface", mode="livemin"
    )
    shadow_tax = _gauge(
        "migration_shadow_tax_ratio",
        "By how much runs take longer because shadows run, at a quantile: 0.1 is 10 % longer; bounds at 95 %.",
        "quantile",
        "bound",
        mode="livemostrecent",
    )
    shadow_worker_restarts = _counter("migration_shadow_worker_restarts", "Shadow workers started again after they died.")
    shadow_lag_seconds = _seconds("migration_shadow_lag_seconds", "From the end of the served run to its verdict.", "surface")
    comparisons = _counter("migration_comparisons", "Comparisons by verdict.", "surface", "verdict")
    tenant_comparisons = _counter(
        "migration_tenant_comparisons", "Comparisons of watched tenants, by verdict.", "surface", "tenant", "verdict"
    )
    divergences = _counter("migration_divergences", "Divergences found, by kind.", "surface", "kind", "severity", "verdict")
    isolation_identifiers = _counter(
        "migration_isolation_identifiers",
        "Identifiers of tenants, users, threads and runs that became known, by where other runs' data is searched for them.",
        "sought",
    )
    noise_rounds = _counter(
        "migration_noise_rounds",
        "Rounds in which both engines were run once more and compared with themselves, by how they ended.",
        "surface",
        "result",
    )
    effects = _counter(
        "migration_effects",
        "Effects by result: recorded, replayed, missing, performed_by_shadow, and of these unpermitted (always 0).",
        "surface",
        "mode",
    )
    flag_decisions = _counter(
        "migration_flag_decisions", "Plans made, by stage and by the reason for the stage.", "surface", "stage", "reason"
    )
    flag_source_up = _gauge(
        "migration_flag_source_up", "1 while the flag source can be read, 0 while the last known flags hold.", mode="livemin"
    )
    flag_source_age_seconds = _gauge(
        "migration_flag_source_age_seconds", "Seconds since the flag source was last read without an error.", mode="livemax"
    )
    flag_version = _gauge("migration_flag_version", "Version of a surface's flag.", "surface", mode="livemax")
    stage_percent = _gauge(
        "migration_stage_percent", "Percent of tenants that the flag's default rollout puts in a stage.", "surface", "stage", mode="livemax"
    )
    kill_switch = _gauge("migration_kill_switch", "1 while the kill switch is on.", "surface", mode="livemax")
    emergency_switch = _gauge("migration_emergency_switch", "1 while the host's emergency kill switch is on.", mode="livemax")
    flag_jumps = _counter(
        "migration_flag_jumps", "Edits made without this tool by which tenants skipped a stage; the history names them.", "surface"
    )
    outbox_rows = _gauge(
        "migration_outbox_rows", "Writes of finished runs that still wait for a run store.", "store", mode="livemostrecent"
    )
    outbox_oldest_seconds = _gauge("migration_outbox_oldest_seconds", "Age of the oldest write that waits.", "store", mode="livemostrecent")
    outbox_parked = _gauge(
        "migration_outbox_parked",
        "Writes that a run store refused permanently; a person has to look at them.",
        "store",
        mode="livemostrecent",
    )
    spans_lost = _counter("migration_spans_lost", "Spans that did not reach the collector, by reason.", "reason")
    failures = _counter("migration_failures", "Failures of the migration tool itself; none reached a request.", "operation")

    def __init__(self, watch_tenants: Collection[str] = (), registry: CollectorRegistry = REGISTRY, surfaces: Collection[str] = ()) -> None:
        self._watched = frozenset(watch_tenants)
        self.registry = registry
        for attribute, row in vars(Metrics).items():
            if isinstance(row, Declared):
                setattr(self, attribute, row.made(registry))
        for surface in surfaces:
            self._start_at_zero(surface)

    def _start_at_zero(self, surface: str) -> None:
        """Create the series that alerts and shares use, with 0: if the first occurrence creates a series, `rate` misses this occurrence."""
        for stage, plan in PLANS.items():
            for outcome in get_args(Outcome):
                self.runs.labels(surface, stage.value, plan.serves.value, outcome)
        for result in get_args(FailoverResult):
            self.failovers.labels(surface, result)
        self.shadow_expected.labels(surface)
        self.shadow_compared.labels(surface)
        self.shadow_not_sampled.labels(surface)
        self.flag_jumps.labels(surface)
        for verdict in Verdict:
            self.comparisons.labels(surface, verdict.value)
        self.effects.labels(surface, "unpermitted")
        for operation in get_args(Operation):
            self.failures.labels(operation)

    def lost(self, reason: str, spans: int) -> None:
        """Count spans that did not reach the collector; see `delivery.LossReason`."""
        self.spans_lost.labels(reason).inc(spans)
        self.failed("telemetry.export", spans)

    def lost_spans(self, lost: Mapping[str, int]) -> None:
        """Count spans that a worker lost, by reason."""
        for reason, number in lost.items():
            self.lost(reason, number)

    def failed(self, operation: Operation, times: int = 1) -> None:
        """Count a failure of the tool itself. The caller logs the cause, and continues."""
        self.failures.labels(operation).inc(times)

    def tenant(self, tenant_id: str) -> str:
        """Return the tenant's label value: its id if it is on the watch list, else "other"."""
        return tenant_id if tenant_id in self._watched else OTHER_TENANT
