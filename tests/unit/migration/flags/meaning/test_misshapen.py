"""The first place of a flag or segment that has the wrong shape."""

import pytest

from migration.flags.meaning.misshapen import misshapen
from tests.unit.migration.flags.making import surface_flag

CLAUSE = {"attribute": "plan", "op": "in", "values": ["x"]}


@pytest.mark.parametrize(
    ("change", "place", "what"),
    [
        ({"version": None}, "version", "is missing"),
        ({"on": "yes"}, "on", "must be true or false"),
        ({"variations": {}}, "variations", "must be a list"),
        ({"fallthrough": {"rollout": {}}}, "fallthrough.rollout.variations", "is missing"),
        ({"rules": [{"clauses": [CLAUSE]}, 7]}, "rules[1]", "must be an object"),
        ({"rules": [{"clauses": [{**CLAUSE, "op": 1}]}]}, "rules[0].clauses[0].op", "must be text"),
        ({"contextTargets": [{"variation": 0, "values": ["a", 1]}]}, "contextTargets[0].values[1]", "must be text"),
        (
            {"rules": [{"clauses": [{**CLAUSE, "op": "segmentMatch", "values": [{}]}]}]},
            "rules[0].clauses[0].values[0]",
            "must be the key of a segment",
        ),
    ],
)
def test_a_place_of_a_flag_is_named_as_in_its_json(change, place, what):
    assert misshapen("flag", surface_flag(**change)) == (place, what)


def test_a_segment_has_a_shape_of_its_own():
    assert misshapen("segment", {"key": "s", "version": 1, "included": [1]}) == ("included[0]", "must be text")


def test_what_is_refused_for_another_reason_has_no_place():
    assert misshapen("flag", surface_flag()) == ("", "is not accepted by LaunchDarkly's SDK")
