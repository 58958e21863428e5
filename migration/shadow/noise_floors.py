"""The known noise of each surface, read from the evidence at intervals."""

import logging
import time
from collections.abc import Callable
from typing import Final

from migration.comparison import NoiseFloor
from migration.errors import EvidenceError, Operation
from migration.evidence import NoiseView

logger = logging.getLogger(__name__)

_SILENCE: Final = NoiseFloor()
#: A floor is read again after this many seconds: rates change slowly, and reading them is slow, because it counts rows.
REFRESH_S: Final = 30.0


class NoiseFloors:
    """Returns noise floors from memory, and reads them from the evidence once in an interval.

    Args:
        read: reads the noise of a surface from the evidence.
        on_failure: called when the evidence cannot be read. The last known floor is then used; if there is none, nothing is noise.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        read: Callable[[str], NoiseView],
        on_failure: Callable[[Operation, BaseException], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read, self._on_failure, self._clock = read, on_failure, clock
        self._known: dict[str, tuple[float, NoiseFloor]] = {}

    def __call__(self, surface: str) -> NoiseFloor:
        """Return the surface's noise floor, at most `REFRESH_S` old."""
        now = self._clock()
        read_at, floor = self._known.get(surface, (None, _SILENCE))
        if read_at is None or now - read_at >= REFRESH_S:
            floor = self._fresh(surface, floor)
            self._known[surface] = now, floor
        return floor

    def _fresh(self, surface: str, known: NoiseFloor) -> NoiseFloor:
        try:
            view = self._read(surface)
        except EvidenceError as error:
            logger.warning("the noise of %s cannot be read, what is known holds: %s", surface, error)
            self._on_failure("evidence.read", error)
            return known
        return NoiseFloor(view.comparisons, view.rounds, view.counts())
