"""How often a user may ask: a token bucket each, kept as one number."""

import time
from collections import OrderedDict
from collections.abc import Callable

_ROUNDING_S = 1e-6  #: a user who waited as long as requested is granted

UserKey = tuple[str, str]  #: tenant, user


class RateLimiter:
    """Grants a burst at once and a steady rate after that, over all connections of a user to this process.

    The generic cell rate algorithm (ITU-T I.371): equal to a token bucket, but what is kept is the moment at which the bucket
    will be full again. A moment that has passed need not be kept, so memory follows the users that asked lately.

    Args:
        per_minute: chats granted a minute, on average; more than 0.
        burst: chats granted at once, at least 1.
        max_users: moments kept at most; beyond that the one of the user that asked longest ago is forgotten.
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
        """Return 0.0 when the user may ask now, and count it; else the seconds to wait, and count nothing."""
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
