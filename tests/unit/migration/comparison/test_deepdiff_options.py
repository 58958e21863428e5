"""Options that a rule gives DeepDiff: checked when a policy is read, completed for each call."""

import pytest

from migration.comparison.deepdiff_options import arguments, checked


@pytest.mark.parametrize("options", [{}, {"ignore_order": True}, {"significant_digits": 3}])
def test_options_that_deepdiff_takes_are_right(options):
    assert checked(options) is None


@pytest.mark.parametrize("options", [{"no_such": 1}, {"custom_operators": ["nowhere:Operator"]}, {"exclude_regex_paths": ["("]}])
def test_options_that_it_does_not_take_are_named(options):
    assert "DeepDiff does not take these options" in checked(options)


def test_repetitions_count_and_limits_hold_unless_a_rule_sets_its_own():
    given = arguments({"max_diffs": 7})
    assert (given["report_repetition"], given["max_diffs"], given["max_passes"]) == (True, 7, 100_000)


def test_an_operator_is_an_instance_of_the_class_that_is_named():
    [operator] = arguments({"custom_operators": ["collections:Counter"]})["custom_operators"]
    assert operator == {}
