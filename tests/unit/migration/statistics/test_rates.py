"""Bounds of a rate that hold however often they are checked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.statistics.rates import edge, rate_bounds


@given(st.integers(0, 400), st.integers(0, 400), st.sampled_from([0.001, 0.05, 0.5]))
def test_bounds_hold_the_share_and_grow_with_certainty(hits, misses, alpha):
    low, high = rate_bounds(hits, hits + misses, alpha)
    assert 0.0 <= low <= high <= 1.0
    if hits + misses:
        assert low <= hits / (hits + misses) <= high
    surer_low, surer_high = rate_bounds(hits, hits + misses, alpha / 2)
    assert surer_low <= low + 1e-9
    assert surer_high >= high - 1e-9


@given(st.integers(0, 200), st.integers(1, 200))
def test_a_rate_and_its_opposite_have_mirrored_bounds(hits, misses):
    low, high = rate_bounds(hits, hits + misses, 0.05)
    other_low, other_high = rate_bounds(misses, hits + misses, 0.05)
    assert (low, high) == pytest.approx((1 - other_high, 1 - other_low), abs=1e-9)


def test_without_trials_nothing_is_known():
    assert rate_bounds(0, 0, 0.05) == (0.0, 1.0)


@pytest.mark.parametrize(("hits", "trials", "end"), [(0, 50, 0), (50, 50, 1)])
def test_a_rate_of_nothing_or_of_all_is_bounded_on_one_side_only(hits, trials, end):
    assert rate_bounds(hits, trials, 0.05)[end] == float(end)


@pytest.mark.parametrize(("hits", "trials", "alpha"), [(-1, 5, 0.05), (6, 5, 0.05), (1, 5, 0.0), (1, 5, 1.0)])
def test_what_is_out_of_range_is_refused(hits, trials, alpha):
    with pytest.raises(ValueError, match="hits must be 0 to trials"):
        rate_bounds(hits, trials, alpha)


@given(st.floats(0.001, 0.999))
def test_an_edge_is_the_last_number_that_is_rejected(at):
    assert edge(lambda number: number < at) == pytest.approx(at, abs=1e-9)
