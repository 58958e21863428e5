"""The worker process: reads jobs from a pipe, runs, compares and stores them one after another, writes results to another pipe."""

import contextlib
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import BinaryIO, Final

import msgspec
from opentelemetry import trace

from migration import variables
from migration.model import RunRecord, encode
from migration.settings import MigrationSettings
from migration.shadow import child_environment, confinement
from migration.shadow.answers import Answers
from migration.shadow.cell_job import CellJob, RunsEngines
from migration.shadow.cell_process import GRACE_S, CellProcess
from migration.shadow.engine_runner import Seal
from migration.shadow.frames import read_frame
from migration.shadow.job import ShadowJob, ShadowResult, keyed
from migration.shadow.noise_round import NoiseRounds
from migration.shadow.parts import Parts, load
from migration.shadow.verdicts import conclude
from migration.telemetry import spans
from migration.telemetry.tracing import configure_tracing, deliver_spans, links_to

__all__ = ["COMPARE_S", "GRACE_S", "RECYCLE", "Hello", "Seal", "Worker", "main"]

logger = logging.getLogger(__name__)
_tracer = trace.get_tracer("migration")
_jobs = msgspec.msgpack.Decoder(ShadowJob)

#: Exit status of a worker that asks to be replaced: an engine spoiled it. From <sysexits.h>: EX_TEMPFAIL.
RECYCLE: Final = 75
#: Seconds that comparing and storing may take; both have limits of their own far below.
COMPARE_S: Final = 10.0

#: Seconds that spans of finished comparisons may take on their way out, at the end.
_DELIVERY_S: Final = 2.0


class _StopError(BaseException):
    """The parent wants this process to end now."""


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """The first frame: the parent's settings. They hold secrets, so they come neither as arguments nor by the environment."""

    settings: bytes  #: JSON
    parts: str  #: import string of a callable (MigrationSettings) -> Parts
    engines: str  #: import string of a callable (MigrationSettings) -> Engines, for the cell
    environment: dict[str, str] = {}  #: variables that hold secrets: no process starts with them


def hello(settings: MigrationSettings, parts: str, engines: str) -> bytes:
    """Return the first frame of a worker with these parts and engines, which are import strings; what a child may see goes along."""
    environment = child_environment.by_pipe(reading=settings.miss_policy == "allow")
    return msgspec.msgpack.encode(Hello(settings=variables.encode(settings), parts=parts, engines=engines, environment=environment))


class Worker:
    """Turns jobs into results, one at a time. Never raises what an engine, the comparison or the evidence store raises.

    Args:
        parts: comparison and evidence.
        cell: where engines run.
        bound: called with the seconds that the step which now begins may take.
    """

    def __init__(self, parts: Parts, cell: RunsEngines, *, bound: Callable[[float], None] = confinement.die_after) -> None:
        self._parts, self._cell, self._bound = parts, cell, bound
        self._rounds = NoiseRounds(parts, cell)
        self.spoiled = False  #: an engine left something behind, or its process is gone: replace this one

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
        self._bound(job.deadline_s + GRACE_S + COMPARE_S)
        shadow = self._cell.run(_shadow_of(job, self._parts))
        self.spoiled = shadow.spoiled
        self._bound(COMPARE_S)
        result = conclude(job, shadow.run(), self._parts, shadow.refused)
        if shadow.record is None or result.comparison is None or self.spoiled or not self._rounds.wanted(job):
            return result
        if result.comparison.effects_performed_by_shadow:
            # Its answers are not all on the journal, so running it again on the journal would show differences that mean nothing.
            return msgspec.structs.replace(result, noise="skipped")
        if any(one.kind in {"isolation_breach", "control_cross_talk"} for one in result.comparison.divergences):
            # What differs from a replay at rest may be what others did beside the run: that must never excuse a candidate.
            return msgspec.structs.replace(result, noise="cross_talk")
        return self._with_round(job, shadow.record, result, job.deadline_s - (time.monotonic() - started))

    def _with_round(self, job: ShadowJob, shadow: RunRecord, result: ShadowResult, left_s: float) -> ShadowResult:
        """Return the result with how a round of both engines against themselves ended, for which the job's own deadline must do."""
        self._bound(max(0.0, left_s) + GRACE_S + COMPARE_S)
        done = self._rounds.run(job, shadow, left_s)
        self.spoiled = done.spoiled
        return msgspec.structs.replace(result, noise=done.outcome, failures=(*result.failures, *done.failures))


def trace_to_collector(settings: MigrationSettings, on_lost: Callable[[int], None]) -> None:
    """Make a worker's spans real if they are delivered: nobody reads the ring of its process.

    Args:
        settings: `otlp_endpoint` (empty: there is no collector) and `trace_percent`.
        on_lost: called with how many spans were not delivered just now.
    """
    if settings.otlp_endpoint:
        configure_tracing(settings, "netra-migration-worker", on_lost)


def _shadow_of(job: ShadowJob, parts: Parts) -> CellJob:
    served = job.record
    return CellJob(
        request=served.request,
        journal=served.journal,
        origin=job.shadows,
        deadline_s=job.deadline_s,
        trace_id=served.trace_id,
        canary=parts.canary(served.request),
        may_read=True,
    )


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
        os.environ.update(hello.environment)
        settings = variables.decode(MigrationSettings, hello.settings)
        confinement.yield_processor(settings.shadow_priority)
        confinement.die_after(settings.shadow_start_s)
        with contextlib.closing(CellProcess(settings, hello.engines)) as cell:
            worker, answers = Worker(load(hello.parts)(settings), cell), Answers(results_fd)
            trace_to_collector(settings, answers.lost)
            gc.freeze()
            confinement.spare()
            try:
                signal.signal(signal.SIGUSR1, _stop)
                answers.say(b"")
                return _serve(worker, jobs, answers)
            except _StopError:
                return 0
            finally:
                confinement.spare()
                deliver_spans(_DELIVERY_S)


def _serve(worker: Worker, jobs: BinaryIO, answers: Answers) -> int:
    with contextlib.suppress(BrokenPipeError):
        while (body := read_frame(jobs)) is not None:
            result = worker.handle(body)
            confinement.spare()
            answers.say(encode(result))
            if worker.spoiled:
                return RECYCLE
    return 0


def _stop(_signal: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    raise _StopError
