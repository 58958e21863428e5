"""The worker process: reads jobs from a pipe, runs, compares and stores them one after another, writes results to another pipe."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final

import msgspec
from opentelemetry import trace

from migration.effects import BLOCK
from migration.effects.guard import Guard
from migration.model import RunRecord, encode
from migration.settings import MigrationSettings
from migration.shadow import confinement
from migration.shadow.frames import frame, read_frame
from migration.shadow.job import ShadowJob, ShadowResult, keyed
from migration.shadow.noise_round import NoiseRounds, Round
from migration.shadow.parts import Parts, load
from migration.shadow.runner import RunLimits, ShadowRun, run_shadow
from migration.shadow.verdicts import conclude, failed
from migration.shadow.virtual_time import VirtualTimeLoop
from migration.telemetry import spans
from migration.telemetry.tracing import configure_tracing, links_to

logger = logging.getLogger(__name__)
_tracer = trace.get_tracer("migration")
_jobs = msgspec.msgpack.Decoder(ShadowJob)

#: Exit status of a worker that asks to be replaced: an engine spoiled it. From <sysexits.h>: EX_TEMPFAIL.
RECYCLE: Final = 75
#: Seconds after a job's deadline in which an engine that still holds the loop is killed together with its process.
GRACE_S: Final = 2.0
#: Seconds that comparing and storing may take; both have limits of their own far below.
COMPARE_S: Final = 10.0

_LIMITS: Final = RunLimits(pacing="recorded")

Seal = Callable[[], AbstractContextManager[list[str]]]
"""Refuses contact with the outside while it is open; yields the names of what was refused."""


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """The first frame: the parent's settings. They hold secrets, so they come neither as arguments nor by the environment."""

    settings: bytes  #: JSON
    parts: str  #: import string of a callable (MigrationSettings) -> Parts


class Worker:
    """Turns jobs into results, one at a time. Never raises what an engine, the comparison or the evidence store raises.

    Args:
        parts: engines, comparison and evidence.
        seal: open while an engine runs.
        limits: what one run may use up.
        bound: called with the seconds that the step which now begins may take.
    """

    def __init__(
        self, parts: Parts, *, seal: Seal, limits: RunLimits = _LIMITS, bound: Callable[[float], None] = confinement.die_after
    ) -> None:
        self._parts, self._seal, self._limits, self._bound = parts, seal, limits, bound
        self._rounds = NoiseRounds(parts, seal=seal, limits=limits)
        self._loop = VirtualTimeLoop()
        self._loop.set_exception_handler(_log_loop_error)
        self.spoiled = False  #: an engine left something behind: end this process

    def close(self) -> None:
        """Close the event loop."""
        self._loop.close()

    def handle(self, body: bytes) -> ShadowResult:
        """Run, compare and store one encoded job."""
        try:
            job = keyed(_jobs.decode(body))
        except msgspec.MsgspecError as error:
            return ShadowResult(run_id="", comparison=None, failed="protocol", detail=f"the job cannot be decoded: {error}")
        request = job.record.request
        attributes = {
            spans.SURFACE: request.surface,
            spans.RUN_ID: request.run_id,
            spans.STAGE: job.stage.value,
            spans.ORIGIN: job.shadows.value,
            spans.ROLE: "shadowing",
        }
        links = links_to(job.record.trace_id, job.span_id)
        with _tracer.start_as_current_span(spans.SHADOW, links=links, attributes=attributes) as span:
            result = self._run(job)
            if result.failed is not None:
                span.set_status(trace.StatusCode.ERROR)
            return result

    def _run(self, job: ShadowJob) -> ShadowResult:
        started = time.monotonic()
        self._bound(job.deadline_s + GRACE_S)
        try:
            run, refused = self._shadow(job)
        except BaseException as failure:  # noqa: BLE001 - `KeyboardInterrupt` of an engine's task must not lose the job
            self.spoiled = True
            return failed(job, "engine", f"a task of the engine raised {type(failure).__name__}")
        self._bound(COMPARE_S)
        result = conclude(job, run, self._parts, refused)
        if run.record is None or result.comparison is None or self.spoiled or not self._rounds.wanted(job):
            return result
        if result.comparison.effects_performed_by_shadow:
            # Its answers are not all on the journal, so running it again on the journal would show differences that mean nothing.
            return msgspec.structs.replace(result, noise="skipped")
        return self._with_round(job, run.record, result, job.deadline_s - (time.monotonic() - started))

    def _with_round(self, job: ShadowJob, shadow: RunRecord, result: ShadowResult, left_s: float) -> ShadowResult:
        """Return the result with how a round of both engines against themselves ended, for which the job's own deadline must do."""
        self._bound(max(0.0, left_s) + GRACE_S)
        try:
            done = self._rounds.run(job, shadow, left_s)
        except BaseException as failure:  # noqa: BLE001 - as above: `KeyboardInterrupt` of an engine's task must not lose the job
            logger.warning("a task of an engine raised %s in a noise round", type(failure).__name__)
            done = Round(outcome="failed", spoiled=True)
        self.spoiled = done.spoiled
        return msgspec.structs.replace(result, noise=done.outcome, failures=(*result.failures, *done.failures))

    def _shadow(self, job: ShadowJob) -> tuple[ShadowRun, list[str]]:
        with self._seal() as refused:
            run = self._loop.drive(
                run_shadow(
                    job,
                    self._parts.build,
                    clock=self._loop.time,
                    limits=self._limits,
                    arm=self._loop.call_on_expiry,
                    canary=self._parts.canary(job.record.request),
                    misses=self._parts.misses,
                )
            )
            swept = self._loop.sweep(self._limits.close_s)
        self.spoiled = self.spoiled or run.spoiled or not swept or self._parts.misses.stuck()
        return run, refused


