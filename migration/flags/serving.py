"""Decides for the facade, in memory, the stage of a tenant and whether this run is shadowed. `evaluation` interprets the flags."""

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ldclient import Config
from ldclient.feature_store import InMemoryFeatureStore
from ldclient.interfaces import EventProcessor
from ldclient.migrations.tracker import MigrationOpEvent
from prometheus_client import Counter

from migration.flags.clients import fed_client, quiet_evaluator
from migration.flags.decision import Decision, Reason
from migration.flags.draw import Governor, Ungoverned, probability
from migration.flags.emergency import EmergencySwitch
from migration.flags.gauges import FlagGauges
from migration.flags.intake.intake import FlagIntake
from migration.flags.intake.snapshot import Snapshot
from migration.flags.intake.status import FlagStatus
from migration.flags.meaning.data import KILL_SWITCH, FlagData, surface_flag_key
from migration.flags.meaning.evaluation import Evaluation, FlagEvaluator
from migration.flags.op_events import EvaluatedDecision, OpEvents
from migration.flags.sources.open import open_source
from migration.flags.sources.source import FlagSource
from migration.flags.tenant_attributes import TenantAttributes
from migration.model import Comparison, Outcome, RunRequest, Stage
from migration.settings import MigrationSettings
from migration.stages import PLANS, Plan
from migration.telemetry import Metrics

logger = logging.getLogger(__name__)
_CACHE_LIMIT: Final = 10_000
_CACHED_BYTES: Final = 1024  #: an answer for larger attributes is not cached, so that ten thousand answers cannot fill the memory

