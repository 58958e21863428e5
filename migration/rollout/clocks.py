"""Notices that the wall clock jumped: against the monotonic clock, and against what a controller noted before."""

from collections.abc import Callable
from typing import Final

JUMP_S: Final = 5.0  #: a larger difference is a jump; NTP turns a clock much more slowly
SETTLE_S: Final = 30.0  #: after a jump, so long nothing is promoted


class Clocks:
    """Both clocks of this process.

    Args:
        wall: Unix seconds.
        monotonic: seconds that only rise.
    """

    def __init__(self, wall: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._wall, self._monotonic = wall, monotonic
        self.now, self._last = wall(), monotonic()
        self.passed_s = 0.0  #: between the last two looks, by the monotonic clock
        self._jumped_at: float | None = None
        self._jump_s = 0.0

    def look(self) -> None:
        """Read both clocks."""
        now, last = self._wall(), self._monotonic()
        self.passed_s = last - self._last
        self._jumped(now - self.now - self.passed_s, last)
        self.now, self._last = now, last

    def noted(self, at: float) -> None:
        """Compare with the time at which a controller looked before: the wall clock cannot be behind it."""
        self._jumped(min(0.0, self.now - at), self._last)

    def unsettled(self) -> str | None:
        """Return why nothing is promoted because of a jump; None: there was none lately."""
        if self._jumped_at is None or self._last - self._jumped_at >= SETTLE_S:
            return None
        return f"The clock jumped by {self._jump_s:+.0f} s; nothing is promoted for {SETTLE_S:.0f} s."

    def _jumped(self, by_s: float, at: float) -> None:
        if abs(by_s) > JUMP_S:
            self._jumped_at, self._jump_s = at, by_s
