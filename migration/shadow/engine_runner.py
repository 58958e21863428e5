"""Runs engines one after another in this process, each in virtual time, and ensures that nothing of one engine is left when the next one
begins.
"""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final

from migration.effects.journals import BLOCK, MissPolicy, Tally, follow_threads
from migration.model import EngineBuilder
from migration.shadow.cell_job import CellJob, CellRun
from migration.shadow.runner import RunLimits, ShadowRun, replay_run
from migration.shadow.virtual_time import ShuffledTimeLoop, VirtualTimeLoop

logger = logging.getLogger(__name__)

Seal = Callable[[], AbstractContextManager[list[str]]]
"""Refuses contact with the outside while it is open; yields the names of what was refused."""

_LIMITS: Final = RunLimits(pacing="recorded")
_NOTHING: Final = Tally(recorded=0, replayed=0, missing=0, unused=0, performed=0)
_TASKS: Final = "/proc/self/task"
_LOOK_S: Final = 0.002


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """Makes engines, and says which effects they may perform."""

    build: EngineBuilder
    misses: MissPolicy = BLOCK


class EngineRunner:
    """Runs engines.

    Args:
        engines: makes them.
        seal: the block in which each engine runs.
        limits: what one run may use up.
    """

    def __init__(self, engines: Engines, *, seal: Seal, limits: RunLimits = _LIMITS) -> None:
        follow_threads()
        self._engines, self._seal, self._limits = engines, seal, limits
        self._loop = VirtualTimeLoop()
        self._loop.set_exception_handler(_log_loop_error)
        self._threads = _Threads()

    def close(self) -> None:
        """Close the event loop."""
        self._loop.close()

    def run(self, job: CellJob, /) -> CellRun:
        """Run an engine. Its exceptions are recorded, not raised."""
        try:
            if job.shuffle is None:
                return self._on(self._loop, job)
            with contextlib.closing(ShuffledTimeLoop(job.shuffle)) as loop:
                loop.set_exception_handler(lambda _loop, _context: None)  # the first run's loop reported the same
                return self._on(loop, job)
        except BaseException as failure:  # noqa: BLE001 - `KeyboardInterrupt` of an engine's task must not lose the job
            detail = f"a task of the engine raised {type(failure).__name__}"
            return CellRun(record=None, tally=_NOTHING, failed="engine", detail=detail, spoiled=True)

    def runs(self, jobs: Sequence[CellJob], /) -> Iterator[CellRun]:
        """Yield the result of each job, in order; nothing after a run that left the process unusable."""
        for job in jobs:
            run = self.run(job)
            yield run
            if run.spoiled:
                return

    def _on(self, loop: VirtualTimeLoop, job: CellJob) -> CellRun:
        misses = self._engines.misses if job.may_read else BLOCK
        with self._seal() as refused:
            try:
                run = loop.drive(self._replay(loop, job, misses))
            finally:
                swept = loop.sweep(self._limits.close_s)
                loop.let_threads_go()
                # Threads that reads need come and go by themselves.
                alone = self._engines.misses is not BLOCK or self._threads.ended(self._limits.close_s)
        spoiled = run.spoiled or not swept or not alone or self._engines.misses.stuck()
        return CellRun(
            record=run.record,
            tally=run.tally,
            failed=run.failed,
            detail=run.detail,
            log=run.log,
            refused=tuple(refused),
            spoiled=spoiled,
        )

    async def _replay(self, loop: VirtualTimeLoop, job: CellJob, misses: MissPolicy) -> ShadowRun:
        return await replay_run(
            job.request,
            job.journal,
            job.origin,
            self._engines.build,
            deadline_s=job.deadline_s,
            trace_id=job.trace_id,
            clock=loop.time,
            sleep=loop.rest,
            limits=self._limits,
            arm=loop.call_on_expiry,
            canary=job.canary,
            misses=misses,
        )


class _Threads:
    """Counts the threads of this process, including those of libraries in C, and compares them with the number at the start."""

    def __init__(self) -> None:
        # Opened once: a sealed process asks for each file that it opens.
        self._tasks = os.open(_TASKS, os.O_RDONLY) if os.path.isdir(_TASKS) else None  # noqa: PTH112 - as a descriptor
        self._first = self._count()

    def ended(self, patience_s: float) -> bool:
        """Wait, for a bounded time, until there are no more threads than at the start; return whether that is so."""
        until = time.monotonic() + patience_s
        while self._count() > self._first:
            if time.monotonic() > until:
                return False
            time.sleep(_LOOK_S)
        return True

    def _count(self) -> int:
        return 0 if self._tasks is None else len(os.listdir(self._tasks))  # noqa: PTH208 - of a descriptor


def _log_loop_error(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # The default handler prints the exception, and exceptions of engines may quote a user.
    logger.warning("a task or callback that an engine left behind raised %s", type(context.get("exception")).__name__)
