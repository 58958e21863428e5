"""Which event of control stands for which of candidate."""

import json

import pytest

from migration.comparison.compare import aligned
from migration.comparison.policy import parse_policy
from migration.model import Event, Origin, RunRecord, RunRequest

POLICY = parse_policy('surface = "shop"\nversion = 1\n[envelope]\ntexts = ["type"]\n', "shop.toml")
REQUEST = RunRequest(surface="shop", tenant_id="t", user_id="u", thread_id="d", run_id="r", payload=b"{}", received_at=0.0)


def run(origin, said):
    """A run that says these words, each `lane:word`."""
    events = []
    for number, one in enumerate(said.split()):
        lane, _, word = one.partition(":")
        payload = json.dumps({"type": "said", "payload": {"word": word}}).encode()
        events.append(Event(kind="said", lane=lane, payload=payload, at_s=number / 10))
    return RunRecord(request=REQUEST, origin=origin, events=tuple(events), journal=(), outcome="completed", duration_s=1.0, trace_id=None)


def lanes(control, candidate):
    _, found = aligned(run(Origin.CONTROL, control), run(Origin.CANDIDATE, candidate), POLICY)
    return {lane.name: lane for lane in found.lanes()}


def test_lanes_may_interleave_freely():
    found = lanes("a:1 b:1 a:2 b:2", "b:1 b:2 a:1 a:2")
    assert (found["a"].equal, found["b"].equal) == ([(0, 2), (2, 3)], [(1, 0), (3, 1)])
    assert all(not (lane.changed or lane.moved or lane.only_control or lane.only_candidate) for lane in found.values())


def test_an_event_that_is_missing_leaves_the_others_their_counterparts():
    lane = lanes("a:1 a:2 a:3", "a:1 a:3")["a"]
    assert (lane.equal, lane.only_control, lane.only_candidate) == ([(0, 0), (2, 1)], [1], [])


def test_an_event_that_is_extra_is_candidates_alone():
    lane = lanes("a:1 a:2", "a:1 a:x a:2")["a"]
    assert (lane.equal, lane.only_candidate) == ([(0, 0), (1, 2)], [1])


def test_an_event_of_the_same_kind_with_another_word_is_a_changed_one():
    lane = lanes("a:1 a:2 a:3", "a:1 a:other a:3")["a"]
    assert (lane.equal, lane.changed) == ([(0, 0), (2, 2)], [(1, 1)])


def test_equal_events_in_another_order_are_moved_and_not_missing():
    lane = lanes("a:1 a:2 a:3 a:4", "a:2 a:3 a:4 a:1")["a"]
    assert lane.moved == [(0, 3)]
    assert (lane.only_control, lane.only_candidate) == ([], [])


@pytest.mark.parametrize(("control", "candidate"), [("a:1 b:1", "a:1"), ("a:1", "a:1 b:1")])
def test_a_lane_that_one_side_does_not_have_stands_alone(control, candidate):
    lane = lanes(control, candidate)["b"]
    assert [lane.control, lane.candidate].count(None) == 1
    assert len(lane.only_control) + len(lane.only_candidate) == 1


def test_calls_of_one_tool_belong_together_by_what_they_hold_and_not_by_their_number():
    found = lanes("a/look#1:rome a/look#2:oslo", "a/look#1:oslo a/look#2:rome")
    assert {(lane.control, lane.candidate) for lane in found.values()} == {("a/look#1", "a/look#2"), ("a/look#2", "a/look#1")}
