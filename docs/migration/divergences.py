"""The measured part of `divergences.md`: a replay of recorded conversations, and what differs, a sentence each."""

import re
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import msgspec

from migration.comparison import Comparer, Ledger, load_ledger
from migration.effects.journals import Guard
from migration.import_strings import load
from migration.model import Comparison, Divergence, Verdict
from migration.recordings import RecordedRun, read
from migration.replay import Replay
from migration.settings import MigrationSettings
from migration.shadow import Parts

ROOT = Path(__file__).parents[2]
CONVERSATIONS = ROOT.parent / "shared" / "data" / "airline_trajectories.jsonl.gz"
SURFACE = "chat"

#: a call of a tool, whose name is the recordings' own: `assistant/look_up#3`
_CALL = re.compile(r"`(\w+)/[^`#]+#\d+`")
_UNEXPLAINED = "nobody: it is divergent"


class Kind(msgspec.Struct, frozen=True):
    """Divergences that are told in the same words."""

    kind: str
    severity: str
    sentence: str
    accepted_by: str | None


class Found:
    """What a replay found, by the words in which it is told."""

    def __init__(self) -> None:
        self.verdicts: Counter[Verdict] = Counter()
        self.runs: Counter[Kind] = Counter()
        self.most: Counter[Kind] = Counter()
        self.fingerprints: dict[Kind, set[str]] = {}

    def add(self, comparison: Comparison) -> None:
        """Count one comparison."""
        self.verdicts[comparison.verdict] += 1
        here: Counter[Kind] = Counter()
        for divergence in comparison.divergences:
            kind = _kind(divergence)
            here[kind] = max(here[kind], divergence.occurrences)
            self.fingerprints.setdefault(kind, set()).add(divergence.fingerprint)
        for kind, occurrences in here.items():
            self.runs[kind] += 1
            self.most[kind] = max(self.most[kind], occurrences)

    def markdown(self, ledger: Ledger) -> str:
        """Return the measured part of the page."""
        reasons = {entry.id: entry.reason for entry in ledger.entries}
        verdicts = ", ".join(f"{self.verdicts[verdict]} {verdict.value}" for verdict in Verdict)
        lines = [
            f"{self.verdicts.total()} runs: {verdicts}.",
            "",
            "| what differs | kind, severity | runs | most in one run | accepted by | fingerprints |",
            "|---|---|---|---|---|---|",
        ]
        for kind, runs in sorted(self.runs.items(), key=lambda item: (-item[1], item[0].kind, item[0].sentence)):
            by = f"`{kind.accepted_by}`: {reasons[kind.accepted_by]}" if kind.accepted_by else _UNEXPLAINED
            marks = ", ".join(f"`{mark}`" for mark in sorted(self.fingerprints[kind]))
            lines.append(f"| {kind.sentence} | {kind.kind}, {kind.severity} | {runs} | {self.most[kind]} | {by} | {marks} |")
        return "\n".join(lines)


def replayed(file: Path) -> str:
    """Return the measured part, from a replay of the file."""
    settings, comparer, found = MigrationSettings(), Comparer(ROOT / "ledger"), Found()
    parts = Parts(
        build=load(settings.engines), compare=lambda job, shadow: comparer.compare(job.record, shadow, stage=job.stage), sink=None
    )
    with closing(Replay(parts, seal=Guard().sealed, deadline_s=settings.shadow_deadline_s)) as replay:
        for run in _runs(file):
            found.add(replay.compare(run))
    return found.markdown(load_ledger(ROOT / "ledger" / f"{SURFACE}.toml"))


def _runs(file: Path) -> Iterable[RecordedRun]:
    items = read(file, surface=SURFACE, agent="assistant", tenant_id="recorded", user_id="recorded-user")
    return (item for item in items if isinstance(item, RecordedRun))


def _kind(divergence: Divergence) -> Kind:
    sentence = _CALL.sub(r"a call of a tool by `\1`", f"{divergence.sentence} {divergence.note}".rstrip())
    return Kind(divergence.kind, divergence.severity, sentence, divergence.accepted_by)
