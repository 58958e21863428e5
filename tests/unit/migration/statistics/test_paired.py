"""Which side is slower is told soon when it is so, and hardly ever when it is not, however often one looks."""

import pytest

from migration.statistics import slower_share

ALPHA = 0.001
HALF = 0.5


def chance_of_a_false_finding(alpha: float, pairs: int) -> float:
    """Return the exact chance that two sides that are alike are ever told apart within so many pairs, looked at after each."""
    waiting, found = {(0, 0): 1.0}, 0.0
    for _ in range(pairs):
        after: dict[tuple[int, int], float] = {}
        for (slower, faster), chance in waiting.items():
            for next_one in ((slower + 1, faster), (slower, faster + 1)):
                after[next_one] = after.get(next_one, 0.0) + chance / 2
        found += sum(chance for counts, chance in after.items() if slower_share(*counts, alpha) > HALF)
        waiting = {counts: chance for counts, chance in after.items() if slower_share(*counts, alpha) <= HALF}
    return found


@pytest.mark.parametrize("alpha", [0.05, ALPHA])
def test_sides_that_are_alike_are_told_apart_with_a_chance_of_at_most_alpha(alpha: float) -> None:
    assert 0.0 < chance_of_a_false_finding(alpha, 150) <= alpha


def test_what_is_slower_ten_times_out_of_ten_is_found_and_nine_times_are_not_enough() -> None:
    assert slower_share(9, 0, ALPHA) <= HALF < slower_share(10, 0, ALPHA)


@pytest.mark.parametrize(("slower", "faster"), [(24, 1), (60, 8), (260, 120)])
def test_some_pairs_to_the_contrary_only_ask_for_more_of_them(slower: int, faster: int) -> None:
    assert slower_share(slower, faster, ALPHA) > HALF
    assert slower_share(faster, slower, ALPHA) < HALF


@pytest.mark.parametrize(("slower", "faster"), [(1, 0), (5, 5), (1000, 1000), (0, 50), (20, 12)])
def test_a_few_or_a_balance_of_them_is_no_finding(slower: int, faster: int) -> None:
    assert slower_share(slower, faster, ALPHA) <= HALF


def test_the_bound_is_below_the_share_and_comes_close_to_it() -> None:
    bounds = [slower_share(8 * many, 2 * many, ALPHA) for many in (1, 10, 100, 1000, 100_000)]
    assert bounds == sorted(bounds)
    assert 0.79 < bounds[-1] < 0.8


@pytest.mark.parametrize(("slower", "faster", "alpha"), [(-1, 0, 0.1), (0, -1, 0.1), (1, 1, 0.0), (1, 1, 1.0)])
def test_arguments_out_of_range_are_refused(slower: int, faster: int, alpha: float) -> None:
    with pytest.raises(ValueError, match="counts must be 0 or more"):
        slower_share(slower, faster, alpha)
