"""What engines show against themselves, and how far it explains what they show against each other.

A sampled run is replayed once more by both engines, and each replay is compared with the first run of its own engine: one round. A kind
of divergence that rounds show too is noise only as far as they explain its rate: the excess of its rate between the engines over its rate
in rounds has an interval. Once that lies above zero every further occurrence is divergent, and while it is too wide it still is: what may
hide behind noise must be little, or less than what is proven to be noise. Noise is never a match.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import lgamma, log

import msgspec

from migration.model import Divergence, Verdict

ALPHA = 0.05
"""Chance, over all looks at one kind of divergence, that the interval of its excess ever leaves out the true one."""

MIN_ROUNDS = 20
"""Rounds before anything is called noise: with fewer, the noise rate is so uncertain that it would explain nearly everything."""

HIDDEN = 0.05
"""Excess, as a share of comparisons, that may hide behind noise even where less than that is proven to be noise."""

_HALF = 0.5
_STEPS = 50


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
    """What is known of one surface's noise. Immutable.

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
        """Return the divergence, marked as noise when that explains it, or else as it is. Whatever rounds show of it stands in its note.

        Another tenant's or user's data is never noise, and what the ledger accepts stays accepted.
        """
        excess = self._excess.get(divergence.fingerprint)
        if excess is None or divergence.verdict is not Verdict.DIVERGENT:
            return divergence
        if divergence.severity == "security" or divergence.kind == "isolation_breach":
            return divergence
        note = f"{divergence.note} {excess.sentence()}".lstrip()
        return msgspec.structs.replace(divergence, verdict=Verdict.NOISE if excess.explained else Verdict.DIVERGENT, note=note)


@lru_cache(maxsize=4096)
def rate_bounds(hits: int, trials: int, alpha: float) -> tuple[float, float]:
    """Return bounds of a rate that stay valid however often they are looked at.

    Args:
        hits: trials that showed it, 0 to trials.
        trials: 0 gives (0.0, 1.0).
        alpha: chance that the true rate is ever outside, over all looks; in (0, 1).

    Raises:
        ValueError: an argument is out of range.

    Source: the rates that a mixture of likelihood ratios over Beta(1/2, 1/2) does not reject at 1/alpha, by Ville's inequality; Robbins
    (1970), "Statistical methods related to the law of the iterated logarithm"; Howard, Ramdas, McAuliffe and Sekhon (2021),
    "Time-uniform, nonparametric, nonasymptotic confidence sequences".
    """
    if not (0 <= hits <= trials and 0.0 < alpha < 1.0):
        raise ValueError(f"hits {hits} of trials {trials} at alpha {alpha}: hits lie in 0 to trials, alpha between 0 and 1")
    if trials == 0:
        return 0.0, 1.0
    misses, share = trials - hits, hits / trials
    mixture = _log_beta(hits + _HALF, misses + _HALF) - _log_beta(_HALF, _HALF)

    def rejected(rate: float) -> bool:
        likelihood = (hits * log(rate) if hits else 0.0) + (misses * log(1.0 - rate) if misses else 0.0)
        return mixture - likelihood > -log(alpha)

    low = 0.0 if hits == 0 else _edge(lambda part: rejected(share * part)) * share
    high = 1.0 if misses == 0 else 1.0 - (1.0 - share) * _edge(lambda part: rejected(1.0 - (1.0 - share) * part))
    return low, high


def _edge(rejected: Callable[[float], bool]) -> float:
    """Return the largest part in (0, 1) that is known to be rejected; what is rejected lies below it."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if middle == 0.0 or rejected(middle):
            low = middle
        else:
            high = middle
    return low


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
