"""Statistics that stay valid however often they are looked at: the basis of noise, latency and gates.

`rates` bounds how often something happens, `paired` shows from pairs of times which of two sides is slower.
"""

from migration.statistics.paired import slower_share
from migration.statistics.rates import rate_bounds

__all__ = ["rate_bounds", "slower_share"]
