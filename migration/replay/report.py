"""The result of a replay: every run and every line is counted, and the first ones of each sort are listed."""

from typing import Final

import msgspec

from migration.comparison import RuleUse
from migration.model import Comparison, Divergence, Verdict
from migration.recordings import BadLine, RecordedRun, Skipped
from migration.replay.strictness import Strictness

#: Lines and runs of each sort that are listed one by one. The others are only counted: a file of a billion bad lines must not fill the
#: memory.
NAMED: Final = 100_000

_ORDER: Final = tuple(Verdict)
_FAILING: Final[dict[Strictness, tuple[Verdict, ...]]] = {
    "divergent": (Verdict.DIVERGENT,),
    "inconclusive": (Verdict.DIVERGENT, Verdict.INCONCLUSIVE),
    "accepted": (Verdict.DIVERGENT, Verdict.INCONCLUSIVE, Verdict.ACCEPTED, Verdict.NOISE),
}


class EffectCounts(msgspec.Struct, kw_only=True):
    """Counts of effects, over all runs of a replay."""

    recorded: int = 0  #: effects in the journals
    replayed: int = 0  #: effects that the journals answered, for both engines together
    performed_by_shadow: int = 0  #: calls to the outside: 0 unless the miss policy permits them


class Kept(msgspec.Struct, kw_only=True):
    """The counts of a replay that stores its comparisons."""

    stored: int = 0
    known: int = 0  #: a run with the same id was already in the evidence, perhaps from an earlier line; it stays unchanged
    failed: int = 0  #: the evidence could not store the comparison


class FoundDivergence(msgspec.Struct, kw_only=True):
    """One kind of divergence, over all runs that show it."""

    fingerprint: str
    kind: str
    severity: str
    count: int  #: runs that show it
    most: int  #: the highest number of occurrences in one run
    verdict: Verdict  #: the worst verdict of any run
    accepted_by: str | None  #: id of the ledger entry, in the run of the worst verdict
    example: dict[str, str]  #: run, label, lane, path and sentence of the first run with the worst verdict, without values


class Report(msgspec.Struct, kw_only=True):
    """What a replay found."""

    runs: int = 0
    verdicts: dict[str, int] = msgspec.field(default_factory=lambda: {verdict.value: 0 for verdict in Verdict})
    divergences: list[FoundDivergence] = msgspec.field(default_factory=list)  #: divergent kinds first, then by frequency
    effects: EffectCounts = msgspec.field(default_factory=EffectCounts)
    inconclusive: list[dict[str, str]] = msgspec.field(default_factory=list)  #: run, label and reason
    skipped: list[Skipped] = msgspec.field(default_factory=list)
    bad_lines: list[BadLine] = msgspec.field(default_factory=list)
    skipped_count: int = 0  #: number of all skipped parts, listed or not
    bad_line_count: int = 0
    ignored: dict[str, int] = msgspec.field(default_factory=dict)  #: part of a recording that is ignored -> number of runs with it
    empty: list[str] = msgspec.field(default_factory=list)  #: paths without a run, each with the reason
    ledger: str | None = None  #: folder of accepted divergences; None: there is none, so nothing is accepted
    evidence: Kept | None = None  #: None: nothing is to be stored
    explained: dict[str, list[RuleUse]] | None = None  #: surface -> what the policy's rules ignored; None: not requested
    seconds: float = 0.0

    @property
    def clean(self) -> bool:
        """Whether every line could be read, and no run is divergent or inconclusive."""
        return self.passes("inconclusive")

    def passes(self, strictness: Strictness) -> bool:
        """Return whether every path had a run, every line was read, every comparison was stored, and `strictness` allows all verdicts."""
        if not self.runs or self.empty or self.bad_line_count or (self.evidence is not None and self.evidence.failed):
            return False
        return not any(self.verdicts[verdict] for verdict in _FAILING[strictness])


class Count:
    """Counts what a replay finds."""

    def __init__(self) -> None:
        self.report = Report()
        self._found: dict[str, Divergence] = {}
        self._examples: dict[str, tuple[str, str]] = {}
        self._runs: dict[str, int] = {}
        self._most: dict[str, int] = {}

    def skipped(self, item: Skipped) -> None:
        """Count a part that is not a run."""
        self.report.skipped_count += 1
        if len(self.report.skipped) < NAMED:
            self.report.skipped.append(item)

    def bad(self, item: BadLine) -> None:
        """Count a line that cannot be read."""
        self.report.bad_line_count += 1
        if len(self.report.bad_lines) < NAMED:
            self.report.bad_lines.append(item)

    def compared(self, recorded: RecordedRun, comparison: Comparison) -> None:
        """Count a run."""
        report = self.report
        report.runs += 1
        report.verdicts[comparison.verdict.value] += 1
        for what in recorded.ignored:
            report.ignored[what] = report.ignored.get(what, 0) + 1
        if comparison.verdict is Verdict.INCONCLUSIVE and len(report.inconclusive) < NAMED:
            reason = "; ".join(map(str, comparison.reasons))
            report.inconclusive.append({"run": comparison.run_id, "label": recorded.name, "reason": reason})
        for divergence in comparison.divergences:
            key = divergence.fingerprint
            self._runs[key] = self._runs.get(key, 0) + 1
            self._most[key] = max(self._most.get(key, 0), divergence.occurrences)
            known = self._found.get(key)
            if known is None or _ORDER.index(divergence.verdict) > _ORDER.index(known.verdict):
                self._found[key], self._examples[key] = divergence, (comparison.run_id, recorded.name)

    def divergences(self) -> list[FoundDivergence]:
        """Return the kinds that were found: divergent kinds first, then by frequency."""
        return sorted(
            map(self._kind, self._found), key=lambda found: (found.verdict is not Verdict.DIVERGENT, -found.count, found.fingerprint)
        )

    def _kind(self, fingerprint: str) -> FoundDivergence:
        found, (run, label) = self._found[fingerprint], self._examples[fingerprint]
        return FoundDivergence(
            fingerprint=fingerprint,
            kind=found.kind,
            severity=found.severity,
            count=self._runs[fingerprint],
            most=self._most[fingerprint],
            verdict=found.verdict,
            accepted_by=found.accepted_by,
            example={
                "run": run,
                "label": label,
                "lane": found.lane,
                "path": found.path,
                "sentence": f"{found.sentence} {found.note}".rstrip(),
            },
        )
