"""`ProcessShadow`: feeds one worker process from a bounded queue, and restarts it. The event loop of the requests never waits for it."""

import asyncio
import contextlib
import logging
import signal
import time
from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec

from migration.errors import Operation
from migration.settings import MigrationSettings
from migration.shadow.counts import ShadowCounts
from migration.shadow.hello import COMPARE_S, GRACE_S, RECYCLE, hello
from migration.shadow.job import CountUnseen, FailReason, Said, ShadowJob, ShadowResult, ShedReason
from migration.shadow.line import Line, WaitingJob
from migration.shadow.parts import DEFAULT_ENGINES, DEFAULT_PARTS
from migration.shadow.worker_process import SpawnWorker, WorkerLink, WorkerProcess
from migration.telemetry import Metrics

logger = logging.getLogger(__name__)
_said: msgspec.msgpack.Decoder[Said] = msgspec.msgpack.Decoder(Said)
_job: msgspec.msgpack.Decoder[ShadowJob] = msgspec.msgpack.Decoder(ShadowJob)

#: Seconds between two checks whether the worker is late with a job. The worker has its own, earlier timer; this one is for a stopped
#: worker.
_PULSE_S: Final = 0.25
#: seconds after a job's deadline, for comparing and storing, and for the next comparison if both are stored together
_LATE_S: Final = GRACE_S + 3 * COMPARE_S + 1.0
#: Seconds before a worker is started again; they double while workers die without a result.
_FIRST_WAIT_S: Final = 0.05
_LONGEST_WAIT_S: Final = 5.0
#: Seconds that a worker has to exit after the request: it delivers the spans of its finished work.
_EXIT_S: Final = 3.0
#: Deaths of workers that are remembered until they are read.
_DEATHS: Final = 100


