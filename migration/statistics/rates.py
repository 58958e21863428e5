"""Bounds of a rate that hold however often they are checked."""

from collections.abc import Callable
from functools import lru_cache
from math import lgamma, log
from typing import Final

_HALF: Final = 0.5
_STEPS: Final = 50


@lru_cache(maxsize=4096)
def rate_bounds(hits: int, trials: int, alpha: float) -> tuple[float, float]:
    """Return bounds of a rate that stay valid however often they are checked.

    Args:
        hits: number of trials that are hits, 0 to trials.
        trials: number of trials; 0 gives (0.0, 1.0).
        alpha: chance that the true rate is ever outside the bounds, however often they are checked; in (0, 1).

    Raises:
        ValueError: an argument is out of range.

    Source: the rates that a mixture of likelihood ratios over Beta(1/2, 1/2) does not reject at 1/alpha, by Ville's inequality; Robbins
    (1970), "Statistical methods related to the law of the iterated logarithm"; Howard, Ramdas, McAuliffe and Sekhon (2021),
    "Time-uniform, nonparametric, nonasymptotic confidence sequences".
    """
    if not (0 <= hits <= trials and 0.0 < alpha < 1.0):
        raise ValueError(f"hits {hits} of trials {trials} at alpha {alpha}: hits must be 0 to trials, alpha must be between 0 and 1")
    if trials == 0:
        return 0.0, 1.0
    misses, share = trials - hits, hits / trials
    mixture = log_beta(hits + _HALF, misses + _HALF) - log_beta(_HALF, _HALF)

    def rejected(rate: float) -> bool:
        likelihood = (hits * log(rate) if hits else 0.0) + (misses * log(1.0 - rate) if misses else 0.0)
        return mixture - likelihood > -log(alpha)

    low = 0.0 if hits == 0 else edge(lambda part: rejected(share * part)) * share
    high = 1.0 if misses == 0 else 1.0 - (1.0 - share) * edge(lambda part: rejected(1.0 - (1.0 - share) * part))
    return low, high


def edge(rejected: Callable[[float], bool]) -> float:
    """Return the largest number in (0, 1) that is known to be rejected; every smaller number is rejected too."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if middle == 0.0 or rejected(middle):
            low = middle
        else:
            high = middle
    return low


def log_beta(a: float, b: float) -> float:
    """Return the logarithm of Euler's beta function."""
    return lgamma(a) + lgamma(b) - lgamma(a + b)
