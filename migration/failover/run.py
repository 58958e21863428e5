"""One run that control resumes when its candidate fails.

1. The candidate's events are passed on; only those that may announce a failure are examined.
2. It fails: by an exception, by an event that announces it, or by a stream that stops before its end.
3. `commit` decides whether control may resume. If not, the client gets the failure, as if there were no failover.
4. The candidate is stopped, and none of its effects is performed any more.
5. Control runs on the journal so far (`effects/resuming`); after the journal's end its effects are performed.
6. `continuation` makes control's events continue the stream that the client has.
"""

import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Literal

import msgspec

from migration.comparison import Policy
from migration.effects.journals import JournalLimits, Recording, ResumedRecording, outcome_of_failure
from migration.effects.ports import Canary
from migration.errors import Operation, UnfinishedRunError
from migration.failover.commit import CommitPoint, Past
from migration.failover.continuation import Continuation
from migration.model import EffectError, Engine, Event, FailedOver, FailoverResult, Origin, Outcome, RunLog, RunRecord, RunRequest
from migration.telemetry import Metrics

logger = logging.getLogger(__name__)

_UNFINISHED = "unfinished"


class Failover:
    """Watches the runs of one surface.

    Args:
        policy: the surface's policy.
        control: resumes runs.
        build: returns the version of the engines' code; called when a run has failed.
        metrics: count the runs that candidate failed.
    """

    def __init__(self, policy: Policy, control: Engine, *, build: Callable[[], str], metrics: Metrics) -> None:
        self.policy, self.control, self.build, self._metrics = policy, control, build, metrics
        self.commit = CommitPoint(policy)
        self.results: dict[str, int] = {}  #: result -> runs that candidate failed since the start

    def count(self, result: FailoverResult) -> None:
        """Count a run that candidate failed, by its result."""
        self.results[result] = self.results.get(result, 0) + 1
        self._metrics.failovers.labels(self.policy.surface, result).inc()

    def failed(self, operation: Operation, error: BaseException) -> None:
        """Log and count a failure of the tool itself."""
        logger.error("%s failed with %s; control resumes nothing that is not certain", operation, type(error).__name__)
        self._metrics.failed(operation)


