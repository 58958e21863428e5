"""Bounds of the mean of bounded values, from the count of each value. They stay valid however often they are checked.

Each bound is a wager against a claimed mean. A player bets a share of his money on each value, at odds that are fair if the claimed mean is
the true one. If so, the chance that his money ever grows by a factor of 1 / alpha is at most alpha (Ville's inequality). Therefore a
claimed mean is rejected when his money grows by this factor, and the bounds enclose all means that are not rejected. With a stake `s` on
each of `n` values
`z`, his money is then

    product over values of (1 + s z) / (1 + s mean)^n.

This also holds if each value has its own expectation m_i. The logarithm is concave, so the product of (1 + s m_i) is at most (1 + s m)^n,
where m is the mean of all m_i. Therefore the bounds are for the mean of the expectations of all values so far. The order
of the values has no influence, so only counts have to be kept. The best stake is not known beforehand, so the money is spread over many
stakes.

Sources: Robbins (1970), "Statistical methods related to the law of the iterated logarithm", for mixtures of stakes; Waudby-Smith and Ramdas
(2024), "Estimating means of bounded random variables by betting", for wagers on bounded means; Howard, Ramdas, McAuliffe and Sekhon (2020),
"Time-uniform Chernoff bounds via nonnegative supermartingales", for expectations that change; Ville (1939).
"""

from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from math import log
from typing import Any, Final

from migration.extras import extra

with extra("rollout"):
    import numpy as np
    from scipy.optimize import brentq
    from scipy.special import logsumexp
    from scipy.stats import cauchy

#: Stakes. Each is given as the logarithm of the odds of the highest value against the lowest. They decide how soon a bound becomes narrow,
#: never whether
#: it is valid. Half of the money is staked between 1.9 and 6 to 1. Rates that are two to six times the allowed one, or a sixth to a half of
#: it, are then detected fastest. The tails are long, so that bounds still become narrower after a million values.
_LIKELY: Final = 3.0
_SPREAD: Final = 0.5
_EDGES: Final = np.geomspace(1e-4, 30.0, 97)
_ODDS: Final = np.sqrt(_EDGES[1:] * _EDGES[:-1])
_EXACT: Final = 1e-9


class Mean:
    """Counts values between two numbers, and bounds their mean.

    The time for a bound is proportional to the number of different values, so add few different ones (hundreds, not thousands).

    Args:
        low: the lowest value, at most zero.
        high: the highest value, above zero.
        likely: odds at which most of the money is staked; see above.

    Raises:
        ValueError: low is above zero, or high is not.
    """

    def __init__(self, low: float = 0.0, high: float = 1.0, *, likely: float = _LIKELY) -> None:
        if not low <= 0.0 < high:
            raise ValueError(f"values from {low} to {high}: zero must be between them, or the lowest")
        self.low, self.high = low, high
        self.trials = 0  #: number of values so far, including zeros
        self.counts: Counter[float] = Counter()  #: counts of values other than zero
        self._up, self._down = _stakes(_ODDS, low, high), _stakes(-_ODDS, low, high)
        self._spread = _spread(likely)

    def add(self, value: float, times: int = 1) -> None:
        """Count a value.

        Raises:
            ValueError: the value is outside of the range.
        """
        if not self.low <= value <= self.high:
            raise ValueError(f"{value} is outside of {self.low} to {self.high}")
        self.trials += times
        if value:
            self.counts[value] += times

    @property
    def average(self) -> float:
        """Return the average of the values; nan without any."""
        return sum(value * times for value, times in self.counts.items()) / self.trials if self.trials else float("nan")

    def evidence_above(self, mean: float) -> float:
        """Return the logarithm of the evidence (an e-process) that the true mean is above the given one; -log(alpha) proves it at alpha."""
        return _money(self._won(self._up), self._up, self.trials, mean, self._spread)

    def evidence_below(self, mean: float) -> float:
        """Return the logarithm of the evidence (an e-process) that the true mean is below the given one; -log(alpha) proves it at alpha."""
        return _money(self._won(self._down), self._down, self.trials, mean, self._spread)

    def evidence_below_after(self, more: int, mean: float) -> float:
        """Return the value that `evidence_below` would have after `more` further values.

        They are assumed to be like the earlier ones, or zeros if there are none yet.
        """
        trials = self.trials + more
        growth = trials / self.trials if self.trials else 1.0
        return _money(growth * self._won(self._down), self._down, trials, mean, self._spread)

    def lower(self, alpha: float) -> float:
        """Return a lower bound of the true mean. The chance that it is ever too high, however often it is checked, is at most `alpha`."""
        won, proof = self._won(self._up), _proof(alpha)

        def left(mean: float) -> float:
            return _money(won, self._up, self.trials, mean, self._spread) - proof

        # The evidence that the mean is above m decreases as m increases.
        return self.low if left(self.low) <= 0.0 else self.high if left(self.high) >= 0.0 else _root(left, self.low, self.high)[0]

    def upper(self, alpha: float) -> float:
        """Return an upper bound of the true mean. The chance that it is ever too low, however often it is checked, is at most `alpha`."""
        won, proof = self._won(self._down), _proof(alpha)

        def left(mean: float) -> float:
            return _money(won, self._down, self.trials, mean, self._spread) - proof

        return self.high if left(self.high) <= 0.0 else self.low if left(self.low) >= 0.0 else _root(left, self.low, self.high)[1]

    def state(self) -> Any:  # noqa: ANN401 - numbers in lists
        """Return the counts, to be stored and later passed to `restore`."""
        return [self.trials, [[value, times] for value, times in self.counts.items()]]

    def restore(self, state: Any) -> None:  # noqa: ANN401 - as above
        """Take over the counts of another mean with the same arguments."""
        self.trials = state[0]
        self.counts = Counter({float(value): times for value, times in state[1]})

    def _won(self, stakes: "np.ndarray") -> "np.ndarray":
        values = np.fromiter(self.counts.keys(), float, len(self.counts))
        times = np.fromiter(self.counts.values(), float, len(self.counts))
        won: np.ndarray = times @ np.log1p(values[:, None] * stakes)
        return won


