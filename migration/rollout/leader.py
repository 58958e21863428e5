"""One controller leads: it holds a lease in the migration's own database, and renews it.

Clocks of different hosts are never compared: a controller that waits takes the lease over when it has seen it unchanged for a while, by its
own monotonic clock; the leader stops to act sooner after its last renewal, by its own. A leader that was stopped meanwhile and continues
late is refused by the database, and at the flag by the version that it has read.
"""

import time
from collections.abc import Callable
from typing import Final

from migration.rollout.store import RolloutStore

UNCHANGED_S: Final = 5.0  #: a lease that was not renewed for so long is taken over
ACT_S: Final = 3.0  #: a leader acts for so long after its last renewal


class Leader:
    """Whether this controller leads.

    Args:
        store: has the lease.
        name: of this controller; no other one has it.
        clock: monotonic seconds.
    """

    def __init__(self, store: RolloutStore, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self.name, self._clock = store, name, clock
        self._renewed_at: float | None = None
        self._seen: tuple[str, int] | None = None
        self._seen_at = 0.0

    @property
    def leads(self) -> bool:
        """Whether it may act: it renewed the lease a moment ago."""
        return self._renewed_at is not None and self._clock() - self._renewed_at < ACT_S

    def campaign(self) -> bool:
        """Renew the lease, or take one that nobody renews; return whether this controller leads.

        Raises:
            RolloutStateError: the database cannot be used; it leads as long as its last renewal allows.
        """
        began = self._clock()  # what follows may take long, and the lease counts from before it
        if self._store.renew(self.name):
            self._renewed_at = began
            return self.leads
        self._renewed_at = None
        lease = self._store.lease()
        if lease is not None and lease != self._seen:
            self._seen, self._seen_at = lease, began
            return False
        if (lease is None or began - self._seen_at >= UNCHANGED_S) and self._store.take(self.name, lease):
            self._renewed_at = began
        return self.leads

    def resign(self) -> None:
        """Give the lease up. Raises RolloutStateError."""
        self._renewed_at = None
        self._store.release(self.name)
