"""Offered tools in the backend's own form; what is not a function is reported and not read."""

import pytest

from migration.recordings.tools import offered

SEARCH = {"name": "search", "description": "", "parameters": {"type": "object"}}


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "function", "function": {"name": "search"}},
        {"name": "search", "input_schema": {"type": "object"}},
        {"name": "search", "parameters": {"type": "object"}, "description": None},
    ],
)
def test_a_function_is_read_in_the_form_of_each_api(tool):
    assert offered([tool], ()) == ([{"type": "function", "function": SEARCH}], ())


def test_a_tool_that_is_called_is_offered_though_the_recording_lacks_it():
    assert offered(None, ["search", "search"]) == ([{"type": "function", "function": SEARCH}], ())


@pytest.mark.parametrize(
    ("tools", "ignored"),
    [
        ([{"type": "web_search"}, {"type": "web_search"}], ("a tool that is not a function (web_search)",)),
        ([7], ("a tool that is not a function",)),
        ([{"name": "x", "parameters": "text"}], ("a tool that is not a function",)),
        ([{"type": "a text that somebody wrote"}], ("a tool that is not a function",)),
        ("text", ("tools that are not a list",)),
    ],
)
def test_what_cannot_be_offered_is_named_once_and_without_its_texts(tools, ignored):
    assert offered(tools, ()) == ([], ignored)


def test_of_two_tools_of_one_name_the_first_counts():
    [tool], _ = offered([{"name": "a", "description": "one"}, {"name": "a", "description": "two"}], ())
    assert tool["function"]["description"] == "one"
