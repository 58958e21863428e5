"""LaunchDarkly's migration op events: one for each run, completed when its comparison is known, built in a thread off the request's path.

The SDK returns one `OpTracker` for each evaluation, but an evaluation is cached for many runs. So a separate tracker is made for each run
from the result of `migration_variation()`.
"""

import logging
import queue
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from ldclient.client import LDClient
from ldclient.migrations import Operation, OpTracker
from ldclient.migrations import Origin as LaunchDarklyOrigin
from ldclient.migrations.tracker import MigrationOpEvent

from migration.flags.decision import Decision
from migration.model import Comparison, Origin, Outcome, RunRequest, Verdict
from migration.telemetry import Metrics, spans

logger = logging.getLogger(__name__)

_ORIGINS: Mapping[Origin, LaunchDarklyOrigin] = MappingProxyType(
    {Origin.CONTROL: LaunchDarklyOrigin.OLD, Origin.CANDIDATE: LaunchDarklyOrigin.NEW}
)
_FAILED: frozenset[Outcome] = frozenset({"failed", "timed_out"})
_QUEUE_LIMIT: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedDecision(Decision):
    """A decision with LaunchDarkly's evaluation."""

    evaluation: MigrationOpEvent | None  #: None: the flag was not evaluated, so there is nothing to report
    provider: str = "unknown"  #: where the flags come from: `flags_source` of the settings

    def evaluated(self) -> dict[str, str]:
        """Return the attributes of the event `feature_flag.evaluation`, with what LaunchDarkly's evaluation says."""
        told = {**Decision.evaluated(self), spans.FLAG_PROVIDER: self.provider}
        if self.evaluation is None:
            return told
        flag, detail = self.evaluation.flag, self.evaluation.detail
        if flag is not None:
            told[spans.FLAG_VERSION] = str(flag.version)
        if self.reason in ("flag", "kill_switch"):
            told[spans.FLAG_VARIANT] = str(detail.value)
            told[spans.FLAG_REASON] = _reason(
                detail.reason.get("kind", ""), split=flag is not None and flag.fallthrough.rollout is not None
            )
        return told


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finished:
    run_id: str
    evaluation: MigrationOpEvent
    serves: Origin
    failed: bool
    duration_s: float
    waits: bool  #: a comparison may still come


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    run_id: str
    verdict: Verdict | None  #: None: the shadow was shed or failed
    durations_s: Mapping[Origin, float]


def _reason(kind: str, *, split: bool) -> str:
    """Return OpenTelemetry's word for LaunchDarkly's reason."""
    if kind == "FALLTHROUGH":
        return "split" if split else "default"
    words = {"OFF": "disabled", "TARGET_MATCH": "targeting_match", "RULE_MATCH": "targeting_match", "ERROR": "error"}
    return words.get(kind, "unknown")


class OpEvents:
    """Collects the facts about each run and sends them to LaunchDarkly's client.

    `consistent` is true only for a match: an accepted or noisy difference is still a difference. An inconclusive comparison does not set
    `consistent`, and a shadow that was shed or failed counts as not invoked.

    Args:
        client: receives the events.
        metrics: counts events that could not be reported, as failures of `flags.track`.
        waiting_limit: how many runs may wait for their comparison; above it, the oldest run is reported without one.
    """

    def __init__(self, client: LDClient, metrics: Metrics, *, waiting_limit: int = 4096) -> None:
        self._client = client
        self._metrics = metrics
        self._waiting_limit = waiting_limit
        self._waiting: dict[str, _Finished] = {}  # used only by the thread
        self._queue: queue.SimpleQueue[_Finished | _Compared | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="migration-op-events", daemon=True)
        self._thread.start()

    def finished(self, request: RunRequest, decision: Decision, outcome: Outcome, duration_s: float) -> None:
        """Record a served run; report it immediately if no comparison can come."""
        if not isinstance(decision, EvaluatedDecision) or decision.evaluation is None:
            return
        self._put(
            _Finished(
                run_id=request.run_id,
                evaluation=decision.evaluation,
                serves=decision.plan.serves,
                failed=outcome in _FAILED,
                duration_s=duration_s,
                waits=decision.plan.shadows is not None and decision.sampled and outcome not in ("cancelled", "cut"),
            )
        )

    def compared(self, run_id: str, comparison: Comparison | None) -> None:
        """Report the run with its comparison; None: its shadow was shed or failed. A run that was reported before is
        ignored.
        """
        durations = {Origin.CONTROL: comparison.control.duration_s, Origin.CANDIDATE: comparison.candidate.duration_s} if comparison else {}
        self._put(_Compared(run_id=run_id, verdict=comparison.verdict if comparison else None, durations_s=durations))

    def close(self, timeout_s: float = 5.0) -> None:
        """Report all waiting runs, and stop."""
        self._queue.put(None)
        self._thread.join(timeout_s)

    def _put(self, note: _Finished | _Compared) -> None:
        if self._queue.qsize() >= _QUEUE_LIMIT:
            self._metrics.failed("flags.track")
        else:
            self._queue.put(note)

    def _work(self) -> None:
        while (note := self._queue.get()) is not None:
            try:
                self._take(note)
            except Exception:
                logger.exception("a migration op event was lost")
                self._metrics.failed("flags.track")
        for run in self._waiting.values():
            self._send(run, None)

    def _take(self, note: _Finished | _Compared) -> None:
        if isinstance(note, _Compared):
            if (run := self._waiting.pop(note.run_id, None)) is not None:
                self._send(run, note)
        elif not note.waits:
            self._send(note, None)
        else:
            self._waiting[note.run_id] = note
            if len(self._waiting) > self._waiting_limit:
                self._metrics.failed("flags.track")
                self._send(self._waiting.pop(next(iter(self._waiting))), None)

    def _send(self, run: _Finished, compared: _Compared | None) -> None:
        found = run.evaluation
        tracker = OpTracker(found.key, found.flag, found.context, found.detail, found.default_stage).operation(Operation.READ)
        serving, shadowing = _ORIGINS[run.serves], _ORIGINS[run.serves.other]
        tracker.invoked(serving).latency(serving, timedelta(seconds=run.duration_s))
        if run.failed:
            tracker.error(serving)
        if compared is not None and compared.verdict is not None:
            tracker.invoked(shadowing).latency(shadowing, timedelta(seconds=compared.durations_s[run.serves.other]))
            if compared.verdict is not Verdict.INCONCLUSIVE:
                matches = compared.verdict is Verdict.MATCH
                tracker.consistent(lambda: matches)
        self._client.track_migration_op(tracker)
