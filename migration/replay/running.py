"""`Replay`: runs recorded runs through control and candidate. The verdict of a run is decided once, here, so that the report and the
evidence have the same verdict.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from migration.comparison import Explanation, Policy
from migration.effects.journals import follow_threads
from migration.model import Comparison, Origin, RunLog, RunRecord, Stage, Timing, Verdict
from migration.recordings import BadLine, RecordedRun, Skipped
from migration.replay.fidelity import unfaithful
from migration.replay.report import Count, Kept, Report
from migration.sentence import Sentence, say, word
from migration.shadow import (
    ComparedJob,
    EvidenceSink,
    Parts,
    RunLimits,
    Seal,
    ShadowJob,
    ShadowResult,
    ShadowRun,
    VirtualTimeLoop,
    conclude,
    replay_run,
)

logger = logging.getLogger(__name__)
_LIMITS: Final = RunLimits(pacing="recorded")


class Replay:
    """Runs control and candidate on recorded runs, one after another, in virtual time.

    Args:
        parts: engines, comparison and, if the results are to be stored, evidence.
        seal: context that is open while an engine runs; it refuses and counts attempts to reach the outside.
        deadline_s: seconds that one run of one engine may take.
        explain: returns the policy of a surface, for the report of what its rules ignore; None: the report does not contain this.
    """

    def __init__(self, parts: Parts, *, seal: Seal, deadline_s: float, explain: Callable[[str], Policy] | None = None) -> None:
        follow_threads()
        self._parts, self._seal, self._deadline_s = parts, seal, deadline_s
        self._policy_of, self._explained = explain, dict[str, Explanation]()
        self._loop = VirtualTimeLoop()
        self._count = Count()
        self._sink = None if parts.sink is None else _CountingSink(parts.sink)
        self._judging = replace(parts, sink=self._sink)

    def close(self) -> None:
        """Close the event loop."""
        self._loop.close()

    def feed(self, items: Iterable[RecordedRun | Skipped | BadLine]) -> Iterator[RecordedRun | Skipped | BadLine]:
        """Process each item and then yield it: a run is compared, every other item is counted."""
        for item in items:
            match item:
                case RecordedRun():
                    self.compare(item)
                case Skipped():
                    self._count.skipped(item)
                case BadLine():
                    self._count.bad(item)
            yield item

    def compare(self, recorded: RecordedRun) -> Comparison:
        """Run both engines on the recording and return the comparison. If the run cannot be compared, the verdict is inconclusive, with the
        reason.
        """
        control, refused = self.run(recorded, Origin.CONTROL)
        self._tally(control, serving=True)
        why_not = unfaithful(recorded, control, refused)
        if why_not is not None or control.record is None:
            return self._inconclusive(recorded, control.record, None, why_not or say("control gave no record"))
        candidate, refused = self.run(recorded, Origin.CANDIDATE)
        self._tally(candidate)
        self._explain(control, candidate)
        result = conclude(self._job(control.record, control.log), candidate, self._judging, refused)  # also stores the comparison
        if result.comparison is None:
            return self._inconclusive(recorded, control.record, candidate.record, _failed(result))
        self._count.compared(recorded, result.comparison)
        return result.comparison

    def run(self, recorded: RecordedRun, origin: Origin) -> tuple[ShadowRun, list[str]]:
        """Run one engine on the recording; return the result, and the names of contacts with the outside that were refused."""
        with self._seal() as refused:
            run = self._loop.drive(
                replay_run(
                    recorded.request,
                    recorded.journal,
                    origin,
                    self._parts.build,
                    deadline_s=self._deadline_s,
                    clock=self._loop.time,
                    limits=_LIMITS,
                    arm=self._loop.call_on_expiry,
                    misses=self._parts.misses,
                )
            )
            self._loop.sweep(_LIMITS.close_s)
        return run, refused

    def report(self, seconds: float) -> Report:
        """Return the results so far.

        Args:
            seconds: the duration of the replay.
        """
        report = self._count.report
        report.seconds = seconds
        report.evidence = None if self._sink is None else self._sink.kept
        if self._policy_of is not None:
            report.explained = {surface: told.rules() for surface, told in self._explained.items()}
        report.divergences = self._count.divergences()
        return report

    def _explain(self, *runs: ShadowRun) -> None:
        for run in runs:
            if self._policy_of is not None and run.record is not None:
                surface = run.record.request.surface
                if surface not in self._explained:
                    self._explained[surface] = Explanation(self._policy_of(surface))
                self._explained[surface].add(run.record)

    def _tally(self, run: ShadowRun, *, serving: bool = False) -> None:
        effects = self._count.report.effects
        effects.recorded += run.tally.recorded if serving else 0
        effects.replayed += run.tally.replayed
        effects.performed_by_shadow += run.tally.performed

    def _job(self, record: RunRecord, log: RunLog | None = None) -> ShadowJob:
        return ShadowJob(record=record, stage=Stage.SHADOW, shadows=Origin.CANDIDATE, deadline_s=self._deadline_s, log=log)

    def _inconclusive(self, recorded: RecordedRun, control: RunRecord | None, candidate: RunRecord | None, reason: Sentence) -> Comparison:
        """Store, count and return an inconclusive comparison, for a run that cannot be compared."""
        comparison = _inconclusive(recorded, reason, control)
        if self._sink is not None:
            served = control or _nothing(recorded, Origin.CONTROL)
            self._sink.store_each([(self._job(served), candidate or _nothing(recorded, Origin.CANDIDATE), comparison)])
        self._count.compared(recorded, comparison)
        return comparison


class _CountingSink:
    """Counts what the evidence stores. A failure is counted and logged; it does not change the verdict."""

    def __init__(self, sink: EvidenceSink) -> None:
        self._sink, self.kept = sink, Kept()

    def store_each(self, findings: Sequence[ComparedJob], /) -> list[bool]:
        """Store comparisons, and count how many are new, known or failed."""
        try:
            kept = self._sink.store_each(findings)
        except Exception as failure:  # noqa: BLE001 - whatever it raises is why none is stored
            kept = [failure] * len(findings)
        for (_, _, comparison), outcome in zip(findings, kept, strict=True):
            if isinstance(outcome, Exception):
                # Log only the error's type: its message may quote texts of the run.
                logger.error("run %s is not stored: %s", comparison.run_id, type(outcome).__name__)
                self.kept.failed += 1
            else:
                self.kept.known += not outcome
                self.kept.stored += outcome
        return [outcome is True for outcome in kept]


def _failed(result: ShadowResult) -> Sentence:
    return say("candidate: {failed}: {detail}", failed=word(str(result.failed)), detail=result.detail)


def _nothing(recorded: RecordedRun, origin: Origin) -> RunRecord:
    """Return an empty record, for a run about which nothing is known."""
    return RunRecord(request=recorded.request, origin=origin, events=(), journal=(), outcome="cancelled", duration_s=0.0, trace_id=None)


def _inconclusive(recorded: RecordedRun, reason: Sentence, control: RunRecord | None) -> Comparison:
    nothing = Timing(duration_s=0.0, effect_s=0.0, first_event_s=None)
    request = recorded.request
    return Comparison(
        surface=request.surface,
        tenant_id=request.tenant_id,
        user_id=request.user_id,
        thread_id=request.thread_id,
        run_id=request.run_id,
        stage=Stage.SHADOW,
        serving=Origin.CONTROL,
        verdict=Verdict.INCONCLUSIVE,
        divergences=(),
        control=nothing if control is None else Timing(duration_s=control.duration_s, effect_s=0.0, first_event_s=None),
        candidate=nothing,
        reasons=(reason,),
    )
