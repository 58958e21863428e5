"""What the evidence store answers. All times are Unix seconds, all texts redacted."""

import msgspec

from migration.evidence.excerpt import ExcerptRow
from migration.model import DivergenceKind, Origin, Severity, Stage, Timing, Verdict


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What the views share: frozen and keyword-only."""


class SurfaceSummary(View, frozen=True, kw_only=True):
    """Everything compared on one surface since the last pruning."""

    surface: str
    runs: int  #: comparisons
    verdicts: dict[Verdict, int]  #: every verdict, also those with 0
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
    count: int  #: occurrences since the first
    verdict: Verdict  #: of the last occurrence
    accepted_by: str | None  #: ledger entry of the last occurrence
    recordings: int = 0  #: comparisons of it whose served run is kept whole


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
    excerpt: list[ExcerptRow]  #: [] when none was kept
    shadow_trace_id: str | None = None  #: of the shadow; None: not traced
    follows: list[str] = []  #: what follows from it in that comparison, a clause each; [] when nothing does


class DivergenceDetail(View, frozen=True, kw_only=True):
    """A kind of divergence, how its occurrences were judged, and the first of them."""

    divergence: DivergenceView
    verdicts: dict[Verdict, int]  #: comparisons in which it occurred, by its verdict there; since the last pruning
    most: dict[Verdict, int]  #: how often it is in the comparison of that verdict that shows it most often; since the last pruning
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
    """A served run that is kept whole."""

    run_id: str
    tenant_id: str
    surface: str
    compared_at: float
    line: bytes  #: one line of the recording format, newline included


class NoiseHit(View, frozen=True, kw_only=True):
    """A kind of divergence that an engine showed against itself."""

    fingerprint: str
    compared: int  #: comparisons of control with candidate that show it
    rounds: int  #: rounds that show it, in either engine
    control: int  #: rounds in which control did
    candidate: int  #: rounds in which candidate did


class NoiseView(View, frozen=True, kw_only=True):
    """What a surface's engines showed against themselves."""

    surface: str
    rounds: int
    comparisons: int  #: of control with candidate; 0 when there are no hits, too
    hits: list[NoiseHit]  #: the most frequent first

    def counts(self) -> dict[str, tuple[int, int]]:
        """Return for each fingerprint the comparisons and the rounds that show it."""
        return {hit.fingerprint: (hit.compared, hit.rounds) for hit in self.hits}


class StratumView(View, frozen=True, kw_only=True):
    """Compared runs with one kind of event at one tool, and one outcome."""

    event: str  #: kind of event; "": runs without any
    tool: str  #: "": the event belongs to an agent or to the run
    outcome: str  #: of the served run
    runs: int  #: that came to a verdict
    divergent: int  #: of these, those with a divergence here that nobody accepted


class StrataView(View, frozen=True, kw_only=True):
    """A surface's strata."""

    surface: str
    strata: list[StratumView]  #: by event, tool and outcome
    unknown: int  #: comparisons whose strata are not known: from before they were kept