def evidence_of_rate(hits: "np.ndarray", trials: "np.ndarray", rate: "float | np.ndarray", *, above: bool) -> "np.ndarray":
    """Return `evidence_above` or `evidence_below` for zeros and ones. The arguments are arrays; shapes are broadcast to each other."""
    odds = _ODDS if above else -_ODDS
    hits, trials, rates = np.broadcast_arrays(hits, trials, rate)
    lost = np.log1p(np.expm1(odds) * rates[..., None])
    found: np.ndarray = logsumexp(hits[..., None] * odds - trials[..., None] * lost + _spread(_LIKELY), axis=-1)
    return found


def _stakes(odds: "np.ndarray", low: float, high: float) -> "np.ndarray":
    """Return the stakes s at which the logarithm of (1 + s high) / (1 + s low) is `odds`; 1 + s z is above zero for each z from low to
    high.
    """
    if (odds > 0).all():  # the same, without an overflow
        up: np.ndarray = -np.expm1(-odds) / (high * np.exp(-odds) - low)
        return up
    down: np.ndarray = np.expm1(odds) / (high - low * np.exp(odds))
    return down


def _money(won: "np.ndarray", stakes: "np.ndarray", trials: int, mean: float, spread: "np.ndarray") -> float:
    each = won - trials * np.log1p(stakes * mean) + spread
    most = each.max()
    # Like SciPy's `logsumexp`, which takes ten times as long for so few numbers; a decision calls this about a hundred times.
    return float(most + np.log(np.exp(each - most).sum()))


@lru_cache
def _spread(likely: float) -> "np.ndarray":
    """Return the logarithm of the share of the money that is staked at each of the odds."""
    shares = np.diff(cauchy.cdf(np.log(_EDGES / log(likely)) / _SPREAD))
    found: np.ndarray = np.log(shares / shares.sum())
    return found


def _proof(alpha: float) -> float:
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha is {alpha}; it must be between 0 and 1")
    return -log(alpha)


def _root(left: Callable[[float], float], low: float, high: float) -> tuple[float, float]:
    """Return a number below and a number above the root, at most twice `_EXACT` apart."""
    found = brentq(left, low, high, xtol=_EXACT)
    return max(low, found - _EXACT), min(high, found + _EXACT)
