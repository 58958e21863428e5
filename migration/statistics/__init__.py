"""Statistics that stay valid however often they are looked at: what noise, latency and gates stand on.

`rates` bounds how often something happens, `paired` tells which of two sides is slower from pairs of times.
"""

from migration.statistics.paired import slower_share
from migration.statistics.rates import rate_bounds

__all__ = ["rate_bounds", "slower_share"]
