"""A JSON Patch, applied to control's value, gives candidate's."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.cli.json_patch import _applied, _same, json_patch

scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0]) | st.text("ab/~", max_size=3)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab/~", max_size=2), inner, max_size=3), max_leaves=10
)


@given(control=values, candidate=values)
def test_a_patch_makes_candidates_value_of_controls(control: Any, candidate: Any) -> None:
    assert _same(_applied(control, json_patch(control, candidate)), candidate)


@pytest.mark.parametrize(
    ("control", "candidate", "patch"),
    [
        ({"a": 1}, {"a": 2}, [{"op": "replace", "path": "/a", "value": 2}]),
        ({"a": 1}, {"a": 1.0}, [{"op": "replace", "path": "/a", "value": 1.0}]),
        ({"a/b": 1}, {}, [{"op": "remove", "path": "/a~1b"}]),
        ({"a": [1, 2, 3]}, {"a": [1, 3]}, [{"op": "remove", "path": "/a/1"}]),
        ({"a": [1, 3]}, {"a": [1, 2, 3]}, [{"op": "add", "path": "/a/1", "value": 2}]),
        ({"a": 1}, {"a": 1}, []),
    ],
)
def test_a_small_difference_is_a_small_patch(control: Any, candidate: Any, patch: list[dict[str, Any]]) -> None:
    assert json_patch(control, candidate) == patch
