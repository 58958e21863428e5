"""Every Prometheus metric of the migration, once. Labels are closed sets; tenants appear only from the watch list, the rest are "other"."""

import logging
import math
from collections.abc import Collection
from typing import get_args

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from migration.errors import Operation
from migration.model import Outcome, Verdict
from migration.stages import PLANS

logger = logging.getLogger(__name__)

OTHER_TENANT = "other"
SHADOW_FAILED = "Shadows without a verdict, by reason."
#: seconds; from one event-loop turn to the longest run
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0)


class Seconds(Histogram):
    """A histogram that accepts only times. One NaN would make its sum NaN for the life of the process, and be in no bucket.

    Times also come from engines (`Event.at_s`), so a value that is not finite is logged and left out.
    """

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:
        """Count a time, in seconds."""
        if math.isfinite(amount):
            super().observe(amount, exemplar)
        else:
            logger.error("%s: an engine gave %s as a time; it is not counted", self._name, amount)


class Metrics:
    """The metrics of one process.

    Args:
        watch_tenants: the only tenants that become label values.
        registry: where they are registered; the process-wide one by default, a new one in tests.
        surfaces: whose counters of runs, shadows and verdicts start at 0; others appear with their first run.
    """

    def __init__(self, watch_tenants: Collection[str] = (), registry: CollectorRegistry = REGISTRY, surfaces: Collection[str] = ()) -> None:
        self._watched = frozenset(watch_tenants)
        self.registry = registry
        self.runs = Counter(
            "migration_runs", "Runs that ended, by who served them.", ["surface", "stage", "origin", "outcome"], registry=registry
        )
        self.run_seconds = Seconds(
            "migration_run_seconds", "Duration of a run.", ["surface", "origin", "role"], buckets=_SECONDS, registry=registry
        )
        self.engine_seconds = Seconds(
            "migration_engine_seconds",
            "Duration of a run minus the time it waited for effects.",
            ["surface", "origin", "role"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.first_event_seconds = Seconds(
            "migration_first_event_seconds",
            "Time to a run's first event.",
            ["surface", "origin", "role"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.shadow_expected = Counter(
            "migration_shadow_expected",
            "Runs that should have been shadowed: compared + shed + failed + waiting.",
            ["surface"],
            registry=registry,
        )
        self.shadow_compared = Counter("migration_shadow_compared", "Shadowed runs with a verdict.", ["surface"], registry=registry)
        self.shadow_shed = Counter("migration_shadow_shed", "Runs not shadowed, by reason.", ["surface", "reason"], registry=registry)
        self.shadow_failed = Counter("migration_shadow_failed", SHADOW_FAILED, ["surface", "reason"], registry=registry)
        self.shadow_waiting = Gauge(
            "migration_shadow_waiting", "Shadow jobs queued or under way.", registry=registry, multiprocess_mode="livesum"
        )
        self.shadow_waiting_bytes = Gauge(
            "migration_shadow_waiting_bytes", "Bytes queued for the shadow worker.", registry=registry, multiprocess_mode="livesum"
        )
        self.shadow_worker_restarts = Counter(
            "migration_shadow_worker_restarts", "Shadow workers started again after they died.", registry=registry
        )
        self.shadow_lag_seconds = Seconds(
            "migration_shadow_lag_seconds",
            "From the end of the served run to its verdict.",
            ["surface"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.comparisons = Counter("migration_comparisons", "Comparisons by verdict.", ["surface", "verdict"], registry=registry)
        self.tenant_comparisons = Counter(
            "migration_tenant_comparisons",
            "Comparisons of watched tenants, by verdict.",
            ["surface", "tenant", "verdict"],
            registry=registry,
        )
        self.divergences = Counter(
            "migration_divergences", "Divergences found, by kind.", ["surface", "kind", "severity", "verdict"], registry=registry
        )
        self.isolation_identifiers = Counter(
            "migration_isolation_identifiers",
            "Identifiers of tenants, users, threads and runs that became known, by where they are sought in the data of all others.",
            ["sought"],
            registry=registry,
        )
        self.noise_rounds = Counter(
            "migration_noise_rounds",
            "Rounds in which both engines were run once more and compared with themselves, by how they ended.",
            ["surface", "result"],
            registry=registry,
        )
        self.effects = Counter(
            "migration_effects",
            "Effects by what became of them: recorded, replayed, missing, performed_by_shadow, and of these unpermitted (always 0).",
            ["surface", "mode"],
            registry=registry,
        )
        self.flag_decisions = Counter(
            "migration_flag_decisions",
            "Plans made, by the stage and where it came from.",
            ["surface", "stage", "reason"],
            registry=registry,
        )
        self.flag_source_up = Gauge(
            "migration_flag_source_up",
            "1 while the flag source can be read, 0 while the last known flags hold.",
            registry=registry,
            multiprocess_mode="livemin",
        )
        self.flag_source_age_seconds = Gauge(
            "migration_flag_source_age_seconds",
            "Seconds since the flag source was last read well.",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.flag_version = Gauge(
            "migration_flag_version", "Version of a surface's flag.", ["surface"], registry=registry, multiprocess_mode="livemax"
        )
        self.stage_percent = Gauge(
            "migration_stage_percent",
            "Percent of tenants that the flag's default rollout puts in a stage.",
            ["surface", "stage"],
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.kill_switch = Gauge(
            "migration_kill_switch", "1 while the kill switch is on.", ["surface"], registry=registry, multiprocess_mode="livemax"
        )
        self.emergency_switch = Gauge(
            "migration_emergency_switch",
            "1 while the host's emergency kill switch is on.",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.flag_jumps = Counter(
            "migration_flag_jumps",
            "Edits made elsewhere that had tenants skip a stage; the history names them.",
            ["surface"],
            registry=registry,
        )
        self.outbox_rows = Gauge(
            "migration_outbox_rows",
            "Writes of finished runs that a run store still has to take.",
            ["store"],
            registry=registry,
            multiprocess_mode="livemostrecent",
        )
        self.outbox_oldest_seconds = Gauge(
            "migration_outbox_oldest_seconds",
            "Age of the oldest of them.",
            ["store"],
            registry=registry,
            multiprocess_mode="livemostrecent",
        )
        self.outbox_parked = Gauge(
            "migration_outbox_parked",
            "Writes that a run store refused for good; a person has to look at them.",
            ["store"],
            registry=registry,
            multiprocess_mode="livemostrecent",
        )
        self.failures = Counter(
            "migration_failures", "Failures of the migration tool itself; none reached a request.", ["operation"], registry=registry
        )

        for surface in surfaces:
            self._start_at_zero(surface)

    def _start_at_zero(self, surface: str) -> None:
        """Expose what alerts and shares count: a rate cannot see an occurrence that creates its own series."""
        for stage, plan in PLANS.items():
            for outcome in get_args(Outcome):
                self.runs.labels(surface, stage.value, plan.serves.value, outcome)
        self.shadow_expected.labels(surface)
        self.shadow_compared.labels(surface)
        self.flag_jumps.labels(surface)
        for verdict in Verdict:
            self.comparisons.labels(surface, verdict.value)
        self.effects.labels(surface, "unpermitted")
        for operation in get_args(Operation):
            self.failures.labels(operation)

    def tenant(self, tenant_id: str) -> str:
        """Return the tenant's label: itself when it is on the watch list, else "other"."""
        return tenant_id if tenant_id in self._watched else OTHER_TENANT
