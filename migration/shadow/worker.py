"""The worker process: reads jobs from a pipe, runs and compares them in order, stores comparisons, and writes results to another pipe."""

import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from types import FrameType
from typing import Final

import msgspec

from migration import variables
from migration.import_strings import load
from migration.model import Comparison, RunRecord, encode
from migration.settings import MigrationSettings
from migration.shadow import confinement
from migration.shadow.answers import AnswerWriter
from migration.shadow.cell_job import CellJob, CellRun, RunsEngines
from migration.shadow.cell_process import CellProcess
from migration.shadow.frames import FramePipe
from migration.shadow.hello import COMPARE_S, GRACE_S, RECYCLE, Hello
from migration.shadow.injection import Injections
from migration.shadow.job import ShadowJob, ShadowResult
from migration.shadow.noise_round import NoiseRounds
from migration.shadow.parts import Parts
from migration.shadow.verdicts import Judged, judge, keep
from migration.telemetry import ShadowTraces, TracedShadow, deliver_to, read_ids

logger = logging.getLogger(__name__)
_jobs = msgspec.msgpack.Decoder(ShadowJob)

#: Jobs whose evidence is committed together.
_TOGETHER: Final = 16
#: A result may wait this many seconds for later ones, so that they are stored together.
_HOLD_S: Final = 0.05
#: Seconds at the end for sending the spans of finished comparisons.
_DELIVERY_S: Final = 2.0


class _StopError(BaseException):
    """The parent wants this process to end now."""


class Worker:
    """Turns jobs into results. Errors of engines, of the comparison and of the evidence store are not raised.

    Args:
        parts: comparison and evidence.
        cell: where engines run.
        traces: sends the traces of shadows; None: they are not traced.
        bound: called at the start of each step, with the seconds that it may take.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        parts: Parts,
        cell: RunsEngines,
        *,
        traces: ShadowTraces | None = None,
        bound: Callable[[float], None] = confinement.die_after,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._parts, self._cell, self._bound, self._clock, self._traces = parts, cell, bound, clock, traces
        self._traced: list[TracedShadow | None] = []
        self._rounds = NoiseRounds(parts, cell)
        self._injections = None if parts.detections is None else Injections(parts.compare, parts.detections)
        self.spoiled = False  #: an engine left something behind, or its process is gone: replace this one

    def handle(self, body: bytes) -> ShadowResult:
        """Run, compare and store one encoded job."""
        return next(result for results in self.handle_all([body]) for result in results)

    def handle_all(self, bodies: Sequence[bytes]) -> Iterator[list[ShadowResult]]:
        """Run, compare and store encoded jobs; yield their results in order, in the groups in which they were stored.

        The cell runs ahead while jobs are compared. A result is not held back for a run that takes longer. Jobs after one that made the
        cell unusable have no result.
        """
        for jobs in self._together(list(map(_decoded, bodies))):
            yield from self._handle(jobs)
            if self.spoiled:
                return

    def _together(self, jobs: Sequence[ShadowJob | ShadowResult]) -> Iterator[list[ShadowJob | ShadowResult]]:
        """Yield the jobs in groups: a job that is followed by a round is the last of its group, as the cell must be free for the round."""
        part: list[ShadowJob | ShadowResult] = []
        for job in jobs:
            part.append(job)
            if isinstance(job, ShadowJob) and self._rounds.wanted(job):
                yield part
                part = []
        if part:
            yield part

    def _handle(self, jobs: Sequence[ShadowJob | ShadowResult]) -> Iterator[list[ShadowResult]]:
        runs = self._cell.runs([cell_job(job, self._parts) for job in jobs if isinstance(job, ShadowJob)])
        held: list[Judged] = []
        since = self._clock()
        for job in jobs:
            if isinstance(job, ShadowResult):
                held.append(Judged(result=job))
                self._traced.append(None)
                continue
            began_ns, began = time.time_ns(), self._clock()
            self._bound(bound_s := job.deadline_s + GRACE_S + COMPARE_S)
            while (run := next(runs)) is None:
                if held:
                    yield self._kept(held)
                    self._bound(bound_s)
            held.append(self._judged(job, run, began_ns, began))
            if self.spoiled:
                break
            if self._clock() - since > _HOLD_S:
                yield self._kept(held)
                since = self._clock()
        if held:
            yield self._kept(held)

    def _kept(self, held: list[Judged]) -> list[ShadowResult]:
        self._bound(COMPARE_S)
        results = keep(held, self._parts)
        if self._traces is not None:
            for traced, result in zip(self._traced, results, strict=True):
                if traced is not None:
                    self._traces.ended(replace(traced, comparison=result.comparison, failed=result.failed))
        self._traced.clear()
        held.clear()
        return results

    def _judged(self, job: ShadowJob, run: CellRun, began_ns: int, began: float) -> Judged:
        self.spoiled = run.spoiled
        self._bound(COMPARE_S)
        compared_ns = time.time_ns()
        judged = judge(job, run.run(), self._parts, run.refused)
        self._traced.append(_traced(job, run.record, began_ns, compared_ns))
        if run.record is not None and self._injections is not None:
            judged = replace(judged, result=self._injections.followed(job, judged.result))
        if run.record is None or judged.result.comparison is None or self.spoiled or not self._rounds.wanted(job):
            return judged
        left_s = job.deadline_s - (self._clock() - began)
        return replace(judged, result=self._with_round(job, run.record, judged.result, judged.result.comparison, left_s))

    def _with_round(self, job: ShadowJob, shadow: RunRecord, result: ShadowResult, found: Comparison, left_s: float) -> ShadowResult:
        """Return the result together with the result of a noise round, which has the rest of the job's deadline."""
        if found.effects_performed_by_shadow:
            # The journal does not contain all answers of this run, so a second run on the journal would show meaningless differences.
            return msgspec.structs.replace(result, noise="skipped")
        if any(one.kind in {"isolation_breach", "control_cross_talk"} for one in found.divergences):
            # Concurrent runs may have caused the difference from an undisturbed replay. Such a difference must never excuse a candidate.
            return msgspec.structs.replace(result, noise="cross_talk")
        self._bound(max(0.0, left_s) + GRACE_S + COMPARE_S)
        done = self._rounds.run(job, shadow, left_s)
        self.spoiled = done.spoiled
        return msgspec.structs.replace(result, noise=done.outcome, failures=(*result.failures, *done.failures))


