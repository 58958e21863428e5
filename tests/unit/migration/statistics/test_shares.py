"""A lower bound of a share, from one count."""

import pytest
from scipy.stats import binom

from migration.statistics import least_share


def test_three_hundred_of_three_hundred_prove_ninety_nine_percent():
    assert least_share(300, 300, 0.05) > 0.99 > least_share(298, 300, 0.05)


@pytest.mark.parametrize(("hits", "trials"), [(0, 0), (0, 50)])
def test_without_a_hit_nothing_is_proved(hits, trials):
    assert least_share(hits, trials, 0.05) == 0.0


@pytest.mark.parametrize(("trials", "alpha"), [(20, 0.05), (300, 0.05), (300, 0.01)])
def test_the_bound_is_too_high_with_a_chance_of_at_most_alpha(trials, alpha):
    for percent in (1, 20, 50, 90, 99):
        rate = percent / 100
        wrong = sum(binom.pmf(hits, trials, rate) for hits in range(trials + 1) if least_share(hits, trials, alpha) > rate)
        assert wrong <= alpha


@pytest.mark.parametrize(("hits", "trials", "alpha"), [(-1, 3, 0.05), (4, 3, 0.05), (1, 3, 0.0), (1, 3, 1.0)])
def test_arguments_out_of_range_are_refused(hits, trials, alpha):
    with pytest.raises(ValueError, match="hits must be 0 to trials"):
        least_share(hits, trials, alpha)
