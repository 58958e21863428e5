"""The routing facade: one request as numbered steps, each naming the package that does it."""

import dataclasses
import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from functools import partial
from typing import Final, Protocol, TypeVarTuple

from migration.effects.journals import Recording, follow_threads, outcome_of_failure
from migration.effects.ports import activate, deactivate
from migration.errors import Operation
from migration.failover import Failover, FailoverRun
from migration.flags import Decision, Flags
from migration.isolation import LiveCanary, Neighbourhood
from migration.model import NOT_SAMPLED, EffectError, Engine, Event, Origin, Outcome, RunRecord, RunRequest
from migration.shadow import Begun, CountUnseen, Shadow, ShadowJob
from migration.stages import Plan
from migration.telemetry import Metrics, NoSpan, RunCounts, RunSpan, Tracing, span_id_of, spans, trace_id_of

logger = logging.getLogger(__name__)
_Ts = TypeVarTuple("_Ts")


class RunWriter(Protocol):
    """Writes finished runs to the stores that a plan names."""

    async def write(self, record: RunRecord, decision: Decision, /) -> None:
        """Write the authoritative store now, and the other one later.

        Raises:
            Exception: the authoritative store failed; the run is reported as failed.
        """
        ...


class RunEnding(Protocol):
    """The outcome of a run, as its backend decides it."""

    def broken_off(self, error: BaseException, /) -> Outcome:
        """Return the outcome of a run that this error, a cancellation or the closing of its stream interrupted."""
        ...

    def settle(self, outcome: Outcome, /) -> object:
        """Receive the outcome."""
        ...


class RunCounter(Protocol):
    """Counts which engines run."""

    def count(self, surface: str, plan: Plan, /) -> None:
        """Count a run that begins. Does no I/O."""
        ...


class RunTimes(Protocol):
    """Compares the durations of runs while shadows work and while they rest."""

    def began(self) -> Begun | None:
        """Record that a run begins, and return the argument of `ended`."""
        ...

    def ended(self, begun: Begun | None, duration_s: float, /) -> None:
        """Record how long that run took."""
        ...