class ProcessShadow:
    """Runs shadows in a worker process. Everything happens on the loop that called `start`.

    The worker takes jobs in order and answers in order, several at a time. If it dies with one unanswered job, that job has failed. If it
    had several, the cause is not known, so none of them has failed yet: the next worker gets each of them alone, which shows the cause.

    Args:
        settings: limits of the queue; passed on to the worker.
        metrics: where every run that should have been shadowed is counted.
        on_result: called with how each run ended, on the loop, never from inside `offer`; its failures are counted.
        unseen: called with each drawn run that gets no comparison in the evidence; must be quick.
        parts: import string of the function that makes the worker's parts.
        engines: import string of the function that makes the engines of its cell.
        spawn: starts a worker.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        settings: MigrationSettings,
        metrics: Metrics,
        on_result: Callable[[ShadowResult], None],
        *,
        unseen: CountUnseen = lambda _record, _stage, _reason, _probability: None,
        parts: str = DEFAULT_PARTS,
        engines: str = DEFAULT_ENGINES,
        spawn: SpawnWorker = WorkerProcess,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._metrics, self._on_result, self._spawn, self._clock = settings, metrics, on_result, spawn, clock
        self._counts, self._unseen = ShadowCounts(metrics), unseen
        self._hello = hello(settings, parts, engines)
        self._line = Line(settings, clock)
        self._loop: asyncio.AbstractEventLoop | None = None  #: None: not started, or closed
        self._worker: WorkerLink | None = None
        self._ready = False
        self._blame: FailReason | None = None
        self._deaths = 0  #: deaths of workers since the last result
        self.worker_deaths: deque[tuple[int, int]] = deque(maxlen=_DEATHS)  #: process ids and statuses; reading removes them
        self._start_timer: asyncio.TimerHandle | None = None
        self._ready_timer: asyncio.TimerHandle | None = None
        self._pulse: asyncio.TimerHandle | None = None
        self._resting = self._overloaded = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._gone = asyncio.Event()
        self._gone.set()

    @property
    def waiting(self) -> int:
        """How many jobs wait or run."""
        return len(self._line)

    @property
    def waiting_bytes(self) -> int:
        """How many bytes wait."""
        return self._line.queued_bytes

    @property
    def oldest_s(self) -> float:
        """Seconds since the oldest job without a result was offered; 0: there is none."""
        return self._line.oldest_s()

    @property
    def in_flight(self) -> int:
        """How many of these jobs were sent to the worker."""
        return self._line.sent

    @property
    def worker_pid(self) -> int | None:
        """The worker's process id; None while there is none."""
        return None if self._worker is None else self._worker.pid

    @property
    def worker_ready(self) -> bool:
        """Whether the worker has reported that it takes jobs."""
        return self._ready

    async def start(self) -> None:
        """Start the worker. Jobs may be offered immediately; they wait until the worker is ready."""
        self._loop = asyncio.get_running_loop()
        self._start_worker(self._loop)

    def offer(self, job: ShadowJob, /, *, shed: ShedReason | None = None) -> None:
        """Queue the job or shed it, and count which. Never blocks, never raises, never waits.

        Args:
            job: the served run.
            shed: the reason why the caller wants the job counted and not run; None: run it.
        """
        request = job.record.request
        try:
            reason = shed or self._refusal() or self._line.take(job)
        except Exception as error:  # noqa: BLE001 - whatever cannot be encoded is counted, not raised into the request
            self._tool_failed("shadow.offer", error)
            self._counts.expected(request.surface)
            self._counts.failed(request.surface, "offer")
            self._unseen(job.record, job.stage, "offer", job.probability)
            self._tell_later(ShadowResult(run_id=request.run_id, comparison=None, failed="offer", detail=type(error).__name__))
            return
        # Counted together with its result, with no work between the two: a reader of the counters sees both or neither.
        self._counts.expected(request.surface)
        if reason is not None:
            self._counts.shed(request.surface, reason)
            self._unseen(job.record, job.stage, reason, job.probability)
            self._tell_later(ShadowResult(run_id=request.run_id, comparison=None, detail=f"shed: {reason}"))
            return
        self._idle.clear()
        self._show_waiting()
        self._feed()

    def _refusal(self) -> ShedReason | None:
        if self._loop is None:
            return "closed"
        return "pressure" if self._overloaded else None

    def govern(self, *, resting: bool, overloaded: bool) -> None:
        """Send the worker no job while it rests; shed new jobs while it is overloaded."""
        self._resting, self._overloaded = resting, overloaded
        self._feed()

    async def drain(self, timeout_s: float) -> bool:
        """Wait until no job waits; nothing rests meanwhile. Returns False when that took longer."""
        self.govern(resting=False, overloaded=self._overloaded)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), timeout_s)
        return self._idle.is_set()

    async def aclose(self) -> None:
        """Stop the worker and count what still waits as failed, "closed". Idempotent."""
        if self._loop is None:
            return
        self._loop = None
        for timer in (self._start_timer, self._ready_timer, self._pulse):
            if timer is not None:
                timer.cancel()
        try:
            if self._worker is not None:
                await self._see_off(self._worker)
        finally:
            if self._worker is not None:  # the wait was cancelled, or the killed worker still exists
                self._worker.end()
                self._bury(-signal.SIGKILL)
            self._give_up_what_waits()

    async def _see_off(self, worker: WorkerLink) -> None:
        """Let the worker exit as gracefully as the time allows."""
        if not self._ready:
            worker.kill()
        elif self.waiting:
            worker.stop()
        worker.hang_up()
        for _ in range(2):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._gone.wait(), _EXIT_S)
                return
            worker.kill()  # what the worker has already written is still read

    def _give_up_what_waits(self) -> None:
        while (waiting := self._line.give_up()) is not None:
            self._fail(waiting, "closed", "the application ended")
        self._counts.queued(self._line.queued_bytes)
        self._show_waiting()

    def _feed(self) -> None:
        """Send the worker as many jobs as it has room for."""
        worker = self._worker
        if worker is not None and self._ready and self._blame is None and not self._resting:
            while not worker.blocked and (waiting := self._line.send()) is not None:
                worker.send(waiting.body)
            if self._line.sent and self._pulse is None and self._loop is not None:
                self._pulse = self._loop.call_later(_PULSE_S, self._look_for_late)
        self._counts.queued(self._line.queued_bytes)

    def _start_worker(self, loop: asyncio.AbstractEventLoop) -> None:
        self._ready, self._blame = False, None
        try:
            self._worker = self._spawn(loop=loop, hello=self._hello, on_frame=self._hear, on_exit=self._bury)
            self._gone.clear()
            start_s = self._settings.shadow_start_s
            self._ready_timer = loop.call_later(start_s, self._lose_worker, "worker_died", f"it was not ready after {start_s:g} s")
        except OSError as error:
            self._tool_failed("shadow.worker", error)
            self._start_again(loop)

    def _start_again(self, loop: asyncio.AbstractEventLoop) -> None:
        self._counts.restarted()
        wait_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** min(self._deaths, 10))
        self._deaths += 1
        self._start_timer = loop.call_later(wait_s, self._start_worker, loop)

    def _hear(self, body: bytes) -> None:
        """Take one frame of the worker: that it is ready, its next result, or how many of its spans were lost."""
        if self._blame is not None:
            return  # this worker was given up: its remaining output must not make the next job fail
        if not body:
            self._ready = True
            self._await_ready_no_more()
            self._feed()
            return
        try:
            result = _said.decode(body)
        except msgspec.MsgspecError as error:
            self._lose_worker("protocol", f"a result cannot be decoded: {error}")
            return
        if isinstance(result, dict):
            self._metrics.lost_spans(result)
            return
        if not self._line.awaits(result.run_id):
            self._lose_worker("protocol", "a result answers no job")
            return
        waiting = self._line.answered()
        self._deaths = 0
        for operation in result.failures:
            self._metrics.failed(operation)
        self._counts.learnt(result.sought_in_text, result.sought_in_fields)
        if result.noise is not None:
            self._counts.round(waiting.surface, result.noise)
        self._feed()
        if result.comparison is not None:
            self._counts.compared(result.comparison, self._clock() - waiting.offered_at)
            if "evidence.write" in result.failures:
                self._count_unseen(waiting, "evidence.write")
            self._show_waiting()
            self._tell(result)
        else:
            self._fail(waiting, result.failed or "protocol", result.detail)

    def _await_ready_no_more(self) -> None:
        if self._ready_timer is not None:
            self._ready_timer.cancel()
            self._ready_timer = None

    def _look_for_late(self) -> None:
        self._pulse = None
        if self._loop is None or not self._line.sent:
            return
        if (late_s := self._line.late_s()) > _LATE_S:
            self._lose_worker("deadline", f"no answer {late_s:.1f} s after the deadline")
        self._pulse = self._loop.call_later(_PULSE_S, self._look_for_late)

    def _lose_worker(self, reason: FailReason, detail: str) -> None:
        """Stop using this worker: if it has exactly one job, this job has failed for this reason."""
        if self._worker is not None and self._blame is None:
            logger.error("the shadow worker is killed: %s", detail)
            self._blame = reason
            self._worker.kill()

    def _bury(self, status: int) -> None:
        """The worker is gone. If exactly one job has no answer, it has failed; several go back to the head of the queue."""
        if self._worker is not None and self._loop is not None and status != RECYCLE:
            self.worker_deaths.append((self._worker.pid, status))
        self._worker, self._ready = None, False
        self._await_ready_no_more()
        self._gone.set()
        if self._line.sent == 1 and status != RECYCLE:
            reason: FailReason = self._blame or ("deadline" if status == -signal.SIGALRM else "worker_died")
            self._fail(self._line.answered(), reason if self._loop is not None else "closed", f"exit status {status}")
        self._line.put_back(suspected=status != RECYCLE)
        self._counts.queued(self._line.queued_bytes)
        self._show_waiting()
        if self._loop is not None:
            if status != RECYCLE:
                self._tool_failed("shadow.worker", ChildProcessError(f"the shadow worker ended with status {status}; it is started again"))
            self._start_again(self._loop)

    def _fail(self, waiting: WaitingJob, reason: FailReason, detail: str) -> None:
        self._counts.failed(waiting.surface, reason)
        self._count_unseen(waiting, reason)
        self._show_waiting()
        self._tell(ShadowResult(run_id=waiting.run_id, comparison=None, failed=reason, detail=detail))

    def _count_unseen(self, waiting: WaitingJob, reason: str) -> None:
        job = _job.decode(waiting.body)
        self._unseen(job.record, job.stage, reason, job.probability)

    def _show_waiting(self) -> None:
        self._counts.waiting(self.waiting)
        if not self.waiting:
            self._idle.set()

    def _tell_later(self, result: ShadowResult) -> None:
        if self._loop is not None:
            self._loop.call_soon(self._tell, result)
        else:
            self._tell(result)

    def _tell(self, result: ShadowResult) -> None:
        try:
            self._on_result(result)
        except Exception as error:  # noqa: BLE001 - a listener's failure must not lose the next result
            self._tool_failed("shadow.worker", error)

    def _tool_failed(self, operation: Operation, error: Exception) -> None:
        logger.error("%s: %s", operation, error if isinstance(error, OSError) else type(error).__name__)
        self._metrics.failed(operation)
