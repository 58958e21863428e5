"""A conversation's label as it may be shown, and the kinds of JSON that nothing reads."""

import pytest

from migration.recordings.conversation import Conversation, field, prompt
from migration.recordings.others import _KNOWN, named


@pytest.mark.parametrize(
    ("label", "name"),
    [("run 7", "run 7"), (7, "7"), (True, ""), (None, ""), (["x"], ""), ("a\x1b[2Jb\n", "a?[2Jb?"), ("x" * 500, "x" * 120), ("  a ", "a")],
)
def test_a_label_is_shown_short_and_without_what_a_terminal_would_obey(label, name):
    assert Conversation(messages=[], label=label).name == name


@pytest.mark.parametrize(("system", "first"), [("be short", "system"), (None, "user"), ("", "user")])
def test_a_system_prompt_comes_first_if_there_is_one(system, first):
    assert prompt(system, [{"role": "user"}])[0]["role"] == first


@pytest.mark.parametrize(("names", "value"), [(("a", "b"), 1), (("a", "x"), None), (("a", "b", "c"), None), ((), {"a": {"b": 1}})])
def test_a_field_is_found_at_its_path(names, value):
    assert field({"a": {"b": 1}}, *names) == value


@pytest.mark.parametrize(("keys", "what"), _KNOWN, ids=lambda value: None if isinstance(value, str) else "+".join(sorted(value)))
def test_a_format_that_is_not_read_is_named_by_its_keys(keys, what):
    assert named(dict.fromkeys(keys)) == what


@pytest.mark.parametrize(
    ("value", "what"),
    [([1], "not a JSON object"), ({"messages": "x"}, "`messages` are not a list"), ({"x": 1}, "neither a recording nor a conversation")],
)
def test_anything_else_is_said_to_be_none(value, what):
    assert what in named(value)
