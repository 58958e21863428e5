"""The serving process's part: remembers who was served of late, and hands that to the shadow with each run."""

from collections import deque
from collections.abc import Collection
from typing import Final

from migration.isolation.canaries import Canaries, LiveCanary, live
from migration.isolation.identity import Identity
from migration.model import RunRequest

#: Identities that a job brings at most. Runs that start between two shadowed ones beyond that many are not told of.
MOST: Final = 256
#: Identities that every job brings, told before or not: a worker that was started anew, or is one of several, so learns them too.
ALWAYS: Final = 16


class Neighbourhood:
    """Who is and was here. One for all surfaces of a process: engines of different surfaces share memory.

    A run is known from its start, so that one that is still under way is known to the runs beside it. Runs that are never shadowed are
    known like any other.

    Args:
        canaries: makes tokens; None: none are planted in served runs.
        synthetic_tenants: whose served runs get canaries.
    """

    def __init__(self, canaries: Canaries | None = None, synthetic_tenants: Collection[str] = ()) -> None:
        self._canaries, self._synthetic = canaries, frozenset(synthetic_tenants)
        self._recent: deque[Identity] = deque(maxlen=MOST)
        self._untold = 0

    def enter(self, request: RunRequest) -> LiveCanary | None:
        """Note that a run begins, and return its canary; None for everybody but synthetic tenants."""
        identity = Identity.of(request)
        self._recent.append(identity)
        self._untold += 1
        return None if self._canaries is None else live(self._canaries, self._synthetic, identity)

    def tell(self) -> tuple[Identity, ...]:
        """Return those who came since the last call, and the last 16 in any case; the latest last."""
        count = min(len(self._recent), max(ALWAYS, self._untold))
        self._untold = 0
        return tuple(self._recent[place] for place in range(-count, 0))
