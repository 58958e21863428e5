"""The differences of engines from themselves, and how far they explain their differences from each other.

A sampled run is replayed again by both engines, and each replay is compared with the first run of its own engine: one round. A kind of
divergence that rounds show too is noise only as far as they explain its rate: the excess of its rate between the engines over its rate in
rounds has an interval. If the interval is above zero, every further occurrence is divergent. It is divergent too while the interval is too
wide: only a small excess, or one that is smaller than the proven noise, may hide behind noise. Noise is never a match.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import msgspec

from migration.model import Divergence, Verdict
from migration.statistics import rate_bounds

ALPHA = 0.05
"""Chance, over all looks at one kind of divergence, that the interval of its excess ever leaves out the true one."""

MIN_ROUNDS = 20
"""Rounds before anything is called noise: with fewer, the noise rate is so uncertain that it would explain nearly everything."""

HIDDEN = 0.05
"""Largest excess, as a share of comparisons, that may hide behind noise even if less noise than that is proven."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How often something was seen."""

    hits: int  #: 0 to trials
    trials: int

    @property
    def share(self) -> float:
        """Hits over trials; 0.0 without trials."""
        return self.hits / self.trials if self.trials else 0.0

    def bounds(self, alpha: float) -> tuple[float, float]:
        """Return lower and upper bound of the true rate; see `rate_bounds`."""
        return rate_bounds(self.hits, self.trials, alpha)


@dataclass(frozen=True)
class Excess:
    """How much more often a kind of divergence is seen between the engines than either shows against itself."""

    between: Rate  #: comparisons of control with candidate
    rounds: Rate  #: rounds of each engine against itself

    @property
    def share(self) -> float:
        """Difference of the two shares, -1 to 1."""
        return self.between.share - self.rounds.share

    @cached_property
    def interval(self) -> tuple[float, float]:
        """Lower and upper bound of the true difference, valid however often it is looked at: each rate's bounds at half of `ALPHA`."""
        low, high = self.between.bounds(ALPHA / 2)
        noise_low, noise_high = self.rounds.bounds(ALPHA / 2)
        return low - noise_high, high - noise_low

    @property
    def explained(self) -> bool:
        """Whether rounds show it too, no excess over them is proven, and little can hide behind them."""
        return self.rounds.hits > 0 and self.rounds.trials >= MIN_ROUNDS and self.interval[0] <= 0.0 and not self._may_hide_more

    @property
    def _may_hide_more(self) -> bool:
        return self.interval[1] > max(HIDDEN, self.rounds.bounds(ALPHA / 2)[0])

    def sentence(self) -> str:
        """Return what is known, for people."""
        low, high = self.interval
        shown = f"An engine compared with itself shows it in {self.rounds.hits} of {self.rounds.trials} rounds"
        if self.rounds.trials < MIN_ROUNDS:
            return f"{shown}; {MIN_ROUNDS} rounds are needed before that explains anything."
        excess = f"its excess between the engines is {self.share * 100:+.1f} percentage points ({low * 100:+.1f} to {high * 100:+.1f})"
        if low > 0:
            return f"{shown}; {excess}: more than noise explains."
        return f"{shown}; {excess}: {'more rounds are needed to call it noise' if self._may_hide_more else 'noise explains it'}."


class NoiseFloor:
    """The known noise of one surface. Immutable.

    Args:
        comparisons: of control with candidate.
        rounds: of both engines against themselves.
        hits: for each fingerprint that rounds show, the comparisons and the rounds that show it.
    """

    def __init__(self, comparisons: int = 0, rounds: int = 0, hits: Mapping[str, tuple[int, int]] | None = None) -> None:
        self._excess = {
            fingerprint: Excess(
                between=Rate(hits=min(compared, comparisons), trials=comparisons), rounds=Rate(hits=min(shown, rounds), trials=rounds)
            )
            for fingerprint, (compared, shown) in (hits or {}).items()
        }

    def excess(self, fingerprint: str) -> Excess | None:
        """Return how much more frequent it is than noise; None: no round shows it."""
        return self._excess.get(fingerprint)

    def judge(self, divergence: Divergence) -> Divergence:
        """Return the divergence, marked as noise if noise explains it, otherwise unchanged. Its note contains the result of the rounds.

        Another tenant's or user's data is never noise, and what the ledger accepts stays accepted.
        """
        excess = self._excess.get(divergence.fingerprint)
        if excess is None or divergence.verdict is not Verdict.DIVERGENT:
            return divergence
        if divergence.severity == "security" or divergence.kind == "isolation_breach":
            return divergence
        note = f"{divergence.note} {excess.sentence()}".lstrip()
        return msgspec.structs.replace(divergence, verdict=Verdict.NOISE if excess.explained else Verdict.DIVERGENT, note=note)
