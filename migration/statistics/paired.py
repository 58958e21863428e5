"""Which of two sides is slower, from pairs of times, as a bound that stays valid however often it is looked at.

Pairs with almost equal times are ignored. For the others, the slower side is counted: if both sides are alike, this is a fair coin, however
the times are distributed, and however rarely either side is slow. So one slow run, ten slow runs on both sides, or a machine that is slow
for an hour do not count as evidence, but ten slow runs of ten on one side do.
"""

from functools import lru_cache
from math import exp, log
from typing import Final

from migration.statistics.rates import edge, log_beta

_HALF: Final = 0.5
#: The stake on a side that is slower every time. All of it is lost with the first pair that shows otherwise; a regular delay then needs
#: `log2(1 / alpha)` pairs, 10 for 0.001, and no valid bound needs fewer. The rest is staked on every other share.
_ALWAYS: Final = 0.98


@lru_cache(maxsize=4096)
def slower_share(slower: int, faster: int, alpha: float) -> float:
    """Return a lower bound of the share of pairs in which the first side is slower, among those that differ clearly.

    Above one half the first side is slower: for equal sides, the chance of ever getting there is at most `alpha`.

    Args:
        slower: pairs in which the first side was the slower one, 0 or more.
        faster: pairs in which it was the faster one, 0 or more.
        alpha: chance that the bound is ever above the true share, over all looks; in (0, 1).

    Raises:
        ValueError: an argument is out of range.

    Source: the shares that a mixture of likelihood ratios does not reject at 1/alpha, by Ville's inequality; the mixture has a point mass
    at 1 and else the Beta(1/2, 1/2) of Robbins (1970). Grunwald, de Heide and Koolen (2024), "Safe testing", on stakes and e-values.
    """
    if slower < 0 or faster < 0 or not 0.0 < alpha < 1.0:
        raise ValueError(f"{slower} slower and {faster} faster pairs at alpha {alpha}: counts are 0 or more, alpha is between 0 and 1")
    if slower == 0:
        return 0.0
    mixed = log(1.0 - _ALWAYS) + log_beta(slower + _HALF, faster + _HALF) - log_beta(_HALF, _HALF)
    stake = log(exp(mixed) + (0.0 if faster else _ALWAYS)) if mixed > _TINY or not faster else mixed

    def rejected(share: float) -> bool:
        likelihood = slower * log(share) + (faster * log(1.0 - share) if faster else 0.0)
        return stake - likelihood >= -log(alpha)

    top = slower / (slower + faster)
    return edge(lambda part: rejected(top * part)) * top


_TINY: Final = -700.0  #: the logarithm of the smallest number that can still be added to another one
