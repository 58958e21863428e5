"""Finds out from pairs of times which of two sides is slower, with a bound that stays valid however often it is checked.

Pairs with almost equal times are ignored. For the others, the slower side is counted. If both sides are equally fast, each of them is the
slower one with the chance 1/2, for any distribution of times. So a single slow run, slow runs on both sides, or a machine that is slow for
an hour are not evidence. But if one side is slower in ten of ten pairs, this is evidence.
"""

from functools import lru_cache
from math import exp, log
from typing import Final

from migration.statistics.rates import edge, log_beta

_HALF: Final = 0.5
#: The stake on the claim that the first side is slower in every pair; it is lost with the first pair in which the second side is slower.
#: With it, a
#: constant delay is detected after `log2(1 / alpha)` pairs, 10 for 0.001, and no valid bound needs fewer. The rest is staked on all other
#: shares.
_ALWAYS: Final = 0.98


@lru_cache(maxsize=4096)
def slower_share(slower: int, faster: int, alpha: float) -> float:
    """Return a lower bound of the share of pairs in which the first side is slower, among pairs with clearly different times.

    A bound above one half means that the first side is slower. For equal sides, the chance of ever getting such a bound is at most `alpha`.

    Args:
        slower: pairs in which the first side was the slower one, 0 or more.
        faster: pairs in which the first side was the faster one, 0 or more.
        alpha: chance that the bound is ever above the true share, however often it is checked; in (0, 1).

    Raises:
        ValueError: an argument is out of range.

    Source: the shares that a mixture of likelihood ratios does not reject at 1/alpha, by Ville's inequality. The mixture has a point mass
        at 1; its other part is the Beta(1/2, 1/2) of Robbins (1970). For stakes and e-values see Grunwald, de Heide and Koolen (2024),
        "Safe testing".
    """
    if slower < 0 or faster < 0 or not 0.0 < alpha < 1.0:
        raise ValueError(
            f"{slower} slower and {faster} faster pairs at alpha {alpha}: counts must be 0 or more, alpha must be between 0 and 1"
        )
    if slower == 0:
        return 0.0
    mixed = log(1.0 - _ALWAYS) + log_beta(slower + _HALF, faster + _HALF) - log_beta(_HALF, _HALF)
    stake = log(exp(mixed) + (0.0 if faster else _ALWAYS)) if mixed > _TINY or not faster else mixed

    def rejected(share: float) -> bool:
        likelihood = slower * log(share) + (faster * log(1.0 - share) if faster else 0.0)
        return stake - likelihood >= -log(alpha)

    top = slower / (slower + faster)
    return edge(lambda part: rejected(top * part)) * top


_TINY: Final = -700.0  #: about the logarithm of the smallest positive float: below it, `exp` returns 0
