"""Only one controller leads: it holds a lease in the migration's own database, and renews it.

Clocks of different hosts are never compared. A waiting controller takes the lease over when the lease has not changed for `UNCHANGED_S`, by
its own monotonic clock. The leader acts only within `ACT_S`, a shorter time, of its last renewal, by its own clock. A suspended leader that
continues too late cannot write: the database checks who holds the lease, and the flag has a newer version than the leader has read.
"""

import time
from collections.abc import Callable
from typing import Final

from migration.rollout.store import RolloutStore

UNCHANGED_S: Final = 5.0  #: a lease that was not renewed for this time is taken over
ACT_S: Final = 3.0  #: a leader acts for this time after its last renewal


class Leader:
    """Whether this controller leads.

    Args:
        store: holds the lease.
        name: this controller's name, which no other controller has.
        clock: monotonic seconds.
    """

    def __init__(self, store: RolloutStore, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self.name, self._clock = store, name, clock
        self._renewed_at: float | None = None
        self._seen: tuple[str, int] | None = None
        self._seen_at = 0.0

    @property
    def leads(self) -> bool:
        """Whether this controller may act: it renewed the lease less than `ACT_S` ago."""
        return self._renewed_at is not None and self._clock() - self._renewed_at < ACT_S

    def campaign(self) -> bool:
        """Renew the lease, or take one that nobody renews; return whether this controller leads.

        Raises:
            RolloutStateError: the database cannot be used; a leader still leads until `ACT_S` after its last renewal.
        """
        began = self._clock()  # the renewal may take long, so its time counts from here
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
