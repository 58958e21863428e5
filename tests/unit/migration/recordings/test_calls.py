"""One call of a model in any form: the messages of its request, and the answer after them."""

import json

import pytest

from migration.recordings.calls import call, decoded
from migration.recordings.conversation import NotARunError

HELLO = {"role": "user", "content": "hello"}
HI = {"role": "assistant", "content": "hi"}


@pytest.mark.parametrize(
    "asked",
    [[HELLO], {"messages": [HELLO]}, {"input": [HELLO]}, {"prompt": "hello"}, "hello", [[HELLO]], json.dumps({"messages": [HELLO]})],
    ids=["messages", "request", "input", "prompt", "text", "one of a batch", "as text"],
)
def test_a_request_in_any_form_gives_its_messages(asked):
    assert call(asked, HI).messages == [HELLO, HI]


@pytest.mark.parametrize(
    "answered",
    [
        HI,
        [HI],
        "hi",
        {"choices": [{"message": HI}, {"message": {"role": "assistant", "content": "no"}}]},
        {"output": [HI]},
        {"message": HI},
        {"generations": [[{"message": HI}]]},
        {"content": "hi"},
    ],
    ids=["message", "list", "text", "choices", "output", "message of it", "generations", "content alone"],
)
def test_an_answer_in_any_form_is_the_first_of_its_messages(answered):
    assert call([HELLO], answered).messages == [HELLO, HI]


def test_a_system_prompt_of_its_own_comes_first():
    assert call({"messages": [HELLO], "system": "be short"}, HI).messages[0] == {"role": "system", "content": "be short"}


@pytest.mark.parametrize("place", [{"tools": [1]}, {"functions": [1]}, {"invocation_params": {"tools": [1]}}])
def test_tools_are_those_of_the_request_unless_others_are_given(place):
    assert call({"messages": [HELLO], **place}, HI).tools == [1]
    assert call({"messages": [HELLO], **place}, HI, tools=[2]).tools == [2]


@pytest.mark.parametrize(
    ("asked", "answered", "why"),
    [
        (None, HI, "without its messages"),
        ({"model": "m"}, HI, "without its messages"),
        (7, HI, "not a chat"),
        ([HELLO], None, "without an answer"),
        ([HELLO], "", "without an answer"),
        ([HELLO], [], "without an answer"),
    ],
)
def test_what_has_no_messages_or_no_answer_is_not_a_run(asked, answered, why):
    with pytest.raises(NotARunError, match=why):
        call(asked, answered)


@pytest.mark.parametrize(("text", "value"), [("[1]", [1]), ('{"a": 1}', {"a": 1}), ("plain", "plain"), ("[broken", "[broken"), (3, 3)])
def test_a_text_that_is_json_is_read_and_anything_else_stays(text, value):
    assert decoded(text) == value
