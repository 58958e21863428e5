"""The part in the serving process: remembers tenants and users that were served recently, and sends them to the shadow with each run."""

from collections import deque
from collections.abc import Collection
from itertools import islice
from typing import Final

from migration.isolation.canaries import Canaries, LiveCanary, live
from migration.isolation.identity import Identity
from migration.model import RunRequest

#: A job contains at most this many identities. If more runs start between two shadowed runs, the older identities are not sent.
MOST: Final = 256
#: Every job contains this many identities, even if they were sent before, because a restarted worker, or another one of several workers,
#: must learn them too.
ALWAYS: Final = 16


class Neighbourhood:
    """The recently served tenants and users. One for all surfaces of a process: engines of different surfaces share memory.

    A run is remembered when it starts, so that concurrent runs are checked for its data. Runs that are never shadowed are remembered too.

    Args:
        canaries: makes tokens; None: none are planted in served runs.
        synthetic_tenants: tenants whose served runs get canaries.
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
        """Return the identities that were served since the last call, but at least the last 16; the latest comes last."""
        count = min(len(self._recent), max(ALWAYS, self._untold))
        self._untold = 0
        return (*islice(reversed(self._recent), count),)[::-1]
