"""Recorded runs through both engines, offline: each on the recorded journal, then side by side."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, Literal

import msgspec

from migration.comparison import Explanation, default_policy
from migration.comparison.explain import Rule
from migration.effects import Tally
from migration.model import Comparison, Divergence, Origin, RunRecord, Stage, Timing, Verdict
from migration.recordings import BadLine, RecordedRun, Skipped
from migration.shadow.job import ShadowJob
from migration.shadow.parts import Parts
from migration.shadow.runner import RunLimits, ShadowRun, replay_run
from migration.shadow.verdicts import conclude
from migration.shadow.virtual_time import VirtualTimeLoop
from migration.shadow.worker import Seal

_LIMITS: Final = RunLimits(pacing="recorded")
_ORDER: Final = tuple(Verdict)


Strictness = Literal["divergent", "inconclusive", "accepted"]
"""From which verdict on a replay fails: only when something is divergent; also when it could not be told; whenever runs do not match."""

_FAILING: Final[dict[Strictness, tuple[Verdict, ...]]] = {
    "divergent": (Verdict.DIVERGENT,),
    "inconclusive": (Verdict.DIVERGENT, Verdict.INCONCLUSIVE),
    "accepted": (Verdict.DIVERGENT, Verdict.INCONCLUSIVE, Verdict.ACCEPTED, Verdict.NOISE),
}


class Effects(msgspec.Struct, kw_only=True):
    """What became of the effects of all runs of a replay."""

    recorded: int = 0  #: in the journals
    replayed: int = 0  #: answered from them, by both engines together
    performed_by_shadow: int = 0  #: calls of the outside: 0 unless the miss policy permits some


class FoundDivergence(msgspec.Struct, kw_only=True):
    """One kind of divergence, over all runs that show it."""

    fingerprint: str
    kind: str
    severity: str
    count: int  #: runs that show it
    most: int  #: how often it is in the run that shows it most often
    verdict: Verdict  #: the worst of any run
    accepted_by: str | None  #: id of the ledger entry, in the run of the worst verdict
    example: dict[str, str]  #: run, lane, path and the sentence, of the first run with the worst verdict; no values


class Report(msgspec.Struct, kw_only=True):
    """What a replay found."""

    runs: int = 0
    verdicts: dict[str, int] = msgspec.field(default_factory=lambda: {verdict.value: 0 for verdict in Verdict})
    divergences: list[FoundDivergence] = msgspec.field(default_factory=list)  #: most severe and most frequent first
    effects: Effects = msgspec.field(default_factory=Effects)
    inconclusive: list[dict[str, str]] = msgspec.field(default_factory=list)  #: run and reason
    skipped: list[Skipped] = msgspec.field(default_factory=list)
    bad_lines: list[BadLine] = msgspec.field(default_factory=list)
    explained: dict[str, list[Rule]] | None = None  #: by surface, what the policy's rules overlooked; None: nobody asked
    seconds: float = 0.0

    @property
    def clean(self) -> bool:
        """Whether every line could be read and every run is explained."""
        return self.passes("inconclusive")

    def passes(self, strictness: Strictness) -> bool:
        """Tell whether every line could be read and no run is judged worse than that allows."""
        return not self.bad_lines and not any(self.verdicts[verdict] for verdict in _FAILING[strictness])


class Replay:
    """Puts recorded runs through control and candidate, one after another, in virtual time.

    Args:
        parts: engines, comparison and, if what is found shall be kept, evidence.
        seal: open while an engine runs; counts what tries to reach the outside.
        deadline_s: seconds that one run of one engine may take.
        explain: whether to report what the policies' rules overlook.
    """

    def __init__(self, parts: Parts, *, seal: Seal, deadline_s: float, explain: bool = False) -> None:
        self._parts, self._seal, self._deadline_s = parts, seal, deadline_s
        self._explained: dict[str, Explanation] | None = {} if explain else None
        self._loop = VirtualTimeLoop()
        self._found: dict[str, Divergence] = {}
        self._examples: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self._most: Counter[str] = Counter()
        self._report = Report()

    def close(self) -> None:
        """Close the event loop."""
        self._loop.close()

    def feed(self, items: Iterable[RecordedRun | Skipped | BadLine]) -> Iterator[RecordedRun | Skipped | BadLine]:
        """Take each item, and yield it once it is done: a run compared, the rest noted."""
        for item in items:
            match item:
                case RecordedRun():
                    self.compare(item)
                case Skipped():
                    self._report.skipped.append(item)
                case BadLine():
                    self._report.bad_lines.append(item)
            yield item

    def compare(self, recorded: RecordedRun) -> Comparison:
        """Run both engines on the recording and return the comparison. A run that cannot be compared is inconclusive and says why."""
        control, refused_control = self.run(recorded, Origin.CONTROL)
        candidate, refused_candidate = self.run(recorded, Origin.CANDIDATE)
        comparison = self._conclude(recorded, control, candidate, refused_candidate)
        self._explain(control, candidate)
        if trouble := _unfaithful(control.tally, refused_control):
            comparison = msgspec.structs.replace(comparison, verdict=Verdict.INCONCLUSIVE, reasons=(*comparison.reasons, trouble))
        effects = self._report.effects
        effects.recorded += control.tally.recorded
        for tally in (control.tally, candidate.tally):
            effects.replayed += tally.replayed
            effects.performed_by_shadow += tally.performed
        self._count(comparison)
        return comparison

    def run(self, recorded: RecordedRun, origin: Origin) -> tuple[ShadowRun, list[str]]:
        """Run one engine on the recording; return what became of it, and the names of contacts with the outside that were refused."""
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
        """Return what was found so far.

        Args:
            seconds: that the replay took.
        """
        self._report.seconds = seconds
        if self._explained is not None:
            self._report.explained = {surface: told.rules() for surface, told in self._explained.items()}
        self._report.divergences = sorted(
            (
                FoundDivergence(
                    fingerprint=fingerprint,
                    kind=found.kind,
                    severity=found.severity,
                    count=self._counts[fingerprint],
                    most=self._most[fingerprint],
                    verdict=found.verdict,
                    accepted_by=found.accepted_by,
                    example={
                        "run": self._examples[fingerprint],
                        "lane": found.lane,
                        "path": found.path,
                        "sentence": f"{found.sentence} {found.note}".rstrip(),
                    },
                )
                for fingerprint, found in self._found.items()
            ),
            key=lambda found: (found.verdict is not Verdict.DIVERGENT, -found.count, found.fingerprint),
        )
        return self._report

    def _explain(self, *runs: ShadowRun) -> None:
        for run in runs:
            if self._explained is not None and run.record is not None:
                surface = run.record.request.surface
                if surface not in self._explained:
                    self._explained[surface] = Explanation(default_policy(surface))
                self._explained[surface].add(run.record)

    def _conclude(self, recorded: RecordedRun, control: ShadowRun, candidate: ShadowRun, refused: list[str]) -> Comparison:
        if control.record is None:
            return _inconclusive(recorded, f"control: {control.failed}: {control.detail}")
        job = ShadowJob(record=control.record, stage=Stage.SHADOW, shadows=Origin.CANDIDATE, deadline_s=self._deadline_s, log=control.log)
        result = conclude(job, candidate, self._parts, refused)
        return result.comparison or _inconclusive(recorded, f"candidate: {result.failed}: {result.detail}", control.record)

    def _count(self, comparison: Comparison) -> None:
        self._report.runs += 1
        self._report.verdicts[comparison.verdict.value] += 1
        if comparison.verdict is Verdict.INCONCLUSIVE:
            self._report.inconclusive.append({"run": comparison.run_id, "reason": "; ".join(comparison.reasons)})
        for divergence in comparison.divergences:
            key = divergence.fingerprint
            self._counts[key] += 1
            self._most[key] = max(self._most[key], divergence.occurrences)
            known = self._found.get(key)
            if known is None or _ORDER.index(divergence.verdict) > _ORDER.index(known.verdict):
                self._found[key], self._examples[key] = divergence, comparison.run_id


def _unfaithful(tally: Tally, refused: list[str]) -> str | None:
    """Return why the recording is no fair ground: control must ask for what was recorded, all of it and nothing else."""
    if refused:
        return f"control tried to reach the outside without a port: {', '.join(sorted(set(refused)))}"
    if tally.missing or tally.unused:
        return f"control does not reproduce the recording: it asks for {tally.missing} effects too many and {tally.unused} too few"
    return None


def _inconclusive(recorded: RecordedRun, reason: str, control: RunRecord | None = None) -> Comparison:
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
