"""What is remarked on about weights, beside what LaunchDarkly's SDK serves."""

import pytest

from migration.flags.meaning.weight_sums import weights_remark


def flag(*weights, **more):
    return {"fallthrough": {"rollout": {"variations": [{"variation": at, "weight": weight} for at, weight in enumerate(weights)]}}} | more


@pytest.mark.parametrize(
    "whole", [None, {}, flag(100_000), flag(0, 30_000, 70_000), flag(), {"fallthrough": {"variation": 1, "rollout": {}}}]
)
def test_weights_that_make_a_whole_or_are_not_asked_give_no_remark(whole):
    assert weights_remark("k", whole) is None


def test_too_little_goes_to_the_last_variation():
    assert weights_remark("k", flag(29_000, 70_000)) == (
        "k: fallthrough: the weights add up to 99 %; the last variation listed gets the rest; make them 100 %"
    )


def test_too_much_is_served_to_nobody():
    assert "add up to 130 %; the part above 100 % is never served" in str(weights_remark("k", flag(60_000, 70_000)))


def test_the_rollout_of_a_rule_is_named_by_its_place():
    assert str(weights_remark("k", flag(100_000, rules=[{"variation": 0}, flag(1)["fallthrough"]]))).startswith(
        "k: rules[1]: the weights add up to 0.001 %"
    )
