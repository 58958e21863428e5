"""`InlineShadow`: shadows on the caller's own loop, one after another. For tests and tools, not for users' requests."""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from migration.effects.journals import follow_threads
from migration.shadow.counts import ShadowCounts
from migration.shadow.job import ShadowJob, ShadowResult, ShedReason
from migration.shadow.parts import Parts
from migration.shadow.runner import RunLimits, run_shadow
from migration.shadow.verdicts import conclude
from migration.telemetry import Metrics

logger = logging.getLogger(__name__)
_LIMITS: Final = RunLimits()


class InlineShadow:
    """Keeps all promises of `Shadow` except one: an engine that blocks the event loop blocks it for all users of the loop.

    Args:
        parts: engines, comparison and evidence.
        metrics: where every run that should have been shadowed is counted.
        on_result: called with the result of each run.
        queue_jobs: jobs that may wait; more are shed.
        limits: what one run may use up.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        parts: Parts,
        metrics: Metrics,
        on_result: Callable[[ShadowResult], None],
        *,
        queue_jobs: int = 256,
        limits: RunLimits = _LIMITS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        follow_threads()
        self._parts, self._metrics, self._on_result = parts, metrics, on_result
        self._queue_jobs, self._limits, self._clock = queue_jobs, limits, clock
        self._counts = ShadowCounts(metrics)
        self._queue: deque[tuple[ShadowJob, float]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def waiting(self) -> int:
        """How many jobs wait or run."""
        return len(self._queue)

    def offer(self, job: ShadowJob, /, *, shed: ShedReason | None = None) -> None:
        """Queue the job or shed it, and count which. Never blocks, never raises, never waits.

        Args:
            job: the served run.
            shed: the reason why the caller wants the job counted and not run; None: run it.
        """
        surface = job.record.request.surface
        self._counts.expected(surface)
        if shed is None and self._closed:
            shed = "closed"
        if shed is None and len(self._queue) >= self._queue_jobs:
            shed = "queue_jobs"
        if shed is not None:
            self._counts.shed(surface, shed)
            self._tell(ShadowResult(run_id=job.record.request.run_id, comparison=None, detail=f"shed: {shed}"))
            return
        self._queue.append((job, self._clock()))
        self._counts.waiting(self.waiting)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._work(), name="inline shadow")

    async def drain(self, timeout_s: float) -> bool:
        """Wait until no job waits. Returns False when that took longer."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=timeout_s)
        return not self._queue

    async def aclose(self) -> None:
        """Stop, and count what still waits as failed, "closed". Idempotent."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        while self._queue:
            job, _offered_at = self._queue.popleft()
            self._end(job, ShadowResult(run_id=job.record.request.run_id, comparison=None, failed="closed", detail="closed"), 0.0)

    async def _work(self) -> None:
        while self._queue:
            job, offered_at = self._queue[0]
            canary = self._parts.canary(job.record.request)
            parts = self._parts
            run = await run_shadow(job, parts.build, clock=self._clock, limits=self._limits, canary=canary, misses=parts.misses)
            result = conclude(job, run, self._parts)
            self._queue.popleft()
            self._end(job, result, self._clock() - offered_at)

    def _end(self, job: ShadowJob, result: ShadowResult, lag_s: float) -> None:
        for operation in result.failures:
            self._metrics.failed(operation)
        self._counts.learnt(result.sought_in_text, result.sought_in_fields)
        if result.comparison is not None:
            self._counts.compared(result.comparison, lag_s)
        else:
            self._counts.failed(job.record.request.surface, result.failed or "protocol")
        self._counts.waiting(self.waiting)
        self._tell(result)

    def _tell(self, result: ShadowResult) -> None:
        try:
            self._on_result(result)
        except Exception as error:  # noqa: BLE001 - a listener's failure must not lose the next result
            logger.error("shadow.worker: a listener raised %s", type(error).__name__)  # noqa: TRY400 - the text may quote a payload
            self._metrics.failed("shadow.worker")
