"""Which frames of two streams are equal: found by bytes, by shape, or by normal form, always with the same answer."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migration.comparison.match.pairing import pair
from migration.model import Origin


@pytest.fixture
def paired(tools, stream):
    def run(control, candidate, lanes=((), ())):
        return pair(stream(control, lanes=lanes[0]), stream(candidate, Origin.CANDIDATE, lanes[1]), tools.shapes)

    return run


@pytest.mark.parametrize(
    ("change", "differing"),
    [
        ({}, []),
        ({"at": 7.0}, []),
        ({"body": {"took_ms": 3}}, [0]),
        ({"tenant": "other"}, []),
        ({"kind": "thought"}, [0]),
        ({"more": 1}, [0]),
    ],
    ids=["nothing", "what is masked", "a key", "whose it is is judged elsewhere", "a text", "its shape"],
)
def test_a_pair_differs_if_its_normal_forms_do(paired, frame, change, differing):
    assert paired([frame(), frame()], [frame(**change), frame()]).differing == differing


@pytest.mark.parametrize("bad", [b"no json", b"[]", b'{"\xff"}'])
def test_two_frames_that_cannot_be_read_are_equal_by_their_bytes(paired, frame, bad):
    assert paired([bad, frame()], [bad, frame()]).differing == []
    assert paired([bad, frame()], [frame(), frame()]).differing == [0]


def test_lanes_that_interleave_otherwise_are_still_paired(paired, frame):
    one, two = frame(body={"x": 1}), frame(body={"x": 2})
    pairing = paired([one, two], [two, one], (["a", "b"], ["b", "a"]))
    assert not pairing.in_step
    assert (pairing.differing, pairing.same(0, 1), pairing.same(1, 0), pairing.same(0, 0)) == ([], True, True, False)


def test_frames_of_a_lane_that_only_one_side_has_are_read_too(paired, frame):
    pairing = paired([frame(), frame(tenant="other")], [frame()], (["a", "b"], ["a"]))
    assert pairing.control.owners.foreign() == [1]


BODIES = st.lists(st.fixed_dictionaries({"took_ms": st.integers(0, 2), "x": st.integers(0, 1)}), min_size=1, max_size=9)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(BODIES, st.data())
def test_however_few_or_many_differ_those_that_do_are_found(paired, frame, bodies, data):
    others = [data.draw(st.sampled_from([body, {**body, "x": 1 - body["x"]}, {**body, "took_ms": 9}])) for body in bodies]
    found = paired([frame(body=body) for body in bodies], [frame(body=body) for body in others]).differing
    assert sorted(found) == [index for index, (body, other) in enumerate(zip(bodies, others, strict=True)) if body["x"] != other["x"]]
