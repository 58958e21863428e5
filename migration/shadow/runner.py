"""Runs one engine on a recorded journal: bounded in time, events and bytes, and always ended."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from migration.effects.journals import (
    BLOCK,
    JournalLimits,
    LogTape,
    MissPolicy,
    Pacing,
    ReplayJournal,
    Tally,
    outcome_of_failure,
    taped_logs,
)
from migration.effects.ports import activate
from migration.model import Effect, EffectError, EngineBuilder, Event, Origin, Outcome, RunLog, RunRecord, RunRequest
from migration.shadow.job import FailReason, ShadowJob

ArmDeadline = Callable[[float, Callable[[], object]], Callable[[], object]]
"""Calls a function after some seconds, and returns a function that cancels this."""

_JOURNAL_LIMITS: Final = JournalLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLimits:
    """The resources that a replayed run may use."""

    journal: JournalLimits = _JOURNAL_LIMITS
    close_s: float = 1.0  #: seconds that an engine has to stop after the request
    pacing: Pacing = "none"


_DEFAULT_LIMITS: Final = RunLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowRun:
    """The result of one replayed run: a record, or the reason why there is none."""

    record: RunRecord | None
    tally: Tally
    failed: FailReason | None = None
    detail: str = ""  #: a text for engineers; it contains no payload
    spoiled: bool = False  #: the engine did not stop, or used up the memory: the process should not be used again
    log: RunLog | None = None  #: what was logged while it ran; None: it never began
    failure: str = ""  #: text of the exception that ended the stream; not part of the record, because it may quote a user


class _FloodError(Exception):
    """The run emitted more than the limits allow."""


async def run_shadow(
    job: ShadowJob,
    build: EngineBuilder,
    *,
    clock: Callable[[], float] = time.monotonic,
    limits: RunLimits = _DEFAULT_LIMITS,
    arm: ArmDeadline | None = None,
    canary: str | None = None,
    misses: MissPolicy = BLOCK,
) -> ShadowRun:
    """Run the engine that shadows, on the served run's journal, within the job's deadline. Raises nothing that the engine raises."""
    served = job.record
    return await replay_run(
        served.request,
        served.journal,
        job.shadows,
        build,
        deadline_s=job.deadline_s,
        trace_id=served.trace_id,
        clock=clock,
        limits=limits,
        arm=arm,
        canary=canary,
        misses=misses,
    )


async def replay_run(
    request: RunRequest,
    journal: Sequence[Effect],
    origin: Origin,
    build: EngineBuilder,
    *,
    deadline_s: float,
    trace_id: str | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    limits: RunLimits = _DEFAULT_LIMITS,
    arm: ArmDeadline | None = None,
    canary: str | None = None,
    misses: MissPolicy = BLOCK,
) -> ShadowRun:
    """Run a fresh engine on a recorded journal. Raises nothing that the engine raises.

    Args:
        request: the request that the engine answers.
        journal: answers the engine's effects.
        origin: which engine it is.
        build: makes the engine.
        deadline_s: seconds after which the engine is asked to stop.
        trace_id: put on the record; 32 hex digits or None.
        clock: monotonic seconds; in virtual time the loop's clock.
        sleep: waits seconds of that clock for a recorded reply.
        limits: what the run may use up.
        arm: calls back at the deadline; None: the running loop's timer. In virtual time this must be real seconds.
        canary: the token that the run's contexts may carry; None: there is none.
        misses: what the run may perform that the journal does not hold.

    Raises:
        asyncio.CancelledError: the caller was cancelled; the engine is stopped first.
    """
    replay = ReplayJournal(journal, pacing=limits.pacing, clock=clock, sleep=sleep, limits=limits.journal, canary=canary, misses=misses)
    started = replay.started  # one start time for events and effects, so that their order is known
    run = _Run(request, origin, replay, limits.journal, clock)
    loop = asyncio.get_running_loop()
    task = loop.create_task(run.consume(build), name=f"shadow {origin.value}")
    ended = asyncio.Event()
    task.add_done_callback(lambda _: ended.set())
    disarm = (arm or _loop_timer)(deadline_s, ended.set)
    try:
        await ended.wait()
    finally:
        disarm()
        expired = not task.done()
        stopped = await _stop(task, limits.close_s)
        effects = replay.close()
    duration_s = clock() - started
    failed, detail = run.verdict(expired=expired, deadline_s=deadline_s)
    record = None
    if failed is None:
        record = RunRecord(
            request=request,
            origin=origin,
            events=tuple(run.events),
            journal=effects,
            outcome=run.outcome,
            duration_s=duration_s,
            trace_id=trace_id,
            error=run.error,
        )
    spoiled = run.out_of_memory or not stopped
    return ShadowRun(
        record=record,
        tally=replay.tally,
        failed=failed,
        detail=detail,
        spoiled=spoiled,
        log=None if run.log is None else run.log.log(),
        failure=run.failure,
    )


def _text(failure: BaseException) -> str:
    try:
        return str(failure)
    except Exception:  # noqa: BLE001 - an exception that cannot be printed is no reason to fail
        return ""


def _loop_timer(delay_s: float, callback: Callable[[], object]) -> Callable[[], object]:
    return asyncio.get_running_loop().call_later(delay_s, callback).cancel


async def _stop(task: asyncio.Task[None], close_s: float) -> bool:
    """Cancel the task unless it is done, and wait for it, but not endlessly. Returns whether it is done."""
    if not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=close_s)
    return task.done()


class _Run:
    """The engine's side of a replay: what it emitted, and how it ended."""

    def __init__(
        self, request: RunRequest, origin: Origin, replay: ReplayJournal, limits: JournalLimits, clock: Callable[[], float]
    ) -> None:
        self._request, self._origin, self._replay, self._limits, self._clock = request, origin, replay, limits, clock
        self.events: list[Event] = []
        self.outcome: Outcome = "cancelled"
        self.error: EffectError | None = None
        self.failure = ""
        self.out_of_memory = False
        self.log: LogTape | None = None
        self._abandoned: str | None = None
        self._size_bytes = 0

    async def consume(self, build: EngineBuilder) -> None:
        """Run the engine to its end. This task has its own context, so the journal and the log are current only for this run."""
        with taped_logs() as self.log:
            await self._consume(build)

    async def _consume(self, build: EngineBuilder) -> None:
        try:
            engine = build(self._request.surface, self._origin)
        except BaseException as failure:  # noqa: BLE001 - `SystemExit` of an engine must not end the process
            self._abandoned = f"the engine could not be built: {type(failure).__name__}"
            return
        activate(self._replay)
        try:
            async with aclosing(engine.run(self._request)) as events:
                async for event in events:
                    self._tape(event)
            self.outcome = self._replay.outcome or "completed"
        except _FloodError as flood:
            self._abandoned = str(flood)
        except MemoryError:
            self._abandoned, self.out_of_memory = "out of memory", True
        except BaseException as failure:  # noqa: BLE001 - whatever an engine raises is what it did with the request
            self.outcome, self.error = (
                self._replay.outcome or outcome_of_failure(failure),
                EffectError(type=type(failure).__name__, message=""),
            )  # text may quote a user
            self.failure = _text(failure)

    def verdict(self, *, expired: bool, deadline_s: float) -> tuple[FailReason | None, str]:
        """Return why there is no record, and None when there is one."""
        if expired:
            return "deadline", f"not done after {deadline_s:g} s, with {len(self.events)} events"
        if self._abandoned is not None:
            return "engine", self._abandoned
        if self._replay.truncated:
            return "engine", f"asked for more than {self._limits.effects} effects or {self._limits.size_bytes} bytes of them"
        return None, ""

    def _tape(self, event: Event) -> None:
        payload, limits = event.payload, self._limits
        self._size_bytes += len(payload)
        if len(self.events) >= limits.events or self._size_bytes > limits.size_bytes:
            raise _FloodError(f"emitted more than {limits.events} events or {limits.size_bytes} bytes of them")
        # Engines stamp events by the wall clock; the duration of a replay is measured by its own.
        self.events.append(Event(kind=event.kind, lane=event.lane, payload=payload, at_s=self._clock() - self._replay.started))