class ExecutionFacade:
    """Sends each request of one surface to the engine that the flags name, and offers the run to the shadow.

    Args:
        surface: the surface's name.
        engines: control and candidate.
        flags: decides who serves and who shadows.
        shadow: takes finished runs; never waits, never raises.
        metrics: count runs.
        shadow_deadline_s: seconds that a shadow of this surface may take.
        writer: writes finished runs; None: this surface stores none.
        unseen: called with each run that was not drawn for shadowing, and with the probability of the draw;
            it must be quick; None: these runs are not stored.
        tombstones: counts which engines run, for the removal of control; None: this surface does not count them.
        outcome_by_events: returns the outcome of a run by its events, if its engine reported none; None: it completed.
        tax: measures by how much shadows slow users' runs down; None: this is not measured.
        neighbourhood: knows which tenants and users were served recently on all surfaces of the process; None: only this surface's tenants
            and users are known.
        failover: resumes runs that candidate fails, if the flags allow it for the run; None: no run is resumed.
        tracing: the traces of the process; None: runs are not traced.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        *,
        surface: str,
        engines: Mapping[Origin, Engine],
        flags: Flags,
        shadow: Shadow,
        metrics: Metrics,
        shadow_deadline_s: float = 10.0,
        writer: RunWriter | None = None,
        unseen: CountUnseen | None = None,
        tombstones: RunCounter | None = None,
        outcome_by_events: Callable[[Sequence[Event]], Outcome] | None = None,
        tax: RunTimes | None = None,
        neighbourhood: Neighbourhood | None = None,
        failover: Failover | None = None,
        tracing: Tracing | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        follow_threads()
        self.surface = surface
        self._engines = dict(engines)
        self._flags = flags
        self._shadow = shadow
        self._metrics, self._counts = metrics, RunCounts(metrics, surface)
        self._shadow_deadline_s = shadow_deadline_s
        self._writer = writer
        self._unseen, self._tombstones = unseen, tombstones
        self._outcome_by_events = outcome_by_events
        self._tax = tax
        self._neighbourhood = neighbourhood or Neighbourhood()
        self._failover, self._tracing = failover, tracing
        self._clock = clock

    async def run(self, request: RunRequest, /, ending: RunEnding | None = None) -> AsyncGenerator[Event, None]:
        """Yield the serving engine's events, unchanged and unbuffered; its errors pass through.

        Closing the generator stops the engine. The migration itself can never make the run fail: its own failures are counted.

        Args:
            request: the request.
            ending: gives the reason of an interruption, and receives the outcome; None: an interruption counts as cancelled.
        """
        ending = ending or _UNEXPLAINED
        decision = self._flags.decide(request)  # 1 flags/: who serves, who shadows; pinned from here on
        if (tombstones := self._tombstones) is not None:  # stores/tombstones: the engines that run
            self._guard("stores.tombstones", tombstones.count, self.surface, decision.plan)
        begun = None if self._tax is None else self._tax.began()  # shadow/tax: what shadows cost users
        span = _UNTRACED if self._tracing is None else self._tracing.start_run(partial(_about, request.surface, request.run_id, decision))
        canary = self._enter(request)  # isolation/: the served user
        performer = self._opened(request, decision, canary, span)  # 2 effects/: the journal of this run
        events = self._engines[decision.plan.serves].run(request)  # 3 the engine that the plan names
        # failover/: control continues the run if its candidate fails
        tape = self._watched(request, events, performer, decision, canary) if decision.fails_over else performer
        outcome: Outcome = "completed"
        error: EffectError | None = None
        try:
            following, append = (tape if isinstance(tape, FailoverRun) else events).__anext__, tape.append
            while True:
                token = activate(performer)  # current only inside the engine, so that consumers of the events do not record
                try:
                    event = await following()
                except StopAsyncIteration:
                    break
                finally:
                    deactivate(token)
                append(event)
                yield event
            outcome = tape.outcome or ("completed" if self._outcome_by_events is None else self._outcome_by_events(tape.events))
        except BaseException as failure:
            if isinstance(failure, Exception):
                error = EffectError(type=type(failure).__name__, message="")  # the error's text may quote a user
            outcome = tape.outcome or ending.broken_off(failure)
            raise
        finally:
            await tape.close(events)
            record = tape.record(decision.plan.serves, outcome, error, trace_id_of(span))
            try:
                ending.settle(outcome)
                if self._writer is not None and outcome != "cancelled":
                    await self._writer.write(record, decision)  # 4 the run stores that the plan names
            except Exception:
                outcome = "failed"  # no store has the run, so it has failed even if its engine reported success
                ending.settle(outcome)
                raise
            finally:
                record, outcome = tape.judged(record, outcome) if isinstance(tape, FailoverRun) else (record, outcome)
                self._guard("telemetry.export", self._count, record, outcome, decision, span, begun)  # 5 telemetry/
                # 6 LaunchDarkly's migration op event; it waits for the comparison if there will be one
                self._guard("flags.track", self._flags.finished, request, decision, outcome, record.duration_s)
                self._guard("shadow.offer", self._offer, record, decision, tape, span)  # 7 shadow/: never blocks, never raises

    def _opened(self, request: RunRequest, decision: Decision, canary: LiveCanary | None, span: RunSpan) -> Recording:
        """Return the run's tape. Effects are recorded if somebody reads them, or if a canary is planted into them."""
        records = (
            decision.effects_are_read or canary is not None or (span.drawn and self._tracing is not None and self._tracing.records_calls)
        )
        return Recording(request, clock=self._clock, on_failure=self._failed, canary=canary, records=records)

    def _watched(
        self, request: RunRequest, events: AsyncGenerator[Event, None], tape: Recording, decision: Decision, canary: LiveCanary | None
    ) -> Recording | FailoverRun:
        if self._failover is None:
            return tape
        resumed = partial(self._resumed, decision)
        return FailoverRun(self._failover, request, events, tape, clock=self._clock, canary=canary, on_resume=resumed)

    def _resumed(self, decision: Decision) -> None:
        """Count a run of control that the plan does not name: before control is removed, every run of it must be counted."""
        if self._tombstones is not None:
            plan = dataclasses.replace(decision.plan, serves=Origin.CONTROL, shadows=None)
            self._guard("stores.tombstones", self._tombstones.count, self.surface, plan)

    def _offer(self, record: RunRecord, decision: Decision, tape: Recording | FailoverRun, span: RunSpan) -> None:
        shadows = decision.plan.shadows
        if shadows is None:
            return
        if not decision.sampled:
            self._counts.not_sampled()
            if self._unseen is not None and decision.probability:  # a run that could not be drawn says nothing about the drawn ones
                self._unseen(record, decision.plan.stage, NOT_SAMPLED, decision.probability)
            return
        shed = tape.shed_reason()
        job = ShadowJob(
            record=record,
            stage=decision.plan.stage,
            shadows=shadows,
            probability=decision.probability,
            deadline_s=self._shadow_deadline_s,
            span_id=span_id_of(span),
            traced=span.drawn,
            neighbours=self._neighbourhood.tell() if shed is None else (),
            log=tape.log,
        )
        self._shadow.offer(job, shed=shed)

    def _enter(self, request: RunRequest) -> LiveCanary | None:
        try:
            return self._neighbourhood.enter(request)
        except Exception as failure:  # noqa: BLE001 - whatever fails here, the request must not notice
            self._failed("effects.record", failure)
            return None

    def _count(self, record: RunRecord, outcome: Outcome, decision: Decision, span: RunSpan, begun: Begun | None) -> None:
        self._counts.ended(record, outcome, decision.plan.stage)
        if self._tax is not None and outcome == "completed":
            self._tax.ended(begun, record.duration_s)
        reason = "" if record.failover is None else record.failover.reason
        waits = decision.sampled and decision.plan.shadows is not None
        span.end(record, outcome, waits=waits, failed_over=reason)

    def _guard(self, operation: Operation, step: Callable[[*_Ts], None], *about: *_Ts) -> None:
        """Run a step of the migration itself; its failure is counted instead of raised into the request."""
        try:
            step(*about)
        except Exception as failure:  # noqa: BLE001 - whatever fails here, the request must not notice
            self._failed(operation, failure)

    def _failed(self, operation: Operation, failure: BaseException) -> None:
        logger.error("%s failed with %s; the run was not affected", operation, type(failure).__name__)
        self._metrics.failed(operation)


class _Unexplained:
    """The default for a backend that does not decide the outcome."""

    def broken_off(self, error: BaseException, /) -> Outcome:
        """Return "cancelled" unless it is an error."""
        return outcome_of_failure(error) if isinstance(error, Exception) else "cancelled"

    def settle(self, outcome: Outcome, /) -> None:
        """Do nothing."""


_UNEXPLAINED: Final = _Unexplained()
_UNTRACED: Final = NoSpan()


def _about(surface: str, run_id: str, decision: Decision) -> dict[str, str | bool | int | float | tuple[str, ...]]:
    stage = decision.plan.stage.value
    return {
        spans.SURFACE: surface,
        spans.RUN_ID: run_id,
        spans.STAGE: stage,
        spans.REASON: decision.reason,
        **decision.evaluated(),
    }
