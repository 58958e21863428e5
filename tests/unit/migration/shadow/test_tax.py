"""The shadow tax: what windows at rest show about its size."""

import random

import pytest

from migration.shadow.tax import WINDOW_S, ShadowTax


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def served(tax: ShadowTax, clock: Clock, windows: int, *, slower: float, seed: int = 7, runs: int = 30) -> set[int]:
    """Serve runs in some windows, slower while shadows work; return the windows at rest."""
    rng, rested = random.Random(seed), set()  # noqa: S311 - the same durations each time
    for window in range(windows):
        crowd = rng.uniform(0.8, 1.2)  # runs of one window have something in common
        for number in range(runs):
            clock.now = (window + number / runs) * WINDOW_S
            begun = tax.began()
            if begun.at_rest:
                rested.add(window)
            tax.ended(begun, crowd * rng.lognormvariate(0.0, 0.3) * (1.0 if begun.at_rest else slower))
    return rested


@pytest.mark.parametrize("slower", [1.0, 1.3])
def test_the_interval_holds_the_true_tax(slower):
    clock = Clock()
    tax = ShadowTax(20.0, clock=clock)
    served(tax, clock, 4000, slower=slower)
    found = tax.tax(0.5)
    assert found.lower < slower - 1.0 < found.upper
    assert found.upper - found.lower < 0.1


def test_an_interval_at_95_percent_is_rarely_wrong():
    wrong = 0
    for seed in range(60):
        clock = Clock()
        tax = ShadowTax(50.0, clock=clock)
        served(tax, clock, 240, slower=1.0, seed=seed, runs=20)
        found = tax.tax(0.5)
        wrong += not found.lower <= 0.0 <= found.upper
    assert wrong <= 7


def test_about_the_given_share_of_windows_is_at_rest_and_all_processes_agree():
    clocks = Clock(), Clock()
    rested = [served(ShadowTax(10.0, clock=clock), clock, 2000, slower=1.0, seed=seed) for seed, clock in enumerate(clocks)]
    assert rested[0] == rested[1]
    assert 150 < len(rested[0]) < 250


def test_where_little_is_served_shadows_never_rest():
    clock = Clock()
    assert not served(ShadowTax(50.0, clock=clock), clock, 200, slower=1.0, runs=5)


def test_after_a_pause_shadows_work_at_first():
    clock = Clock()
    tax = ShadowTax(50.0, clock=clock)
    served(tax, clock, 20, slower=1.0)
    for window in range(1000, 1400, 2):
        clock.now = window * WINDOW_S
        assert not tax.resting()
        for _ in range(30):
            tax.began()


def test_without_enough_runs_at_rest_the_tax_is_not_known():
    clock = Clock()
    tax = ShadowTax(20.0, clock=clock)
    served(tax, clock, 100, slower=1.0)
    assert tax.tax(0.99) is None


def test_a_new_measurement_knows_nothing_of_the_old_one():
    clock = Clock()
    tax = ShadowTax(20.0, clock=clock)
    served(tax, clock, 4000, slower=1.3)
    tax.forget()
    assert tax.tax(0.5) is None


def test_without_rest_nothing_is_measured():
    tax = ShadowTax(0.0, clock=Clock())
    tax.ended(tax.began(), 1.0)
    assert (tax.began(), tax.tax(0.5), tax.resting()) == (None, None, False)
