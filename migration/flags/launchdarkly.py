"""Decides with LaunchDarkly's SDK, in memory: which stage a tenant is at, and whether this run is shadowed."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ldclient import Config, Context
from ldclient.client import LDClient
from ldclient.interfaces import EventProcessor
from ldclient.migrations import Operation, OpTracker
from ldclient.migrations import Origin as LaunchDarklyOrigin
from ldclient.migrations import Stage as LaunchDarklyStage
from ldclient.migrations.tracker import MigrationOpEvent
from prometheus_client import Counter

from migration.flags.decision import Decision, Reason
from migration.flags.op_events import EvaluatedDecision, OpEvents
from migration.flags.sampling import POINTS, point, threshold
from migration.flags.source import FlagFileSource, FlagStatus
from migration.flags.surface_flag import TENANT_KIND, flag_key
from migration.flags.switches import KILL_SWITCH, SHADOW_SAMPLING, SURFACE_KIND
from migration.model import Comparison, Outcome, RunRequest, Stage
from migration.settings import MigrationSettings
from migration.stages import PLANS, Plan
from migration.telemetry.metrics import Metrics

logger = logging.getLogger(__name__)
_CACHE_LIMIT: Final = 10_000
_START_WAIT_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What holds for a tenant on a surface until flags change."""

    sampled: Decision
    unsampled: Decision
    threshold: int  #: runs with a point below it are sampled
    counter: Counter  #: of decisions, with this answer's labels


