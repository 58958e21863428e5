"""Limits how often a user may ask: one token bucket for each user, stored as one number."""

import time
from collections import OrderedDict
from collections.abc import Callable

_ROUNDING_S = 1e-6  #: so that a user who waited exactly as long as requested is allowed

UserKey = tuple[str, str]  #: tenant, user


class RateLimiter:
    """Allows a burst at once and a steady rate after that, over all connections of a user to this process.

    Uses the generic cell rate algorithm (ITU-T I.371), which equals a token bucket but stores only the time when the bucket will be full
    again. Times in the past are dropped, so memory depends on the number of users with recent requests.

    Args:
        per_minute: chats allowed per minute, on average; more than 0.
        burst: chats allowed at once, at least 1.
        max_users: users remembered at most; beyond that, the user whose last chat is oldest is forgotten.
        clock: monotonic, in seconds.
    """

    def __init__(self, *, per_minute: float, burst: int, max_users: int = 100_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval_s = 60.0 / per_minute
        self._tolerance_s = (burst - 1) * self._interval_s
        self._max_users = max_users
        self._clock = clock
        self._full_at: OrderedDict[UserKey, float] = OrderedDict()

    def __len__(self) -> int:
        """Return how many users are remembered."""
        return len(self._full_at)

    def take(self, user: UserKey) -> float:
        """Return 0.0 and count the request when the user may ask now; otherwise return the seconds to wait and count nothing."""
        now = self._clock()
        full_at = max(self._full_at.get(user, now), now)
        wait_s = full_at - now - self._tolerance_s
        if wait_s > _ROUNDING_S:
            return wait_s
        self._full_at[user] = full_at + self._interval_s
        self._full_at.move_to_end(user)
        self._forget(now)
        return 0.0

    def _forget(self, now: float) -> None:
        while self._full_at:
            full_at = next(iter(self._full_at.values()))
            if full_at > now and len(self._full_at) <= self._max_users:
                return
            self._full_at.popitem(last=False)