def _traced(job: ShadowJob, record: RunRecord | None, began_ns: int, compared_ns: int) -> TracedShadow | None:
    """Return what is known about a shadow for its trace; None: its served run is not traced."""
    served = read_ids(job.record.trace_id, job.span_id)
    if served is None:
        return None
    return TracedShadow(
        served=served,
        drawn=job.traced,
        request=job.record.request,
        stage=job.stage,
        origin=job.shadows,
        began_ns=began_ns,
        compared_ns=compared_ns,
        ended_ns=time.time_ns(),
        served_record=job.record,
        record=record,
        comparison=None,
        failed=None,
    )


def _decoded(body: bytes) -> ShadowJob | ShadowResult:
    try:
        return _jobs.decode(body)
    except msgspec.MsgspecError as error:
        return ShadowResult(run_id="", comparison=None, failed="protocol", detail=f"the job cannot be decoded: {error}")


def shadow_traces(settings: MigrationSettings, on_lost: Callable[[str, int], None]) -> ShadowTraces | None:
    """Return the traces of a worker; None: there is no collector, and nothing reads what its process keeps in memory."""
    delivery = deliver_to(settings, "netra-migration-worker", on_lost)
    if delivery is None:
        return None
    from migration.evidence import Redactor, digest_key

    return ShadowTraces(settings, delivery, Redactor(digest_key(settings)).path)


def cell_job(job: ShadowJob, parts: Parts) -> CellJob:
    """Return the cell's part of a job."""
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


def run_worker(jobs_fd: int, results_fd: int) -> int:
    """Serve until the parent closes the pipe, or an engine makes this process unusable.

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
    # The signals of Ctrl-C and of a service manager are sent to the whole process group, but only the parent decides when to stop.
    for polite in (signal.SIGINT, signal.SIGTERM):
        signal.signal(polite, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    confinement.die_with_parent()
    with contextlib.closing(FramePipe(jobs_fd)) as jobs:
        if not (first := jobs.some(1)):
            return 0
        hello = msgspec.msgpack.decode(first[0], type=Hello)
        os.environ.update(hello.environment)
        settings = variables.decode(MigrationSettings, hello.settings)
        confinement.yield_processor(settings.shadow_priority)
        confinement.die_after(settings.shadow_start_s)
        with contextlib.closing(CellProcess(settings, hello.engines)) as cell:
            answers = AnswerWriter(results_fd)
            traces = shadow_traces(settings, answers.lost)
            worker = Worker(load(hello.parts)(settings), cell, traces=traces)
            confinement.collect_seldom()
            confinement.spare()
            try:
                signal.signal(signal.SIGUSR1, _stop)
                answers.say(b"")
                return _serve(worker, jobs, answers)
            except _StopError:
                return 0
            finally:
                confinement.spare()
                if traces is not None:
                    traces.close(_DELIVERY_S)


def _serve(worker: Worker, jobs: FramePipe, answers: AnswerWriter) -> int:
    with contextlib.suppress(BrokenPipeError):
        while bodies := jobs.some(_TOGETHER):
            for results in worker.handle_all(bodies):
                confinement.spare()
                answers.say(*map(encode, results))
            if worker.spoiled:
                return RECYCLE
    return 0


def _stop(_signal: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    raise _StopError
