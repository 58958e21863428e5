"""Notices jumps of the wall clock: it is compared with the monotonic clock, and with the time that a controller stored before."""

from collections.abc import Callable
from typing import Final

JUMP_S: Final = 5.0  #: a larger difference is a jump; NTP adjusts a clock much more slowly
SETTLE_S: Final = 30.0  #: seconds after a jump in which nothing is promoted


class Clocks:
    """Both clocks of this process.

    Args:
        wall: Unix seconds.
        monotonic: seconds that only rise.
    """

    def __init__(self, wall: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._wall, self._monotonic = wall, monotonic
        self.now, self._last = wall(), monotonic()
        self.passed_s = 0.0  #: between the last two checks, by the monotonic clock
        self._jumped_at: float | None = None
        self._jump_s = 0.0

    def look(self) -> None:
        """Read both clocks."""
        now, last = self._wall(), self._monotonic()
        self.passed_s = last - self._last
        self._jumped(now - self.now - self.passed_s, last)
        self.now, self._last = now, last

    def noted(self, at: float) -> None:
        """Compare the wall clock with the time of a controller's earlier check: a clock behind that time has jumped."""
        self._jumped(min(0.0, self.now - at), self._last)

    def unsettled(self) -> str | None:
        """Return the sentence about a recent jump, after which nothing is promoted; None: there was no recent jump."""
        if self._jumped_at is None or self._last - self._jumped_at >= SETTLE_S:
            return None
        return f"The clock jumped by {self._jump_s:+.0f} s; nothing is promoted for {SETTLE_S:.0f} s."

    def _jumped(self, by_s: float, at: float) -> None:
        if abs(by_s) > JUMP_S:
            self._jumped_at, self._jump_s = at, by_s
