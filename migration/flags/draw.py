"""Draws whether a run is shadowed. The draw is random and is made before the run begins, and its probability is recorded.

The percentage comes from the flag; a governor may lower it (`shadow/governor.py`). Flag and governor do not depend on what the run does. So
an estimate in which each drawn run counts with the reciprocal of its probability is unbiased, whatever the governor did
(`statistics/outcomes.py`).
"""

from typing import Final, Protocol

MOST_LEVEL: Final = 6
"""A governor halves the probability at most this many times."""
REST: Final = -1
"""The level at which no run is drawn."""


class Governor(Protocol):
    """Lowers the probability while shadows cost too much."""

    def level(self, surface: str, tenant_id: str, /) -> int:
        """Return how many times the flag's probability is halved for this run: 0 to `MOST_LEVEL`, or `REST`. In memory, without locks."""
        ...


class Ungoverned:
    """Does not change the probability."""

    def level(self, _surface: str, _tenant_id: str, /) -> int:
        """Return 0."""
        return 0


def probability(percent: float, level: int) -> float:
    """Return the probability with which a run is drawn, 0 to 1.

    Args:
        percent: the flag's percentage of runs; a value below 0 counts as 0, a value above 100 as 100.
        level: the governor's level.
    """
    return 0.0 if level == REST else min(100.0, max(0.0, percent)) / 100.0 / (1 << level)
