from hypothesis import given
from hypothesis import strategies as st

from netra_backend.app.api.rate_limit import RateLimiter

ANN, BOB = ("acme", "ann"), ("acme", "bob")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_granted_at_once_and_no_more() -> None:
    limiter = RateLimiter(per_minute=60, burst=3, clock=Clock())
    assert [limiter.take(ANN) for _ in range(4)] == [0.0, 0.0, 0.0, 1.0]


def test_users_do_not_share() -> None:
    limiter = RateLimiter(per_minute=60, burst=1, clock=Clock())
    limiter.take(ANN)
    assert limiter.take(BOB) == 0.0


def test_the_same_user_id_of_another_tenant_is_another_user() -> None:
    limiter = RateLimiter(per_minute=60, burst=1, clock=Clock())
    limiter.take(ANN)
    assert limiter.take(("globex", "ann")) == 0.0


def test_a_refusal_costs_nothing() -> None:
    clock = Clock()
    limiter = RateLimiter(per_minute=60, burst=1, clock=clock)
    limiter.take(ANN)
    assert [limiter.take(ANN) for _ in range(5)] == [1.0] * 5


PAUSES = st.lists(st.floats(min_value=0, max_value=5, allow_nan=False), min_size=1, max_size=80)


@given(pauses=PAUSES, per_minute=st.integers(1, 600), burst=st.integers(1, 10))
def test_no_window_grants_more_than_a_burst_and_the_rate(pauses: list[float], per_minute: int, burst: int) -> None:
    clock = Clock()
    limiter = RateLimiter(per_minute=per_minute, burst=burst, clock=clock)
    granted = []
    for pause in pauses:
        clock.now += pause
        if limiter.take(ANN) == 0.0:
            granted.append(clock.now)
    for first in range(len(granted)):
        for last in range(first, len(granted)):
            assert last - first + 1 <= burst + (granted[last] - granted[first]) * per_minute / 60 + 1e-3


@given(pauses=PAUSES, per_minute=st.integers(1, 600), burst=st.integers(1, 10))
def test_whoever_waits_as_long_as_told_is_granted(pauses: list[float], per_minute: int, burst: int) -> None:
    clock = Clock()
    limiter = RateLimiter(per_minute=per_minute, burst=burst, clock=clock)
    for pause in pauses:
        clock.now += pause
        wait_s = limiter.take(ANN)
        if wait_s:
            clock.now += wait_s
            assert limiter.take(ANN) == 0.0


def test_users_that_have_not_asked_for_long_are_forgotten() -> None:
    clock = Clock()
    limiter = RateLimiter(per_minute=60, burst=5, clock=clock)
    for number in range(100):
        limiter.take(("acme", f"user-{number}"))
    clock.now += 10
    limiter.take(ANN)
    assert len(limiter) == 1


def test_the_number_of_remembered_users_is_bounded() -> None:
    limiter = RateLimiter(per_minute=1, burst=1, max_users=10, clock=Clock())
    for number in range(100):
        limiter.take(("acme", f"user-{number}"))
    assert len(limiter) == 10
