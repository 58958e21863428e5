"""What the description says of ids is what the endpoints hold them to."""

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from netra_backend.app.api.callers import ID_SCHEMA
from netra_backend.app.errors import InvalidContextError
from netra_backend.app.services.user_execution_context import MAX_ID_LENGTH, check_id

DESCRIBED = Draft202012Validator(dict(ID_SCHEMA))


@given(st.text(max_size=MAX_ID_LENGTH + 3) | st.text(alphabet=" \t\x00\x7f\x85\xa0/\\\u2028\u3000ab", max_size=4))
@example("")
@example("placeholder")
@example("x" * MAX_ID_LENGTH)
@example("x" * (MAX_ID_LENGTH + 1))
def test_an_id_is_described_as_valid_exactly_when_it_is(value: str) -> None:
    assume(not value.endswith("\n"))  # `$` stands before it in Python's patterns, though not in those of JSON Schema
    try:
        check_id("thread_id", value)
    except InvalidContextError as error:
        valid = False
        assume(not (error.rule == "may not be a placeholder" and DESCRIBED.is_valid(value)))  # other case, or with a separator
    else:
        valid = True
    assert DESCRIBED.is_valid(value) is valid


@pytest.mark.parametrize("value", ["\ud800", "acme\udfff", "\udcff-1"])
def test_half_of_a_character_is_in_no_id(value: str) -> None:
    with pytest.raises(InvalidContextError, match="must be well-formed Unicode"):
        check_id("tenant", value)
