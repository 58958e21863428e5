"""Which runs belong to the sample."""

import pytest

from migration.flags.sampling import POINTS, point, threshold


@pytest.mark.parametrize(("percent", "points"), [(0.0, 0), (0.001, 1), (12.5, 12_500), (100.0, POINTS), (-1.0, 0), (250.0, POINTS)])
def test_a_percentage_is_that_many_points_of_a_hundred_thousand(percent, points):
    assert threshold(percent) == points


def test_the_same_run_has_the_same_point_in_every_process():
    assert (point("run-1"), point("4f0c")) == (64_195, 71_881)


def test_points_are_spread_evenly():
    tenths = [0] * 10
    for number in range(20_000):
        tenths[point(f"4b1b{number:08x}") * 10 // POINTS] += 1
    assert all(1_850 < count < 2_150 for count in tenths)


def test_any_text_has_a_point():
    assert 0 <= point("\ud800") < POINTS
