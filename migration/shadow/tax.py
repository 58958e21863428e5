"""The shadow tax: by how much users' runs take longer because shadows run, measured by an experiment.

Time is cut into windows of ten seconds. A random few of them are at rest: no run is drawn, and the worker does not work. Runs that begin at
rest are compared with all others. All processes rest at the same time, because each of them is slowed down by the workers of all. So only a
hash of the window's number decides.

The interval comes from sections (Asmussen and Glynn 2007, "Stochastic Simulation", III.5): windows are divided into twenty sections, each
gives one estimate, and these are close to independent and normal, so Student's t bounds their mean. This needs no assumption
about how runs within a window depend on each other. A run belongs to the window in which it began. If it continues into a window of the
other kind, this makes the measured difference smaller, but does not change its sign.

Runs at rest are not in the evidence of a gate. They are a random sample of all runs, chosen before they began, so leaving them out changes
no rate.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate
from typing import Final

WINDOW_S: Final = 10.0
_SECTIONS: Final = 20
#: Student's t at 97.5 % for 19 degrees of freedom.
_T: Final = 2.093
_PARTS: Final = 2**32
#: Durations are counted in classes of 2 %, beginning at 0.1 ms: 800 classes reach 760 s.
_FIRST_S: Final = 1e-4
_STEP: Final = math.log(1.02)
_STEPS: Final = 800
#: A window may be at rest only after this many consecutive windows with enough runs: with few runs there is nothing to measure.
_BUSY_RUNS: Final = 20
_BUSY_WINDOWS: Final = 3
#: After this many windows (two hours) all counts are halved.
_FORGET_WINDOWS: Final = 720
#: Each section needs this many runs at rest above a quantile.
_LEAST_ABOVE: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Tax:
    """How much longer users' runs take at one quantile because shadows run: 0.1 is 10 % longer."""

    quantile: float
    estimate: float
    lower: float  #: at 95 %, as `upper`
    upper: float
    at_rest: int  #: runs that began at rest


class ShadowTax:
    """Decides when shadows rest, and measures the tax. For one loop.

    Args:
        rest_percent: percentage of windows at rest; 0: shadows never rest, and the tax is never known.
        clock: Unix seconds, about the same in all processes.
    """

    def __init__(self, rest_percent: float, *, clock: Callable[[], float] = time.time) -> None:
        self._rest = rest_percent / 100.0
        self._clock = clock
        self._window = -1  #: number of the current window; -1: there was none yet
        self._runs = self._busy = 0
        self._at_rest = False
        self._ends = 0.0
        self._counts = _nothing()  #: for each section: counts of durations while shadows work, and while they rest

    def resting(self) -> bool:
        """Return whether shadows rest now."""
        if self._clock() >= self._ends:
            self._turn()
        return self._at_rest

    def began(self) -> "Begun | None":
        """Record that a run begins; return the value that must be passed to `ended`. None: nothing is measured."""
        if not self._rest:
            return None
        at_rest = self.resting()
        self._runs += 1
        return Begun(self._window % _SECTIONS, at_rest)

    def ended(self, begun: "Begun | None", duration_s: float) -> None:
        """Record how long that run took."""
        if begun is not None and duration_s > 0.0:
            step = int(math.log(max(duration_s, _FIRST_S) / _FIRST_S) / _STEP)
            self._counts[begun.section][begun.at_rest][min(step, _STEPS - 1)] += 1

    def forget(self) -> None:
        """Start a new measurement, because shadows run more or less often from now on."""
        self._counts = _nothing()

    def tax(self, quantile: float) -> Tax | None:
        """Return the tax at a quantile, such as 0.99; None: too few runs began at rest to know it."""
        ratios = []
        for working, at_rest in self._counts:
            if min(sum(working), sum(at_rest)) * (1.0 - quantile) < _LEAST_ABOVE:
                return None
            ratios.append(_STEP * (_step_at(working, quantile) - _step_at(at_rest, quantile)))
        mean = sum(ratios) / _SECTIONS
        spread = math.sqrt(sum((one - mean) ** 2 for one in ratios) / (_SECTIONS - 1) / _SECTIONS)
        return Tax(
            quantile=quantile,
            estimate=math.expm1(mean),
            lower=math.expm1(mean - _T * spread),
            upper=math.expm1(mean + _T * spread),
            at_rest=sum(sum(at_rest) for _working, at_rest in self._counts),
        )

    def _turn(self) -> None:
        """Begin a window."""
        window = int(self._clock() // WINDOW_S)
        self._busy = self._busy + 1 if self._runs >= _BUSY_RUNS and window == self._window + 1 else 0
        self._runs = 0
        self._window, self._ends = window, (window + 1) * WINDOW_S
        if window % _FORGET_WINDOWS == 0:
            self._counts = [([one // 2 for one in working], [one // 2 for one in at_rest]) for working, at_rest in self._counts]
        self._at_rest = self._busy >= _BUSY_WINDOWS and _drawn(self._window) < self._rest


@dataclass(frozen=True, slots=True)
class Begun:
    """The section and kind of window in which a run is counted."""

    section: int
    at_rest: bool


def _nothing() -> list[tuple[list[int], list[int]]]:
    return [([0] * _STEPS, [0] * _STEPS) for _ in range(_SECTIONS)]


def _drawn(window: int) -> float:
    """Return a number from 0 to 1 that is the same for this window in every process."""
    return int.from_bytes(blake2b(b"rest %d" % window, digest_size=4).digest()) / _PARTS


def _step_at(counts: list[int], quantile: float) -> int:
    wanted = math.ceil(quantile * sum(counts))
    return next(step for step, below in enumerate(accumulate(counts)) if below >= wanted)