class FailoverRun:
    """The stream of a watched run, and its tape, which has the methods of a `Recording`.

    Args:
        failover: the surface's failover.
        request: what the run answers.
        events: the candidate's.
        tape: the tape of the candidate's run; it is the current performer while this stream is read.
        clock: monotonic seconds, of the tape.
        canary: the same as the tape's.
        on_resume: called when control begins.
    """

    __slots__ = (
        "_canary",
        "_candidate",
        "_clock",
        "_commit",
        "_error",
        "_events",
        "_failed",
        "_failover",
        "_following",
        "_on_resume",
        "_past",
        "_request",
        "_rest",
        "_stopped",
        "_tape",
        "_watched",
        "_watching",
    )

    def __init__(
        self,
        failover: Failover,
        request: RunRequest,
        events: AsyncGenerator[Event, None],
        tape: Recording,
        *,
        clock: Callable[[], float],
        canary: Canary | None,
        on_resume: Callable[[], None],
    ) -> None:
        self._failover, self._request, self._candidate, self._following = failover, request, tape, events.__anext__
        self._events, self._clock, self._canary, self._on_resume = events, clock, canary, on_resume
        self._commit, self._watched = failover.commit, failover.commit.watched
        self._tape = tape
        self._watching, self._stopped = True, False
        self._failed: FailedOver | None = None  #: None: the candidate has not failed
        self._error: EffectError | None = None
        self._past: Past | None = None
        self._rest: _Rest | None = None  #: None: control does not run

    async def __anext__(self) -> Event:
        """Return the run's next event. See the steps above.

        Raises:
            StopAsyncIteration: there is none.
            UnfinishedRunError: the candidate's stream stopped before its end, and control may not resume the run.
            BaseException: an error of the engine that serves.
        """
        if self._rest is not None:
            return await self._rest.next()
        try:
            event = await self._following()
        except StopAsyncIteration:
            return await self._at_end()
        except BaseException as error:
            if not self._watching or not self._commit.is_failure(error):
                raise
            failure = error
        else:
            return await self._looked_at(event) if event.kind in self._watched else event
        return await self._after(failure)

    async def _after(self, failure: BaseException) -> Event:
        """Return the next event after the candidate raised."""
        said = self._tape.outcome
        outcome = said if said in ("failed", "timed_out") else outcome_of_failure(failure)
        if await self._resumed(failure, outcome, type(failure).__name__):
            return await self._resume().next()
        if self._past == "ended":
            # The client already has the end of the run: an error would be a second end.
            logger.error("candidate failed run %s (%s) after its end", self._request.run_id, type(failure).__name__)
            raise StopAsyncIteration
        if isinstance(failure, Exception):
            raise failure
        # Few callers catch other exceptions, so the client would get no error at all.
        raise UnfinishedRunError(self._request.run_id, self._past or _UNFINISHED) from failure

    async def _looked_at(self, event: Event) -> Event:
        """Return the candidate's next event, or the next event after the failure that it announces."""
        outcome = self._announced(event)
        if outcome is None:
            return event
        if await self._resumed(None, outcome, event.kind):
            return await self._resume().next()
        if self._stopped:
            raise UnfinishedRunError(self._request.run_id, self._past or _UNFINISHED)
        return event

    async def _at_end(self) -> Event:
        """Return the next event after the candidate's stream stopped."""
        outcome = self._announced(None)
        if outcome is None:
            raise StopAsyncIteration
        if await self._resumed(None, outcome, _UNFINISHED):
            return await self._resume().next()
        raise UnfinishedRunError(self._request.run_id, self._past or _UNFINISHED)

    def append(self, event: Event) -> None:
        """Record a delivered event."""
        self._tape.append(event)

    @property
    def events(self) -> Sequence[Event]:
        """The delivered events."""
        return self._tape.events

    @property
    def outcome(self) -> Outcome | None:
        """The outcome that the serving engine reported; None: it reported none, or failed after its end was delivered."""
        return None if self._past == "ended" else self._tape.outcome

    @property
    def log(self) -> RunLog | None:
        """The candidate's log; None if it is empty."""
        return self._candidate.log

    async def close(self, _events: object = None) -> None:
        """Stop the work of the engine that serves, then close its journal."""
        await (self._candidate.close(self._events) if self._rest is None else self._rest.close())

    def record(self, origin: Origin, outcome: Outcome, error: EffectError | None, trace_id: str | None) -> RunRecord:
        """Return the record of the run as its user saw it, and count its result if candidate failed.

        The arguments are those of `Recording.record`.
        """
        if self._failed is not None:
            self._failover.count(self._past or ("stopped" if outcome in ("cancelled", "cut") else self._saved(outcome)))
        if self._rest is None:
            return self._tape.record(origin, outcome, error, trace_id)
        record = self._tape.record(Origin.CONTROL, outcome, error, trace_id)
        return msgspec.structs.replace(record, failover=self._failed)

    def judged(self, record: RunRecord, outcome: Outcome) -> tuple[RunRecord, Outcome]:
        """Return the record and outcome that candidate is judged by.

        If the user does not see candidate's failure, return the record and outcome of the part that failed; otherwise return the arguments.
        """
        if self._failed is None or (self._rest is None and self._past != "ended"):
            return record, outcome
        own = self._candidate.record(Origin.CANDIDATE, self._failed.outcome, self._error, record.trace_id)
        return (own if self._rest is None else msgspec.structs.replace(own, failover=self._failed)), own.outcome

    def shed_reason(self) -> Literal["cancelled", "job_bytes"] | None:
        """Return why the judged run must not be shadowed; None when it may be. Call it after `judged`."""
        return self._candidate.shed_reason()

    def _saved(self, outcome: Outcome) -> FailoverResult:
        return "saved" if outcome == "completed" and self._rest is not None else "control_failed"

    def _announced(self, event: Event | None) -> Outcome | None:
        """Return the failed outcome that the next event announces, or the end of the stream if the event is None; None: no failure."""
        if not self._watching:
            return None
        try:
            if event is None:
                return None if self._commit.ends(self._tape.events) else "failed"
            return self._commit.announces(event, self._tape.events)
        except Exception as error:  # noqa: BLE001 - whatever fails here, the request must not notice
            self._watching = False
            self._failover.failed("failover.watch", error)
            return None

    def _why_not(self, failure: BaseException | None) -> Past | None:
        try:
            return self._commit.past(self._candidate, failure)
        except Exception as error:  # noqa: BLE001 - what was done is not known, so nothing more is
            self._failover.failed("failover.watch", error)
            return "unrecorded"

    async def _resumed(self, failure: BaseException | None, outcome: Outcome, reason: str) -> bool:
        """Stop the candidate if control may resume the run; return whether it may."""
        self._watching = False
        tape, delivered = self._candidate, len(self._candidate.events)
        self._failed = FailedOver(reason=reason, outcome=outcome, events=delivered, build=self._failover.build())
        self._error = EffectError(type=reason, message="") if isinstance(failure, Exception) else None
        self._past = self._why_not(failure)
        if self._past is None:
            self._stopped = True
            tape.take_over()
            await tape.close(self._events)
            self._past = self._why_not(failure)  # an effect may have begun before the candidate stopped
        return self._past is None

    def _resume(self) -> "_Rest":
        tape, failover = self._candidate, self._failover
        logger.warning(
            "the candidate failed run %s on %s (%s) after %d events; control resumes it",
            self._request.run_id,
            self._request.surface,
            self._failed.reason if self._failed is not None else "",
            len(tape.events),
        )
        resumed_s = tape.elapsed_s()
        self._tape = ResumedRecording(
            self._request,
            tape.record(Origin.CANDIDATE, "failed", None, None).journal,
            tape.events,
            started=self._clock() - resumed_s,
            clock=self._clock,
            limits=JournalLimits(),
            on_failure=self._failover.failed,
            canary=self._canary,
        )
        continuation = Continuation(failover.policy, self._request, tape.events, resumed_s)
        self._on_resume()
        self._rest = _Rest(failover.control.run(self._request), self._tape, continuation)
        return self._rest


class _Rest:
    """Control's part of a run.

    Args:
        events: control's.
        tape: records its effects.
        continuation: makes control's events continue those of the candidate.
    """

    def __init__(self, events: AsyncGenerator[Event, None], tape: Recording, continuation: Continuation) -> None:
        self._events, self._tape, self._continuation = events, tape, continuation
        self._due: deque[Event] = deque()

    async def next(self) -> Event:
        """Return the next event that the client is sent. Raises StopAsyncIteration at the end, and what control raises."""
        while not self._due:
            event = await self._tape.next_of(self._events)
            if event is None:
                raise StopAsyncIteration
            self._due.extend(self._continuation.take(event))
        return self._due.popleft()

    async def close(self) -> None:
        """Stop control's work, and close its journal."""
        await self._tape.close(self._events)
