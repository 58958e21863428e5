"""The answers of the evidence store. All times are Unix seconds, all texts redacted."""

import msgspec

from migration.evidence.excerpt import ExcerptRow
from migration.model import DivergenceKind, Origin, Severity, Stage, Timing, Verdict


class View(msgspec.Struct, frozen=True, kw_only=True):
    """The common base of views: frozen and keyword-only."""


class SurfaceSummary(View, frozen=True, kw_only=True):
    """Everything compared on one surface since the last pruning."""

    surface: str
    runs: int  #: comparisons
    verdicts: dict[Verdict, int]  #: counts of all verdicts, also of those with 0
    effects_recorded: int
    effects_replayed: int
    effects_missing: int
    effects_performed_by_shadow: int
    first_at: float | None  #: None: nothing was compared
    last_at: float | None


class DivergenceView(View, frozen=True, kw_only=True):
    """A kind of divergence."""

    fingerprint: str
    surface: str
    kind: DivergenceKind
    severity: Severity
    lane: str
    path: str
    sentence: str
    first_seen_at: float
    last_seen_at: float
    count: int  #: all occurrences since the first one
    verdict: Verdict  #: verdict of the last occurrence
    accepted_by: str | None  #: ledger entry of the last occurrence
    recordings: int = 0  #: number of its comparisons whose served run is stored as a whole
    example: "Values | None" = None  #: values of its latest example; None: no example is stored


class Values(View, frozen=True, kw_only=True):
    """The values of both engines at the place of a divergence, as JSON; None: the engine has no value there."""

    control: str | None
    candidate: str | None


class Example(View, frozen=True, kw_only=True):
    """One occurrence with its values."""

    run_id: str
    tenant_id: str
    stage: Stage
    serving: Origin
    verdict: Verdict
    trace_id: str | None
    compared_at: float
    control: str | None  #: JSON; None when that side has nothing there
    candidate: str | None
    excerpt: list[ExcerptRow]  #: [] if none was stored
    shadow_trace_id: str | None = None  #: trace of the shadow; None: not traced
    follows: list[str] = []  #: the divergence's consequences in this comparison, one clause each; []: none


class DivergenceDetail(View, frozen=True, kw_only=True):
    """A kind of divergence, the verdicts of its occurrences, and the first of them."""

    divergence: DivergenceView
    verdicts: dict[Verdict, int]  #: verdict -> number of comparisons in which the divergence got it, since the last pruning
    most: dict[Verdict, int]  #: verdict -> highest count of the divergence in one such comparison, since the last pruning
    examples: list[Example]  #: oldest first


class ComparisonView(View, frozen=True, kw_only=True):
    """One comparison."""

    surface: str
    run_id: str
    thread_id: str
    tenant_id: str
    user_digest: str
    stage: Stage
    serving: Origin
    shadows: Origin
    verdict: Verdict
    reasons: list[str]
    divergence_count: int
    control: Timing
    candidate: Timing
    effects_recorded: int
    effects_replayed: int
    effects_missing: int
    effects_performed_by_shadow: int
    trace_id: str | None
    span_id: str | None
    shadow_trace_id: str | None
    received_at: float
    compared_at: float


class StoredRecording(View, frozen=True, kw_only=True):
    """A served run that is stored as a whole."""

    run_id: str
    tenant_id: str
    surface: str
    compared_at: float
    line: bytes  #: one line of the recording format, with its newline


class NoiseHit(View, frozen=True, kw_only=True):
    """A kind of divergence that an engine showed when it was compared with itself."""

    fingerprint: str
    compared: int  #: comparisons of control with candidate that show it
    rounds: int  #: rounds in which at least one engine shows it
    control: int  #: rounds in which control shows it
    candidate: int  #: rounds in which candidate shows it


class NoiseView(View, frozen=True, kw_only=True):
    """The noise of a surface's engines, each compared with itself."""

    surface: str
    rounds: int
    comparisons: int  #: comparisons of control with candidate; also 0 if there are no hits
    hits: list[NoiseHit]  #: the most frequent first

    def counts(self) -> dict[str, tuple[int, int]]:
        """Return, for each fingerprint, the number of comparisons and of rounds that show it."""
        return {hit.fingerprint: (hit.compared, hit.rounds) for hit in self.hits}


class StratumView(View, frozen=True, kw_only=True):
    """Compared runs with one kind of event at one tool, and one outcome."""

    event: str  #: kind of event; "": runs without events
    tool: str  #: name of the tool; "": the event belongs to an agent or to the run
    outcome: str  #: outcome of the served run
    runs: int  #: comparisons with a verdict other than inconclusive
    divergent: int  #: compared runs with an unaccepted divergence in this stratum


class StrataView(View, frozen=True, kw_only=True):
    """A surface's strata."""

    surface: str
    strata: list[StratumView]  #: sorted by event, tool and outcome
    unknown: int  #: older comparisons, whose strata are not known
