"""What each action of a rule does with a value. A changed type always shows."""

import pytest

from migration.comparison.policy import Rule
from migration.comparison.read.actions import stands_for, step_of


def done(action, value, **options):
    """What stands for the value, and what is left for the pair to judge."""
    holes = []
    rule = Rule(id="it", action=action, paths=("x",), reason="a test", **options)
    return step_of(rule, None)(value, ("x",), holes), holes


def test_mask_leaves_only_the_type_and_takes_int_and_float_for_one():
    assert done("mask", "a")[0] == done("mask", "b")[0] != done("mask", 1)[0]
    assert done("mask", 1)[0] == done("mask", 1.5)[0] != done("mask", None)[0]
    assert stands_for(done("mask", "a")[0]) == "text"


def test_what_a_run_says_by_itself_is_not_taken_for_a_mask():
    kind = "text"
    assert stands_for(f"<masked {kind}>") is None


def test_rename_leaves_an_id_to_the_pair_and_everything_else_alone():
    said, (hole,) = done("rename", "run-1")
    assert (said, hole.value, hole.path) == ("<id>", "run-1", ("x",))
    assert done("rename", "") == ("", [])
    assert done("rename", 7) == (7, [])


def test_round_rounds_floats_alone():
    assert done("round", 0.123456, digits=2)[0] == done("round", 0.1249, digits=2)[0] == 0.12
    assert done("round", 12, digits=0) == (12, [])


def test_tolerance_leaves_numbers_to_the_pair_and_tells_their_types_apart():
    whole, _ = done("tolerance", 1, absolute=1)
    broken, (hole,) = done("tolerance", 1.0, absolute=1)
    assert whole != broken
    assert hole.value == 1.0
    assert done("tolerance", True) == (True, [])


@pytest.mark.parametrize("items", [[3, 1, 2], [2, 3, 1]])
def test_sort_gives_one_order(items):
    assert done("sort", items)[0] == [1, 2, 3]


def test_json_reads_text_and_keeps_it_apart_from_the_same_object():
    assert done("json", '{"b":1, "a":2}')[0] == done("json", '{"a":2,"b":1}')[0] != {"a": 2, "b": 1}
    assert done("json", "not JSON") == ("not JSON", [])
