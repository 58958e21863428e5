"""Noise: how far the differences of each engine from itself explain the differences between the two engines.

A sampled run is replayed again by both engines, and each replay is compared with the first run of its own engine: this is one round. If
rounds show a kind of divergence too, it is noise only as far as the rounds explain its rate. Its excess is its rate between the engines
minus its rate in rounds; this is known as an interval. If the whole interval is above zero, every further occurrence is divergent. It is
also divergent while the interval is too wide: only a small excess, or one below the proven noise, may count as noise. Noise is never a
match.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import msgspec

from migration.model import Divergence, Verdict
from migration.statistics import rate_bounds

ALPHA = 0.05
"""Chance that the interval of one kind of divergence ever misses the true excess, however often the interval is computed."""

MIN_ROUNDS = 20
"""Rounds before anything is called noise: with fewer, the noise rate is so uncertain that it would explain nearly everything."""

HIDDEN = 0.05
"""Largest excess, as a share of comparisons, that may count as noise even if it is larger than the proven noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How often something was seen in a number of trials."""

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
    """How much more often a kind of divergence is seen between the engines than in rounds, where each engine is compared with itself."""

    between: Rate  #: comparisons of control with candidate
    rounds: Rate  #: rounds, in which each engine is compared with itself

    @property
    def share(self) -> float:
        """Difference of the two shares, -1 to 1."""
        return self.between.share - self.rounds.share

    @cached_property
    def interval(self) -> tuple[float, float]:
        """Lower and upper bound of the true difference, valid however often they are computed: each rate's bounds use half of `ALPHA`."""
        low, high = self.between.bounds(ALPHA / 2)
        noise_low, noise_high = self.rounds.bounds(ALPHA / 2)
        return low - noise_high, high - noise_low

    @property
    def explained(self) -> bool:
        """Whether noise explains the divergence: rounds show it too, no excess is proven, and only a small excess is still possible."""
        return self.rounds.hits > 0 and self.rounds.trials >= MIN_ROUNDS and self.interval[0] <= 0.0 and not self._may_hide_more

    @property
    def _may_hide_more(self) -> bool:
        return self.interval[1] > max(HIDDEN, self.rounds.bounds(ALPHA / 2)[0])

    def sentence(self) -> str:
        """Return the result of the rounds as text for people."""
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
        comparisons: how many comparisons of control with candidate there are.
        rounds: how many comparisons of both engines with themselves there are.
        hits: for each fingerprint that rounds show, how many comparisons and how many rounds show it.
    """

    def __init__(self, comparisons: int = 0, rounds: int = 0, hits: Mapping[str, tuple[int, int]] | None = None) -> None:
        self._excess = {
            fingerprint: Excess(
                between=Rate(hits=min(compared, comparisons), trials=comparisons), rounds=Rate(hits=min(shown, rounds), trials=rounds)
            )
            for fingerprint, (compared, shown) in (hits or {}).items()
        }

    def excess(self, fingerprint: str) -> Excess | None:
        """Return the excess of the divergence over noise; None: no round shows it."""
        return self._excess.get(fingerprint)

    def judge(self, divergence: Divergence) -> Divergence:
        """Return the divergence, marked as noise if noise explains it, otherwise unchanged. Its note contains the result of the rounds.

        Another tenant's or user's data is never noise, and accepted divergences stay accepted.
        """
        excess = self._excess.get(divergence.fingerprint)
        if excess is None or divergence.verdict is not Verdict.DIVERGENT:
            return divergence
        if divergence.severity == "security" or divergence.kind == "isolation_breach":
            return divergence
        note = f"{divergence.note} {excess.sentence()}".lstrip()
        return msgspec.structs.replace(divergence, verdict=Verdict.NOISE if excess.explained else Verdict.DIVERGENT, note=note)
