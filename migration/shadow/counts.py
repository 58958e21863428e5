"""Counts the result of every run that should have been shadowed: expected = compared + shed + failed + waiting, always."""

from typing import get_args

from migration.model import Comparison
from migration.shadow.job import FailReason, RoundResult, ShedReason
from migration.telemetry import TOKENS, Metrics


class ShadowCounts:
    """The metrics of shadows. Each method counts one thing that happens to a run."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        metrics.zero(metrics.shadow_shed, get_args(ShedReason))
        metrics.zero(metrics.shadow_failed, get_args(FailReason))
        metrics.zero(metrics.noise_rounds, get_args(RoundResult))

    def expected(self, surface: str) -> None:
        """A run was drawn for shadowing. Exactly one of `shed`, `failed`, `compared` follows."""
        self._metrics.shadow_expected.labels(surface).inc()

    def shed(self, surface: str, reason: ShedReason) -> None:
        """The shadow of an expected run was not started."""
        self._metrics.shadow_shed.labels(surface, reason).inc()

    def failed(self, surface: str, reason: FailReason) -> None:
        """The shadow of an expected run was started and gave no verdict."""
        self._metrics.shadow_failed.labels(surface, reason).inc()

    def compared(self, comparison: Comparison, lag_s: float) -> None:
        """The shadow of an expected run has a verdict, this many seconds after the served run ended."""
        self._metrics.shadow_lag_seconds.labels(comparison.surface).observe(lag_s)
        count_comparison(self._metrics, comparison)
        # This is last, directly before the number of waiting jobs changes, so that readers see both changes or neither.
        self._metrics.shadow_compared.labels(comparison.surface).inc()

    def learnt(self, sought_in_text: int, sought_in_fields: int) -> None:
        """This many identifiers became known; from now on they are searched for in the data of all others."""
        if sought_in_text:
            self._metrics.isolation_identifiers.labels("text").inc(sought_in_text)
        if sought_in_fields:
            self._metrics.isolation_identifiers.labels("fields").inc(sought_in_fields)

    def round(self, surface: str, outcome: RoundResult) -> None:
        """After a shadow, each engine was compared with itself in a round; `outcome` says how the round ended."""
        self._metrics.noise_rounds.labels(surface, outcome).inc()

    def waiting(self, jobs: int) -> None:
        """This many jobs wait or run."""
        self._metrics.shadow_waiting.set(jobs)

    def queued(self, size_bytes: int) -> None:
        """This many bytes wait here."""
        self._metrics.shadow_waiting_bytes.set(size_bytes)

    def restarted(self) -> None:
        """A worker was started in place of one that died."""
        self._metrics.shadow_worker_restarts.inc()


def count_comparison(metrics: Metrics, comparison: Comparison) -> None:
    """Count one comparison: its verdict, its divergences, the shadow's timings and effects."""
    surface = comparison.surface
    metrics.comparisons.labels(surface, comparison.verdict.value).inc()
    metrics.tenant_comparisons.labels(surface, metrics.tenant(comparison.tenant_id), comparison.verdict.value).inc()
    for divergence in comparison.divergences:
        metrics.divergences.labels(surface, divergence.kind, divergence.severity, divergence.verdict.value).inc()
    for mode, number in (
        ("recorded", comparison.effects_recorded),
        ("replayed", comparison.effects_replayed),
        ("missing", comparison.effects_missing),
        ("performed_by_shadow", comparison.effects_performed_by_shadow),
        ("unpermitted", comparison.effects_performed_by_shadow - comparison.effects_permitted),
    ):
        metrics.effects.labels(surface, mode).inc(number)
    for origin, tokens in (("control", comparison.control_tokens), ("candidate", comparison.candidate_tokens)):
        role = "serving" if origin == comparison.serving else "shadowing"
        for name, number in zip(TOKENS, tokens, strict=True):
            metrics.compared_tokens.labels(surface, origin, role, name).inc(number)
    serving = comparison.serving
    for role, origin in (("serving", serving), ("shadowing", serving.other)):
        timing = comparison.control if origin == "control" else comparison.candidate
        metrics.engine_seconds.labels(surface, origin.value, role).observe(timing.engine_s)
        if role == "shadowing":
            metrics.run_seconds.labels(surface, origin.value, role).observe(timing.duration_s)
            if timing.first_event_s is not None:
                metrics.first_event_seconds.labels(surface, origin.value, role).observe(timing.first_event_s)