class LaunchDarklyFlags:
    """The `Flags` that the facade asks, on LaunchDarkly's sync client and a flag file.

    An answer is kept for each (surface, tenant), which together are all that the flags read, and dropped on any change of the flags or of
    the source's health. It holds until then, so LaunchDarkly counts evaluations once an answer; migration op events go out once a run.

    Args:
        settings: surfaces, path of the flag file, seconds between two looks.
        metrics: where decisions and the source's health are counted.
        event_processor: makes what takes LaunchDarkly's events; None: nobody does, since the flag file needs no LaunchDarkly.
        on_change: called with the status after flags or their source changed, in the thread that noticed.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        settings: MigrationSettings,
        metrics: Metrics,
        *,
        event_processor: Callable[[Config], EventProcessor] | None = None,
        on_change: Callable[[FlagStatus], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._surfaces = settings.surfaces
        self._metrics = metrics
        self._on_change = on_change
        self._answers: dict[tuple[str, str], _Answer] = {}
        self._outdated: dict[tuple[str, str], _Answer] = {}
        path: Path = settings.path(settings.flags_file)
        self.source = FlagFileSource(path, settings.surfaces, poll_s=settings.flags_poll_s, on_look=self._looked, clock=clock)
        config = Config(
            "sdk-key-not-needed-for-a-file",
            update_processor_class=lambda config, _store, ready: self.source.connect(config.data_source_update_sink, ready),
            send_events=event_processor is not None,
            event_processor_class=event_processor,
            diagnostic_opt_out=True,
        )
        self._client = LDClient(config, start_wait=_START_WAIT_S)
        self._op_events = OpEvents(self._client, metrics)

    def decide(self, request: RunRequest, /) -> Decision:
        """Return the plan for this request. Never raises: without flags the last known plan holds, and with none `off`."""
        answer = self._answers.get((request.surface, request.tenant_id))
        if answer is None:
            answer = self._answer(request.surface, request.tenant_id)
        answer.counter.inc()
        if answer.threshold >= POINTS or point(request.run_id) < answer.threshold:
            return answer.sampled
        return answer.unsampled

    def plan(self, surface: str, tenant_id: str) -> Plan:
        """Return the plan that the tenant's next run would have. Never raises, and counts nothing: nobody is served."""
        answer = self._answers.get((surface, tenant_id)) or self._answer(surface, tenant_id)
        return answer.sampled.plan

    def finished(self, request: RunRequest, decision: Decision, outcome: Outcome, duration_s: float, /) -> None:
        """Take note that the served run ended; its migration op event goes out now or with its comparison."""
        self._op_events.finished(request, decision, outcome, duration_s)

    def compared(self, run_id: str, comparison: Comparison | None, /) -> None:
        """Send the migration op event of that run, with its comparison or, when there is none, without."""
        self._op_events.compared(run_id, comparison)

    def status(self) -> FlagStatus:
        """Return how well flags can be read, and bring the metrics of it up to date."""
        status = self.source.status()
        self._metrics.flag_source_up.set(int(status.up))
        self._metrics.flag_source_age_seconds.set(status.age_s if status.age_s is not None else float("inf"))
        return status

    def close(self) -> None:
        """Send the migration op events that wait, and end all threads."""
        self._op_events.close()
        self._client.close()  # type: ignore[no-untyped-call]  # the SDK leaves it without types

    def _answer(self, surface: str, tenant_id: str) -> _Answer:
        """Ask the flags, and keep the answer in the cache that was current before asking: a change in between leaves no stale answer."""
        answers = self._answers
        try:
            answer = self._evaluate(surface, tenant_id)
        except Exception:
            logger.exception("flags could not be evaluated for a request on %s; the last known plan holds", surface)
            self._metrics.failures.labels("flags.evaluate").inc()
            return self._outdated.get((surface, tenant_id)) or self._make(surface, PLANS[Stage.OFF], "default_off", None, 100.0)
        if len(answers) >= _CACHE_LIMIT:
            answers.clear()
        answers[surface, tenant_id] = answer
        return answer

    def _evaluate(self, surface: str, tenant_id: str) -> _Answer:
        key = flag_key(surface)
        if not self.source.initialized():
            return self._make(surface, PLANS[Stage.OFF], "default_off", None, 100.0)
        context = Context.create_multi(Context.create(tenant_id, TENANT_KIND), Context.create(surface, SURFACE_KIND))
        found, tracker = self._client.migration_variation(key, context, LaunchDarklyStage.OFF)
        plan = PLANS[Stage(found.value)]
        reason: Reason = "last_known" if key in self.source.held else "flag"
        evaluation = _evaluation(tracker)
        if evaluation is None:
            plan, reason = PLANS[Stage.OFF], "default_off"
        if plan.stage is not Stage.COMPLETE and self._client.variation(KILL_SWITCH, context, False) is True:
            plan, reason = _killed(plan), "kill_switch"
        return self._make(surface, plan, reason, evaluation, float(self._client.variation(SHADOW_SAMPLING, context, 100.0)))

    def _make(self, surface: str, plan: Plan, reason: Reason, evaluation: MigrationOpEvent | None, percent: float) -> _Answer:
        sampled, unsampled = (
            EvaluatedDecision(plan=plan, reason=reason, flag_key=flag_key(surface), sampled=sampled, evaluation=evaluation)
            for sampled in (True, False)
        )
        return _Answer(
            sampled=sampled,
            unsampled=unsampled,
            threshold=POINTS if plan.shadows is None else threshold(percent),
            counter=self._metrics.flag_decisions.labels(surface, plan.stage.value, reason),
        )

    def _looked(self, changed: bool) -> None:
        """Keep the metrics up to date; after a change, drop all answers first."""
        if changed:
            known = {**self._outdated, **self._answers}
            self._outdated = known if len(known) <= _CACHE_LIMIT else {}
            self._answers = {}
            self._show_flags()
        status = self.status()
        if changed and not status.up:
            self._metrics.failures.labels("flags.reload").inc()
        if changed and self._on_change is not None:
            try:
                self._on_change(status)
            except Exception:
                logger.exception("the listener for flag changes failed")
                self._metrics.failures.labels("flags.reload").inc()

    def _show_flags(self) -> None:
        document = self.source.document
        for surface in self._surfaces:
            flag = document.surfaces[surface]
            self._metrics.flag_version.labels(surface).set(flag.version)
            self._metrics.kill_switch.labels(surface).set(int(document.kill_switch.holds(surface)))
            for stage, percent in flag.percents().items():
                self._metrics.stage_percent.labels(surface, stage.value).set(percent)


def _evaluation(tracker: OpTracker) -> MigrationOpEvent | None:
    """Return what the SDK found, by the only public way out of a tracker; None: it fell back to its default."""
    event = tracker.operation(Operation.READ).invoked(LaunchDarklyOrigin.OLD).build()
    return None if isinstance(event, str) or event.detail.variation_index is None else event


def _killed(plan: Plan) -> Plan:
    """Return the plan under the kill switch: control alone, still writing every run store that the stage writes.

    Beyond `off` both run stores are in use. A tenant that comes back from a kill must find its runs in the user store, so that one is
    written as in `dualwrite`.
    """
    return PLANS[Stage.OFF] if plan.stage is Stage.OFF else PLANS[Stage.DUALWRITE]
