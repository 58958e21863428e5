"""Statistics that stay valid however often they are checked: the basis of noise, latency and gates.

`rates` bounds how often something happens, `paired` shows from pairs of times which of two sides is slower. Gates use three more modules,
which need the extra `rollout`: `means` bounds the mean of bounded values, `outcomes` bounds how often candidate diverges, and `latency`
bounds how much slower candidate's slow runs are. Only these three import SciPy, so a server does not need it.
"""

from typing import TYPE_CHECKING

from migration.fronts import front

if TYPE_CHECKING:
    from migration.statistics.claims import LIKE_THESE, THESE, Claim
    from migration.statistics.latency import LatencyPairs
    from migration.statistics.means import Mean, evidence_of_rate
    from migration.statistics.outcomes import MOSTLY, Bounds, Outcomes
    from migration.statistics.paired import slower_share
    from migration.statistics.rates import rate_bounds
    from migration.statistics.shares import least_share
else:
    __getattr__ = front(
        __name__,
        {
            "LIKE_THESE": "claims",
            "THESE": "claims",
            "Bounds": "outcomes",
            "Claim": "claims",
            "LatencyPairs": "latency",
            "MOSTLY": "outcomes",
            "Mean": "means",
            "Outcomes": "outcomes",
            "evidence_of_rate": "means",
            "least_share": "shares",
            "rate_bounds": "rates",
            "slower_share": "paired",
        },
    )

__all__ = [
    "LIKE_THESE",
    "MOSTLY",
    "THESE",
    "Bounds",
    "Claim",
    "LatencyPairs",
    "Mean",
    "Outcomes",
    "evidence_of_rate",
    "least_share",
    "rate_bounds",
    "slower_share",
]
