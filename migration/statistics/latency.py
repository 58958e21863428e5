"""Finds out whether candidate's slow runs are slower than control's, from pairs of runs of the same request. The result stays valid however
often it is checked.

To compare a quantile, the runs that take longer are counted: 5 % of control's runs take longer than control's 95 % quantile. For each pair,
the
limit is the quantile of control's earlier runs, so the limit does not depend on the pair itself. Pairs in which only candidate, or only
control, is over the limit are counted. The difference of these two counts is candidate's excess. If both engines are equally fast, the
excess rises as often as it falls, for any distribution of times. If something makes both runs of a pair slow, the excess does not change,
so few pairs are enough.

The quantiles themselves are bounded for each side as in Howard and Ramdas (2022), "Sequential estimation of quantiles with applications to
A/B testing and best-arm identification": the number of times below a quantile is a sum of zeros and ones whose mean is known, so a value
for which this sum would be too large or too small cannot be the quantile. `means` explains the bound of such sums.
"""

from bisect import bisect_left
from collections.abc import Callable
from itertools import accumulate
from math import log
from typing import Any, Final

from migration.extras import extra
from migration.statistics.means import Mean, evidence_of_rate
from migration.statistics.outcomes import Bounds

with extra("rollout"):
    import numpy as np

_STEP: Final = log(1.01)  #: times are kept in classes of 1 %
_SHORTEST_S: Final = 1e-5
_CLASSES: Final = 2560  #: up to 1.1 million seconds
_FIRST: Final = 40  #: first pairs, which only set the limit
_LIKELY: Final = 1.6  #: if candidate takes 10 % longer, candidate is over the limit in about 8 of 13 counted pairs


class LatencyPairs:
    """Counts pairs of times. It keeps only counts: a new pair takes microseconds, and the time for bounds does not depend on the number of
    pairs.

    Args:
        quantile: the quantile to compare, e.g. 0.95.

    Raises:
        ValueError: the quantile is not between 0 and 1.
    """

    def __init__(self, quantile: float = 0.95) -> None:
        if not 0.0 < quantile < 1.0:
            raise ValueError(f"quantile {quantile} is not between 0 and 1")
        self.quantile = quantile
        self.pairs = 0
        self._control, self._candidate = [0] * _CLASSES, [0] * _CLASSES
        self._line, self._below = 0, 0  #: class of the limit; number of control's times in lower classes
        self._excess = Mean(-1.0, 1.0, likely=_LIKELY)

    def add(self, control_s: float, candidate_s: float) -> None:
        """Count the times of one pair, in seconds.

        Raises:
            ValueError: a time is negative or not a number.
        """
        if not (control_s >= 0.0 and candidate_s >= 0.0):
            raise ValueError(f"times {control_s} and {candidate_s} s must be 0 or more")
        control, candidate = _class(control_s), _class(candidate_s)
        if self.pairs >= _FIRST:
            self._excess.add(float((candidate > self._line) - (control > self._line)))
        self.pairs += 1
        self._control[control] += 1
        self._candidate[candidate] += 1
        self._move(control)

    def excess(self, alpha: float) -> Bounds:
        """Return bounds of candidate's excess: the share of its runs over the limit minus the share of control's, from -1 to 1.

        An excess of 0.05 at the 95 % quantile means that one of ten candidate runs takes longer than control's 95 % quantile.
        """
        return Bounds(lower=self._excess.lower(alpha), upper=self._excess.upper(alpha))

    def evidence_slower(self, excess: float = 0.0) -> float:
        """Return the logarithm of the evidence that candidate's excess is above the given one; -log(alpha) proves it at alpha."""
        return self._excess.evidence_above(excess)

    def evidence_no_slower(self, excess: float) -> float:
        """Return the logarithm of the evidence that candidate's excess is below the given one; -log(alpha) proves it at alpha."""
        return self._excess.evidence_below(excess)

    def quantiles_s(self, alpha: float) -> tuple[Bounds, Bounds]:
        """Return bounds of the quantile of control and of candidate, in seconds, exact to 1 %. The chance that the bounds of one engine are
        ever wrong is at most alpha.

        An upper bound is infinite as long as there are too few times.
        """
        return self._bounds_s(self._control, alpha / 2), self._bounds_s(self._candidate, alpha / 2)

    def state(self) -> Any:  # noqa: ANN401 - numbers in lists
        """Return all counts, to be stored and later passed to `restored`."""
        times = [[[class_, count] for class_, count in enumerate(side) if count] for side in (self._control, self._candidate)]
        return [self.quantile, self.pairs, self._line, self._below, times, self._excess.state()]

    @classmethod
    def restored(cls, state: Any) -> "LatencyPairs":  # noqa: ANN401 - as above
        """Return an object with these counts."""
        quantile, pairs, line, below, times, excess = state
        found = cls(quantile)
        found.pairs, found._line, found._below = pairs, line, below
        for side, kept in zip((found._control, found._candidate), times, strict=True):
            for class_, count in kept:
                side[class_] = count
        found._excess.restore(excess)
        return found

    def _move(self, control: int) -> None:
        """Move the limit to the quantile after one more time."""
        self._below += control < self._line
        wanted = self.quantile * self.pairs
        while self._below + self._control[self._line] < wanted:
            self._below += self._control[self._line]
            self._line += 1
        while self._below >= wanted and self._line:
            self._line -= 1
            self._below -= self._control[self._line]

    def _bounds_s(self, times: list[int], alpha: float) -> Bounds:
        few = _last(lambda count: _proved(count, self.pairs, self.quantile, alpha, above=False), self.pairs)
        many = self.pairs - _last(lambda less: _proved(self.pairs - less, self.pairs, self.quantile, alpha, above=True), self.pairs)
        so_far = list(accumulate(times))
        upper = bisect_left(so_far, many)
        lower = bisect_left(so_far, few + 1)
        # If `few` is -1, no count is too small: the quantile may be below all times.
        return Bounds(lower=_edge_s(lower) if few >= 0 else 0.0, upper=_edge_s(upper + 1) if many <= self.pairs else float("inf"))


def _class(time_s: float) -> int:
    return 0 if time_s <= _SHORTEST_S else min(_CLASSES - 1, 1 + int(log(time_s / _SHORTEST_S) / _STEP))


def _edge_s(class_: int) -> float:
    """Return the shortest time of a class."""
    return 0.0 if class_ == 0 else float("inf") if class_ >= _CLASSES else _SHORTEST_S * float(np.exp((class_ - 1) * _STEP))


def _proved(count: int, trials: int, rate: float, alpha: float, *, above: bool) -> bool:
    return float(evidence_of_rate(np.array(count), np.array(trials), rate, above=above)) >= -log(alpha)


def _last(holds: Callable[[int], bool], most: int) -> int:
    """Return the last number from 0 to `most` for which `holds` is true, or -1.

    `holds` must be true for all numbers up to a limit, and false above it.
    """
    low, high = -1, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
