"""Statistics that stay valid however often they are looked at: what noise, latency and gates stand on.

`rates` bounds how often something happens, `paired` tells which of two sides is slower from pairs of times.
For gates, with the extra `rollout`: `means` bounds the mean of bounded values, `outcomes` how often candidate diverges, over its tenants or
those like them, `latency` how much slower its slow runs are. They are imported from where they are: a server does without SciPy.
"""

from migration.statistics.paired import slower_share
from migration.statistics.rates import rate_bounds

__all__ = ["rate_bounds", "slower_share"]
