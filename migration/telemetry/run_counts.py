"""Counts the served runs of one surface. Metrics with label values are looked up once, because a look-up costs more than counting."""

from collections.abc import Callable
from typing import NamedTuple

from migration.model import Origin, Outcome, RunRecord, Stage
from migration.telemetry import multiprocess
from migration.telemetry.metrics import Metrics


class _Counters(NamedTuple):
    one_more: Callable[[], None]
    duration_s: Callable[[float, dict[str, str] | None], None]
    first_event_s: Callable[[float], None]


class _OfTenant(NamedTuple):
    one_more: Callable[[], None]
    duration_s: Callable[[float], None]


class RunCounts:
    """The metrics of served runs.

    Args:
        metrics: the process's metrics.
        surface: whose runs are counted.
    """

    def __init__(self, metrics: Metrics, surface: str) -> None:
        self._metrics, self._surface = metrics, surface
        self.not_sampled = metrics.shadow_not_sampled.labels(surface).inc  #: a run was not drawn for shadowing
        self._counters: dict[tuple[Stage, Origin, Outcome], _Counters] = {}  #: all of these labels have closed sets of values
        self._last: tuple[Stage, Origin, Outcome] | None = None  #: key of the previous run
        self._same: _Counters
        self._of_tenants: dict[tuple[str, Origin, Outcome], _OfTenant] = {}
        # prometheus_client drops exemplars when several processes share their metrics.
        self._exemplars = multiprocess.folder() is None

    def ended(self, record: RunRecord, outcome: Outcome, stage: Stage) -> None:
        """Count a served run that ended.

        Args:
            record: the run.
            outcome: how it ended for its user; it differs from the record's if the run could not be stored.
            stage: the stage of the run's plan.
        """
        which = stage, record.origin, outcome
        if which != self._last:  # mostly the same three objects as before; computing their hashes is slow
            self._last, self._same = which, self._counters.get(which) or self._made(*which)
            self._counters[which] = self._same
        counters = self._same
        counters.one_more()
        traced = self._exemplars and record.trace_id is not None
        counters.duration_s(record.duration_s, {"trace_id": str(record.trace_id)} if traced else None)
        tenant = self._metrics.tenant(record.request.tenant_id)
        one = self._of_tenants.get((tenant, record.origin, outcome)) or self._of_tenant(tenant, record.origin, outcome)
        one.one_more()
        one.duration_s(record.duration_s)
        if record.events:
            counters.first_event_s(record.events[0].at_s)

    def _of_tenant(self, tenant: str, origin: Origin, outcome: Outcome) -> _OfTenant:
        counters = self._of_tenants[tenant, origin, outcome] = _OfTenant(
            self._metrics.tenant_runs.labels(self._surface, tenant, origin.value, outcome).inc,
            self._metrics.tenant_run_seconds.labels(self._surface, tenant, origin.value).observe,
        )
        return counters

    def _made(self, stage: Stage, origin: Origin, outcome: Outcome) -> _Counters:
        metrics, serving = self._metrics, (self._surface, origin.value, "serving")
        return _Counters(
            metrics.runs.labels(self._surface, stage.value, origin.value, outcome).inc,
            metrics.run_seconds.labels(*serving).observe,
            metrics.first_event_seconds.labels(*serving).observe,
        )
