"""Why a kind of divergence has its verdict, according to the current entries of the ledger and the current noise."""

from collections.abc import Sequence

import msgspec

from migration.comparison import Accepted, Excess, Ledger, NoiseFloor
from migration.evidence import DivergenceDetail, DivergenceView, NoiseView
from migration.model import Divergence, Verdict
from migration.sentence import quoted


class NoisyKind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of divergence that an engine shows when compared with itself."""

    fingerprint: str
    compared: int  #: comparisons that show it
    comparisons: int
    shown: int  #: rounds that show it
    rounds: int
    control: int  #: rounds in which control differs from itself in this way
    candidate: int  #: rounds in which candidate differs from itself in this way
    excess: float  #: share of comparisons minus share of rounds, -1 to 1
    low: float  #: lower bound of the true excess
    high: float  #: upper bound of the true excess
    explained: bool  #: whether noise explains all occurrences
    sentence: str


class NoiseStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The noise of a surface's engines, each compared with itself."""

    rounds: int
    kinds: list[NoisyKind]  #: the kind that most rounds show comes first

    def remarks(self) -> list[str]:
        """Return one sentence for each fact that a person should know."""
        beyond = [kind for kind in self.kinds if kind.low > 0]
        return [
            f"{kind.fingerprint} is noise only in part: it occurs {kind.excess * 100:+.1f} percentage points more often between the "
            f"engines ({kind.low * 100:+.1f} to {kind.high * 100:+.1f}) than when an engine is compared with itself"
            for kind in beyond
        ]


class DivergenceJudgement(msgspec.Struct, frozen=True, kw_only=True):
    """How the ledger and the noise judge a kind of divergence."""

    entries: list[Accepted]  #: entries of the ledger that match the kind, including expired ones
    noise: NoisyKind | None  #: None: no engine differs from itself in this way
    reasons: list[str]  #: sentences


def noise_status(view: NoiseView) -> NoiseStatus:
    """Return the known noise: each kind with its excess."""
    floor = NoiseFloor(view.comparisons, view.rounds, view.counts())
    kinds = []
    for hit in view.hits:
        excess = floor.excess(hit.fingerprint)
        if excess is not None:
            kinds.append(_noisy(hit.fingerprint, excess, hit.control, hit.candidate))
    return NoiseStatus(rounds=view.rounds, kinds=kinds)


def judgement(detail: DivergenceDetail, ledger: Ledger, view: NoiseView) -> DivergenceJudgement:
    """Return why this kind of divergence has its verdict."""
    kind = detail.divergence
    entries = [entry for entry in ledger.entries if entry.id == kind.accepted_by or entry.matches(as_divergence(kind))]
    noisy = next((one for one in noise_status(view).kinds if one.fingerprint == kind.fingerprint), None)
    return DivergenceJudgement(entries=entries, noise=noisy, reasons=[*_of_ledger(detail, entries), *([noisy.sentence] if noisy else [])])


def as_divergence(view: DivergenceView) -> Divergence:
    """Return the kind as a `Divergence`, which is what ledgers judge."""
    return Divergence(
        kind=view.kind,
        severity=view.severity,
        fingerprint=view.fingerprint,
        lane=view.lane,
        path=view.path,
        control=None,
        candidate=None,
        sentence=quoted(view.sentence),
    )


def _of_ledger(detail: DivergenceDetail, entries: Sequence[Accepted]) -> list[str]:
    reasons = []
    for entry in entries:
        limit = "" if entry.at_most is None else f", at most {entry.at_most} in a run"
        reasons.append(f"{entry.id!r} accepts it {entry.term}{limit} ({entry.owner}): {entry.reason}")
        most = detail.most.get(Verdict.DIVERGENT, 0)
        if entry.at_most is not None and most > entry.at_most:
            reasons.append(f"It occurred up to {most} times in one run, which is more than {entry.id!r} accepts.")
    return reasons


def _noisy(fingerprint: str, excess: Excess, control: int, candidate: int) -> NoisyKind:
    low, high = excess.interval
    return NoisyKind(
        fingerprint=fingerprint,
        compared=excess.between.hits,
        comparisons=excess.between.trials,
        shown=excess.rounds.hits,
        rounds=excess.rounds.trials,
        control=control,
        candidate=candidate,
        excess=excess.share,
        low=low,
        high=high,
        explained=excess.explained,
        sentence=excess.sentence(),
    )
