"""Every Prometheus metric of the migration, once.

Labels have closed sets of values; a tenant appears only if it is on the watch list, otherwise as "other".
"""

import math
from collections.abc import Collection, Iterable, Mapping
from itertools import product
from typing import Final, get_args

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge

from migration.errors import Operation
from migration.model import DivergenceKind, FailoverResult, Origin, Outcome, Severity, Verdict
from migration.stages import PLANS
from migration.telemetry.declared import MetricTable, counter, gauge, seconds, summary

OTHER_TENANT: Final = "other"
SHADOW_FAILED: Final = "Shadows without a verdict, by reason."
MOST_WATCHED: Final = 20
"""At most this many tenants of the watch list are label values; all others count as "other"."""
MODES: Final = ("recorded", "replayed", "missing", "performed_by_shadow", "unpermitted")
ROLES: Final = ("serving", "shadowing")
TOKENS: Final = ("input", "output")
ALWAYS_SECURITY: Final = frozenset({"isolation_breach", "control_cross_talk"})
"""Kinds of divergences that never have another severity."""
_VERDICTS_OF_ONE: Final = (Verdict.NOISE.value, Verdict.ACCEPTED.value, Verdict.DIVERGENT.value)


class Metrics(MetricTable):
    """The metrics of one process.

    Args:
        watch_tenants: the only tenants that become label values.
        registry: where the metrics are registered; by default the registry of the process, in tests a new one.
        surfaces: their counters of runs, shadows and verdicts exist from the start, with 0; those of other surfaces appear with the first
            run.
    """

    runs = counter("migration_runs", "Runs that ended, by the engine that served them.", "surface", "stage", "origin", "outcome")
    run_seconds = seconds("migration_run_seconds", "Duration of a run.", "surface", "origin", "role")
    engine_seconds = seconds(
        "migration_engine_seconds", "Duration of a run minus the time it waited for effects.", "surface", "origin", "role"
    )
    first_event_seconds = seconds("migration_first_event_seconds", "Time to a run's first event.", "surface", "origin", "role")
    failovers = counter(
        "migration_failovers",
        "Runs that candidate failed while they could fail over, by result. Each also counts as a failed run of candidate.",
        "surface",
        "result",
    )
    shadow_expected = counter(
        "migration_shadow_expected", "Runs that were drawn for shadowing: compared + shed + failed + waiting.", "surface"
    )
    shadow_not_sampled = counter(
        "migration_shadow_not_sampled", "Runs at a stage with a shadow that were not drawn for shadowing.", "surface"
    )
    shadow_compared = counter("migration_shadow_compared", "Shadowed runs with a verdict.", "surface")
    shadow_shed = counter("migration_shadow_shed", "Runs that were drawn and not shadowed, by reason.", "surface", "reason")
    shadow_failed = counter("migration_shadow_failed", SHADOW_FAILED, "surface", "reason")
    shadow_waiting = gauge("migration_shadow_waiting", "Shadow jobs that wait or run.", mode="livesum")
    shadow_waiting_bytes = gauge("migration_shadow_waiting_bytes", "Bytes queued for the shadow worker.", mode="livesum")
    shadow_share = gauge(
        "migration_shadow_share", "Part of the flag's percentage of runs that the governor allows to be drawn.", "surface", mode="livemin"
    )
    shadow_tax = gauge(
        "migration_shadow_tax_ratio",
        "By how much runs take longer because shadows run, at a quantile: 0.1 is 10 % longer; bounds at 95 %.",
        "quantile",
        "bound",
        mode="livemostrecent",
    )
    shadow_cpu_seconds = counter("migration_shadow_cpu_seconds", "Processor time of shadow workers and their cells.")
    loop_late_seconds = gauge(
        "migration_loop_late_seconds", "How late the server's event loop runs its timers: the 90 % quantile of a second.", mode="livemax"
    )
    shadow_worker_restarts = counter("migration_shadow_worker_restarts", "Shadow workers started again after they died.")
    shadow_lag_seconds = seconds("migration_shadow_lag_seconds", "From the end of the served run to its verdict.", "surface")
    comparisons = counter("migration_comparisons", "Comparisons by verdict.", "surface", "verdict")
    tenant_comparisons = counter(
        "migration_tenant_comparisons", "Comparisons of watched tenants, by verdict.", "surface", "tenant", "verdict"
    )
    tenant_runs = counter(
        "migration_tenant_runs",
        "Runs of watched tenants that ended, by the engine that served them.",
        "surface",
        "tenant",
        "origin",
        "outcome",
    )
    tenant_run_seconds = summary("migration_tenant_run_seconds", "Duration of watched tenants' runs.", "surface", "tenant", "origin")
    divergences = counter("migration_divergences", "Divergences found, by kind.", "surface", "kind", "severity", "verdict")
    isolation_identifiers = counter(
        "migration_isolation_identifiers",
        "Identifiers of tenants, users, threads and runs that became known, by where other runs' data is searched for them.",
        "sought",
    )
    noise_rounds = counter(
        "migration_noise_rounds",
        "Rounds in which both engines were run once more and compared with themselves, by how they ended.",
        "surface",
        "result",
    )
    effects = counter(
        "migration_effects",
        "Effects by result: recorded, replayed, missing, performed_by_shadow, and of these unpermitted (always 0).",
        "surface",
        "mode",
    )
    compared_tokens = counter(
        "migration_compared_tokens",
        "Tokens of the model calls of compared runs. Those of the shadowing engine were replayed, and cost nothing.",
        "surface",
        "origin",
        "role",
        "type",
    )
    flag_decisions = counter(
        "migration_flag_decisions", "Plans made, by stage and by the reason for the stage.", "surface", "stage", "reason"
    )
    flag_source_up = gauge(
        "migration_flag_source_up", "1 while the flag source can be read, 0 while the last known flags hold.", mode="livemin"
    )
    flag_source_age_seconds = gauge(
        "migration_flag_source_age_seconds", "Seconds since the flag source was last read without an error.", mode="livemax"
    )
    flag_version = gauge("migration_flag_version", "Version of a surface's flag.", "surface", mode="livemax")
    flag_version_oldest = gauge(
        "migration_flag_version_oldest", "Version of a surface's flag in the process that is furthest behind.", "surface", mode="livemin"
    )
    stage_percent = gauge(
        "migration_stage_percent", "Percent of tenants that the flag's default rollout puts in a stage.", "surface", "stage", mode="livemax"
    )
    kill_switch = gauge("migration_kill_switch", "1 while the kill switch is on.", "surface", mode="livemax")
    emergency_switch = gauge("migration_emergency_switch", "1 while the host's emergency kill switch is on.", mode="livemax")
    flag_jumps = counter(
        "migration_flag_jumps", "Edits made without this tool by which tenants skipped a stage; the history names them.", "surface"
    )
    outbox_rows = gauge("migration_outbox_rows", "Writes of finished runs that still wait for a run store.", "store", mode="livemostrecent")
    outbox_oldest_seconds = gauge("migration_outbox_oldest_seconds", "Age of the oldest write that waits.", "store", mode="livemostrecent")
    outbox_parked = gauge(
        "migration_outbox_parked",
        "Writes that a run store refused permanently; a person has to look at them.",
        "store",
        mode="livemostrecent",
    )
    failures = counter("migration_failures", "Failures of the migration tool itself; none reached a request.", "operation")
    # What the migration's own database and files say. Every process reads the same; see `processes/facts.py`.
    facts_up = gauge(
        "migration_facts_up", "1 while the facts of a source can be read, 0 while they are not known.", "source", mode="livemin"
    )
    processes = gauge(
        "migration_processes", "Processes of all hosts, by their reports in the database.", "role", "state", mode="livemostrecent"
    )
    processes_behind = gauge(
        "migration_processes_behind", "Serving processes that do not follow the newest flags of their source.", mode="livemostrecent"
    )
    processes_by_version = gauge(
        "migration_build_info", "Serving processes of this host, by version of the code.", "version", mode="livesum"
    )
    tenants = gauge("migration_tenants", "Known tenants by their stage.", "surface", "stage", mode="livemostrecent")
    tenant_stage = gauge(
        "migration_tenant_stage", "1: a watched tenant is at this stage.", "surface", "tenant", "stage", mode="livemostrecent"
    )
    history_entries = gauge(
        "migration_history_entries",
        "Entries of the history since it began. They never become fewer.",
        "surface",
        "kind",
        mode="livemostrecent",
    )
    history_last_seconds = gauge(
        "migration_history_last_timestamp_seconds", "Time of the last entry of the history.", "surface", "kind", mode="livemostrecent"
    )
    ramp_state = gauge("migration_ramp_state", "1: the ramp is in this state.", "surface", "state", mode="livemostrecent")
    ramp_step = gauge("migration_ramp_step", "Steps of the ramp that were taken.", "surface", mode="livemostrecent")
    ramp_steps = gauge("migration_ramp_steps", "Steps of the ramp.", "surface", mode="livemostrecent")
    gate_decision = gauge(
        "migration_gate_decision", "1: the last decision of the gate of the present step.", "surface", "decision", mode="livemostrecent"
    )
    gate_runs_needed = gauge(
        "migration_gate_runs_needed", "Runs that a gate needs until divergence allows a promotion.", "surface", mode="livemostrecent"
    )
    gate_divergent = gauge(
        "migration_gate_divergent_ratio",
        "Divergent share of the step's runs by the gate's statistics, and the share that the gate allows.",
        "surface",
        "bound",
        mode="livemostrecent",
    )
    controller_age_seconds = gauge(
        "migration_controller_age_seconds", "Seconds since a controller was last seen to lead.", mode="livemostrecent"
    )
    ledger_entries = gauge("migration_ledger_entries", "Accepted divergences, by how long.", "surface", "term", mode="livemostrecent")
    ledger_remaining_seconds = gauge(
        "migration_ledger_remaining_seconds", "Time until the next accepted divergence expires.", "surface", mode="livemostrecent"
    )
    certificate_remaining_seconds = gauge(
        "migration_certificate_remaining_seconds", "Time until the removal certificate expires.", mode="livemostrecent"
    )
    disk_free_bytes = gauge("migration_disk_free_bytes", "Free bytes where NETRA_MIGRATION_HOME lies.", mode="livemostrecent")
    disk_size_bytes = gauge("migration_disk_size_bytes", "Bytes of the file system of NETRA_MIGRATION_HOME.", mode="livemostrecent")
    evidence_bytes = gauge(
        "migration_evidence_bytes", "Bytes of the evidence database, if it is a file of this host.", mode="livemostrecent"
    )

    def __init__(self, watch_tenants: Collection[str] = (), registry: CollectorRegistry = REGISTRY, surfaces: Collection[str] = ()) -> None:
        super().__init__(registry)
        self.watched = tuple(sorted(watch_tenants)[:MOST_WATCHED])
        self.surfaces = tuple(surfaces)
        self._tenants = frozenset(self.watched)
        for operation in get_args(Operation):
            self.failures.labels(operation)
        for unknown in (self.processes_behind, self.controller_age_seconds, self.certificate_remaining_seconds, *self._of_the_disk()):
            unknown.set(math.nan)  # a gauge without labels begins with 0, which would be wrong until it is read
        for sought in ("text", "fields"):
            self.isolation_identifiers.labels(sought)
        # If the first occurrence creates a series, `rate` misses this occurrence. Callers of `zero` know the values of the other labels.
        for stage, plan in PLANS.items():
            self.zero(self.runs, [stage.value], [plan.serves.value], get_args(Outcome))
        self.zero(self.failovers, get_args(FailoverResult))
        for row in (self.shadow_expected, self.shadow_compared, self.shadow_not_sampled, self.flag_jumps):
            self.zero(row)
        verdicts = [verdict.value for verdict in Verdict]
        self.zero(self.comparisons, verdicts)
        self.zero(self.tenant_comparisons, self.watched, verdicts)
        self.zero(self.tenant_runs, self.watched, list(Origin), get_args(Outcome))
        for kind in get_args(DivergenceKind):
            severities = ["security"] if kind in ALWAYS_SECURITY else get_args(Severity)
            self.zero(self.divergences, [kind], severities, _VERDICTS_OF_ONE)
        self.zero(self.effects, MODES)
        self.zero(self.compared_tokens, list(Origin), ROLES, TOKENS)

    def zero(self, row: Counter, *values: Iterable[str]) -> None:
        """Create a counter's series of each surface with 0, for each combination of the values of its other labels."""
        for labels in product(self.surfaces, *values):
            row.labels(*labels)

    def _of_the_disk(self) -> tuple[Gauge, ...]:
        return self.disk_free_bytes, self.disk_size_bytes, self.evidence_bytes

    def failed(self, operation: Operation, times: int = 1) -> None:
        """Count a failure of the tool itself. The caller logs the cause, and continues."""
        self.failures.labels(operation).inc(times)

    def lost(self, _reason: str, spans: int) -> None:
        """Count spans that did not reach the collector; see `delivery.LossReason`."""
        self.failed("telemetry.export", spans)

    def lost_spans(self, lost: Mapping[str, int]) -> None:
        """Count spans that a worker lost, by reason."""
        for reason, number in lost.items():
            self.lost(reason, number)

    def tenant(self, tenant_id: str) -> str:
        """Return the tenant's label value: its id if it is on the watch list, else "other"."""
        return tenant_id if tenant_id in self._tenants else OTHER_TENANT
