"""Attributes of a span, whatever form they were written in."""

import pytest

from migration.errors import RecordingError
from migration.recordings.attributes import Attributes

TYPED = [
    {"key": "a.b", "value": {"stringValue": "x"}},
    {"key": "n", "value": {"intValue": "-7"}},
    {"key": "f", "value": {"doubleValue": 1.5}},
    {"key": "l", "value": {"arrayValue": {"values": [{"boolValue": True}, {"stringValue": "y"}]}}},
    {"key": "o", "value": {"kvlistValue": {"values": [{"key": "k", "value": {"intValue": 1}}]}}},
    {"key": "none", "value": {}},
    "no pair",
]


def test_typed_values_of_otlp_are_plain_values():
    assert Attributes(TYPED).flat == {"a.b": "x", "n": -7, "f": 1.5, "l": [True, "y"], "o.k": 1, "none": None}


@pytest.mark.parametrize("written", [{"a.b": "x"}, {"a": {"b": "x"}}, [{"key": "a.b", "value": {"stringValue": "x"}}]])
def test_flat_nested_and_listed_attributes_have_the_same_names(written):
    assert Attributes(written).get("a.b") == "x"
    assert Attributes(written).has("a")
    assert not Attributes(written).has("b")


def test_an_object_is_given_as_it_is_in_the_file():
    assert Attributes({"a": {"b": "x"}}).get("a") == {"b": "x"}


@pytest.mark.parametrize(
    ("written", "listed"),
    [
        ({"m.0.role": "user", "m.1.role": "assistant"}, [{"role": "user"}, {"role": "assistant"}]),
        ({"m.0.calls.1": "b", "m.0.calls.0": "a"}, [{"calls": ["a", "b"]}]),
        ({"m": ["x"]}, ["x"]),
        ({"m.0": "value", "m.0.role": "kept out"}, ["value"]),
        ({"other": 1}, []),
    ],
)
def test_numbered_names_are_a_list(written, listed):
    assert Attributes(written).under("m") == listed


def test_a_number_that_is_missing_is_an_error_that_names_the_limit():
    with pytest.raises(RecordingError, match="OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT"):
        Attributes({"m.0.a": 1, "m.2.a": 1}).under("m")


@pytest.mark.parametrize("written", [None, "text", 7])
def test_what_is_no_form_of_attributes_is_refused(written):
    with pytest.raises(RecordingError, match="neither an object nor a list"):
        Attributes(written)