def _log_loop_error(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # The default handler prints the exception, and exceptions of engines may quote a user.
    logger.warning("a task or callback that an engine left behind raised %s", type(context.get("exception")).__name__)


def main(jobs_fd: int, results_fd: int) -> int:
    """Serve until the parent closes the pipe, or an engine spoils this process.

    Args:
        jobs_fd: where jobs are read from; the first frame is a `Hello`.
        results_fd: where results are written to; the first frame is empty and says that the worker is ready.

    Returns:
        The exit status: 0, or `RECYCLE`.

    Raises:
        ConfigurationError: an import string names nothing.
        FrameError: the parent died while it wrote.
    """
    for descriptor in (jobs_fd, results_fd):
        os.set_inheritable(descriptor, False)
    sys.dont_write_bytecode = True
    # Ctrl-C, and what a service manager sends, go to the whole process group; when to stop is the parent's decision.
    for polite in (signal.SIGINT, signal.SIGTERM):
        signal.signal(polite, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    confinement.die_with_parent()
    with open(jobs_fd, "rb", buffering=2**18) as jobs:
        first = read_frame(jobs)
        if first is None:
            return 0
        hello = msgspec.msgpack.decode(first, type=Hello)
        settings = MigrationSettings.model_validate_json(hello.settings)
        confinement.yield_processor(settings.shadow_priority)
        configure_tracing(settings, "netra-migration-worker")
        parts: Parts = load(hello.parts)(settings)
        confinement.bound_memory(settings.shadow_memory_bytes)
        worker = Worker(parts, seal=Guard(trust_kin=parts.misses is not BLOCK).sealed)
        gc.freeze()
        _write(results_fd, frame(b""))
        with contextlib.closing(worker), contextlib.suppress(BrokenPipeError):
            while (body := read_frame(jobs)) is not None:
                result = worker.handle(body)
                confinement.spare()
                _write(results_fd, frame(encode(result)))
                if worker.spoiled:
                    return RECYCLE
    return 0


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
