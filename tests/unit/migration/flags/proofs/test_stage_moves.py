"""Moves between stages, in words and in order."""

import pytest

from migration.flags.proofs.stage_moves import Found, Move, named
from migration.model import Stage


@pytest.mark.parametrize(
    ("percent", "tenants", "others", "who"),
    [
        (10.0, ("acme",), (), "10 % of the tenants, among those known acme"),
        (0.5, (), (), "0.5 % of the tenants"),
        (0.0, ("a", "b"), ("whom rule 2 matches",), "a, b; whom rule 2 matches"),
        (0.0, (), (), ""),
    ],
)
def test_a_move_says_whom_it_moves(percent, tenants, others, who):
    assert Move(surface="chat", before=Stage.OFF, after=Stage.SHADOW, percent=percent, tenants=tenants, others=others).who == who


@pytest.mark.parametrize(("before", "after", "backward"), [(Stage.LIVE, Stage.SHADOW, True), (Stage.OFF, Stage.DUALWRITE, False)])
def test_a_move_to_an_earlier_stage_is_backward(before, after, backward):
    assert Move(surface="chat", before=before, after=after, percent=0.0, tenants=()).backward is backward


def test_what_was_found_becomes_moves_in_the_order_of_stages_without_those_that_stay():
    found = Found(surface="chat")
    found.percents[Stage.SHADOW, Stage.LIVE] += 10.00049
    found.names[Stage.OFF, Stage.SHADOW] += ["b", "a"]
    found.names[Stage.LIVE, Stage.LIVE] += ["c"]
    found.others[Stage.OFF, Stage.SHADOW] += ["whom rule 1 matches", "whom rule 1 matches"]
    assert [(move.before, move.percent, move.tenants, move.others) for move in found.moves()] == [
        (Stage.OFF, 0.0, ("a", "b"), ("whom rule 1 matches",)),
        (Stage.SHADOW, 10.0, (), ()),
    ]


def test_of_many_names_a_few_are_said():
    assert named(["a"] * 5) == "a, a, a, a, a"
    assert named(["a"] * 1_006) == "a, a, a, a, a and 1,001 more"