_Key = tuple[str, str, bytes, bytes]
"""Surface, tenant, attributes from the request, attributes from the callable. Together with the flags, these decide the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """The answer for a tenant on a surface, valid until its sources change."""

    plan: Plan
    reason: Reason
    percent: float  #: percentage of the runs that are shadowed if the plan names a shadow
    fails_over: bool
    evaluation: MigrationOpEvent | None
    counter: Counter  #: counter of decisions, with this answer's labels
    draws: dict[int, "_Draw"] = field(default_factory=dict)  #: level of the governor -> both decisions at this level; made on first use


@dataclass(frozen=True, slots=True)
class _Draw:
    """Both decisions for a run, and the probability that it is drawn."""

    probability: float
    sampled: Decision
    unsampled: Decision


class LaunchDarklyFlags:
    """The `Flags` of the facade, with LaunchDarkly's client, for any source of flags.

    Answers are cached by `_Key`, and dropped on any change of the flags, the source's health, the emergency switch or the attribute file.
    LaunchDarkly counts one evaluation for each answer; migration op events are sent once for each run.

    Args:
        settings: surfaces, source, snapshot, attributes.
        metrics: counts decisions and shows the source's health.
        source: the source of flags; None: the source in the settings.
        event_processor: makes the processor of LaunchDarkly's events; None: use the source's.
        governor: lowers the percentage of runs that are shadowed; None: the flag's percentage is used.
        draw: returns a random number in [0, 1).
        clock: monotonic seconds.

    Raises:
        ConfigurationError: a setting that the source or the attributes need is missing or cannot be used.
    """

    def __init__(
        self,
        settings: MigrationSettings,
        metrics: Metrics,
        *,
        source: FlagSource | None = None,
        event_processor: Callable[[Config], EventProcessor] | None = None,
        governor: Governor | None = None,
        draw: Callable[[], float] = random.random,  # noqa: S311 - a sample, not a secret
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.surfaces = settings.surfaces
        self._metrics = metrics
        self._level, self._random = (governor or Ungoverned()).level, draw
        self._provider = settings.flags_source
        self._starts_at_off = settings.start_without_flags == "off"
        self._answers: dict[_Key, _Answer] = {}
        self._outdated: dict[_Key, _Answer] = {}
        self._complaints: dict[str, None] = {}
        self._listeners: list[Callable[[], None]] = []
        self._changing = threading.Lock()
        source = source or open_source(settings)
        snapshot = Snapshot(settings.path(settings.snapshot_dir), source.name)
        self.intake = FlagIntake(source.name, settings.surfaces, snapshot=snapshot, clock=clock)
        self.attributes = TenantAttributes(settings, self._changed)
        self._ask = self.attributes.asked if self.attributes.asks else None
        self._emergency = EmergencySwitch(settings.path(settings.emergency_file), self._changed)
        store = InMemoryFeatureStore()  # type: ignore[no-untyped-call]  # the SDK leaves it without types
        private = frozenset(settings.launchdarkly_private_attributes)
        self._client, heard = fed_client(source, self.intake, store, self._lost_events, private=private, event_processor=event_processor)
        self.evaluator = quiet_evaluator(store)  #: evaluates without an event, so LaunchDarkly does not count it
        self._serving = FlagEvaluator(self._client)
        self._op_events = OpEvents(self._client, metrics) if heard else None
        self._gauges = FlagGauges(metrics, settings.surfaces)
        self.intake.on_change(self._changed)
        self.attributes.start()
        self._emergency.start()
        self._changed()
        if self._starts_at_off and self.intake.unknown:
            logger.warning("flags: %s", self.status().error)

    def decide(self, request: RunRequest, /) -> Decision:
        """Return the plan for this request.

        Never raises: without flags the last known plan is used; without a last plan, the plan of `off`.
        """
        key = (request.surface, request.tenant_id, request.attributes, b"" if self._ask is None else self._ask(request.tenant_id))
        answer = self._answers.get(key)
        if answer is None:
            answer = self._answer(key)
        answer.counter.inc()
        level = self._level(request.surface, request.tenant_id)
        draw = answer.draws.get(level) or self._draw(answer, request.surface, level)
        return draw.sampled if self._random() < draw.probability else draw.unsampled

    def plan(self, surface: str, tenant_id: str) -> Plan:
        """Return the plan that the tenant's next run would have. Never raises, and counts nothing, because no run is served."""
        key = (surface, tenant_id, b"", self.attributes.asked(tenant_id))
        return (self._answers.get(key) or self._answer(key)).plan

    def finished(self, request: RunRequest, decision: Decision, outcome: Outcome, duration_s: float, /) -> None:
        """Record that the served run ended; its migration op event is sent now or with its comparison."""
        if self._op_events is not None:
            self._op_events.finished(request, decision, outcome, duration_s)

    def compared(self, run_id: str, comparison: Comparison | None, /) -> None:
        """Send the migration op event of that run with its comparison; None: there is none."""
        if self._op_events is not None:
            self._op_events.compared(run_id, comparison)

    @property
    def data(self) -> FlagData:
        """The current flags."""
        return self.intake.data

    @property
    def emergency(self) -> bool:
        """Whether the host's emergency kill switch is on."""
        return self._emergency.on

    @property
    def ready(self) -> bool:
        """Whether every surface may be served."""
        return all(self.unready(surface) is None for surface in self.surfaces)

    def unready(self, surface: str) -> str | None:
        """Return why the surface may not be served now; None: it may.

        The surface may not be served before its flag, the kill switch and the attribute file were read: control must not serve a tenant at
        `complete` only because a file is late. The setting `start_without_flags = "off"` allows serving earlier.
        """
        if self._starts_at_off:
            return None
        if unknown := {surface_flag_key(surface), KILL_SWITCH} & self.intake.unknown:
            return f"the flag {min(unknown)} was not read yet; see `netra-migration status`"
        return self.attributes.unread

    def status(self) -> FlagStatus:
        """Return whether flags can be read, and update the metrics for it."""
        status = self.intake.status()
        self._gauges.show_source(status, emergency=self.emergency)
        said = [status.error, self.attributes.problem, *self._complaints]
        if unknown := self.intake.unknown:
            meanwhile = "all tenants are at `off`" if self._starts_at_off else "no request is served"
            said.append(f"{meanwhile} until {', '.join(sorted(unknown))} can be read")
        return FlagStatus(
            source=status.source,
            up=status.up,
            age_s=status.age_s,
            version=status.version,
            error=" | ".join(one for one in said if one) or None,
            from_snapshot=status.from_snapshot,
        )

    def on_change(self, listener: Callable[[], None], /) -> None:
        """Call `listener` after a change of any source of plans, in the thread that noticed it.

        The listener must not raise and must not block.
        """
        self._listeners.append(listener)

    def close(self) -> None:
        """Send the waiting migration op events, and stop all threads."""
        self._emergency.close()
        self.attributes.close()
        if self._op_events is not None:
            self._op_events.close()
        self._serving.close()
        self.evaluator.close()

    def _lost_events(self, what: str) -> None:
        logger.warning("flags: events for LaunchDarkly were lost: %s", what)
        self._metrics.failed("flags.track")

    def _answer(self, key: _Key) -> _Answer:
        """Evaluate the flags, and store the answer in the cache that was current before the evaluation. So if the flags change meanwhile,
        the new cache gets no stale answer.
        """
        answers = self._answers
        try:
            answer = self._evaluate(key)
        except Exception:
            logger.exception("flags could not be evaluated for a request on %s; the last known plan is used", key[0])
            self._metrics.failed("flags.evaluate")
            return self._outdated.get(key) or self._make(key[0], PLANS[Stage.OFF], "default_off", None)
        if len(key[2]) + len(key[3]) <= _CACHED_BYTES:
            if len(answers) >= _CACHE_LIMIT:
                answers.clear()
            answers[key] = answer
        return answer

    def _evaluate(self, key: _Key) -> _Answer:
        surface, tenant_id, request, asked = key
        if not (self.intake.taken or self.intake.from_snapshot):
            return self._make(surface, PLANS[Stage.OFF], "default_off", None)
        found = self._serving.evaluate(surface, self.attributes.described(tenant_id, asked, request), emergency=self.emergency)
        if found.complaint is not None:
            self._complain(found.complaint)
        if found.answer.failed and (known := self._outdated.get(key)) is not None and (not found.killed or _complete(known)):
            return known
        return self._make(surface, found.plan, self._reason(surface, found), found)

    def _reason(self, surface: str, found: Evaluation) -> Reason:
        if found.killed and found.plan.stage is not Stage.COMPLETE:
            return "kill_switch"
        if found.answer.stage is None:
            return "default_off"
        return "last_known" if surface_flag_key(surface) in self.intake.held else "flag"

    def _make(self, surface: str, plan: Plan, reason: Reason, found: Evaluation | None) -> _Answer:
        return _Answer(
            plan=plan,
            reason=reason,
            percent=100.0 if plan.shadows is None or found is None else found.percent,
            fails_over=found is not None and found.fails_over,
            evaluation=None if found is None else found.answer.event,
            counter=self._metrics.flag_decisions.labels(surface, plan.stage.value, reason),
        )

    def _draw(self, answer: _Answer, surface: str, level: int) -> _Draw:
        """Return the two decisions at that level of the governor, and cache them."""
        likely = probability(answer.percent, level)
        sampled, unsampled = (
            EvaluatedDecision(
                plan=answer.plan,
                reason=answer.reason,
                flag_key=surface_flag_key(surface),
                sampled=sampled,
                probability=likely,
                fails_over=answer.fails_over,
                evaluation=answer.evaluation,
                provider=self._provider,
            )
            for sampled in (True, False)
        )
        draw = answer.draws[level] = _Draw(likely, sampled, unsampled)
        return draw

    def _complain(self, complaint: str) -> None:
        """Log the failure once until flags change, and show it in the status."""
        if complaint not in self._complaints:
            self._complaints[complaint] = None
            self._metrics.failed("flags.evaluate")
            logger.warning("flags: %s", complaint)

    def _changed(self) -> None:
        """Drop all answers, update the metrics, and call the listeners."""
        with self._changing:
            self._drop()
        for listener in self._listeners:
            try:
                listener()
            except Exception:
                logger.exception("a listener for flag changes failed")
                self._metrics.failed("flags.reload")
        with self._changing:
            self._gauges.show_shares(self.data, self.evaluator)

    def _drop(self) -> None:
        known = {**self._outdated, **self._answers}
        self._outdated = known if len(known) <= _CACHE_LIMIT else {}
        self._answers, self._complaints = {}, {}
        status = self.status()
        if not status.up:
            self._metrics.failed("flags.reload")
        self._gauges.show_flags(self.data, self.evaluator, emergency=self.emergency)


def _complete(answer: _Answer) -> bool:
    return answer.plan.stage is Stage.COMPLETE
