"""The serving process's part: remembers who was served recently, and sends that to the shadow with each run."""

from collections import deque
from collections.abc import Collection
from itertools import islice
from typing import Final

from migration.isolation.canaries import Canaries, LiveCanary, live
from migration.isolation.identity import Identity
from migration.model import RunRequest

#: Identities that a job contains at most. If more runs start between two shadowed ones, the rest is not sent.
MOST: Final = 256
#: Identities that every job contains, even if they were sent before: a worker that was restarted, or is one of several, must learn them
#: too.
ALWAYS: Final = 16


class Neighbourhood:
    """The recently served tenants and users. One for all surfaces of a process: engines of different surfaces share memory.

    A run is known from its start, so that it is known to the concurrent runs. Runs that are never shadowed are known like any other.

    Args:
        canaries: makes tokens; None: none are planted in served runs.
        synthetic_tenants: whose served runs get canaries.
    """

    def __init__(self, canaries: Canaries | None = None, synthetic_tenants: Collection[str] = ()) -> None:
        self._canaries, self._synthetic = canaries, frozenset(synthetic_tenants)
        self._recent: deque[Identity] = deque(maxlen=MOST)
        self._untold = 0

    def enter(self, request: RunRequest) -> LiveCanary | None:
        """Record that a run begins, and return its canary; None except for synthetic tenants."""
        identity = Identity.of(request)
        self._recent.append(identity)
        self._untold += 1
        return None if self._canaries is None else live(self._canaries, self._synthetic, identity)

    def tell(self) -> tuple[Identity, ...]:
        """Return those who were served since the last call, and the last 16 in any case; the latest last."""
        count = min(len(self._recent), max(ALWAYS, self._untold))
        self._untold = 0
        return (*islice(reversed(self._recent), count),)[::-1]
