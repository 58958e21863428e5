"""Kinds and lanes of a stream, and those of two streams side by side."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.comparison.read.outline import KEPT, agent_of, outline, side_by_side

PLACES = st.lists(st.sampled_from(["a", "a/t#1", "b", ""]), max_size=12)


def of(places):
    return outline(["said"] * len(places), places)


@given(PLACES)
def test_each_event_is_in_exactly_one_lane_in_order(places):
    lanes = of(places).lanes
    assert sorted(index for indexes in lanes.values() for index in indexes) == list(range(len(places)))
    assert all(indexes == sorted(indexes) for indexes in lanes.values())


@given(PLACES, PLACES)
def test_lanes_with_as_many_events_are_paired_and_all_others_are_read_too(control, candidate):
    sides = side_by_side(of(control), of(candidate))
    assert len(sides.alike[0]) == len(sides.alike[1])
    for side, places in ((0, control), (1, candidate)):
        assert sorted([*sides.alike[side], *sides.others[side]]) == list(range(len(places)))


def test_an_agent_has_its_own_lane_and_those_of_its_calls():
    assert of(["a", "b", "a/t#1"]).agents == {"a": ["a", "a/t#1"], "b": ["b"]}


@pytest.mark.parametrize(("lane", "agent"), [("a", "a"), ("a/t#1", "a"), ("a/b/c", "a"), ("", "")])
def test_a_lane_belongs_to_the_agent_before_the_first_stroke(lane, agent):
    assert agent_of(lane) == agent


def test_equal_streams_share_an_outline_and_long_ones_do_not():
    assert of(["a", "b"]) is of(["a", "b"])
    long = ["a"] * (KEPT + 1)
    assert of(long) is not of(long)


def test_half_surrogates_do_not_stop_a_stream_from_being_read():
    assert list(outline(["\ud800"], ["\udfff"]).lanes) == ["\udfff"]


def test_kinds_are_the_same_if_each_pair_is_of_one_kind():
    one, other = outline(["x", "y"], ["a", "b"]), outline(["y", "x"], ["b", "a"])
    assert side_by_side(one, other).same_kinds
    assert not side_by_side(one, outline(["x", "y"], ["b", "a"])).same_kinds
