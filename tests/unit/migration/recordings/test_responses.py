"""Items of OpenAI's Responses API become messages; text and calls that were sent together are one of them."""

import pytest

from migration.recordings.conversation import NotARunError
from migration.recordings.responses import claims, conversation, in_chat_words, is_list

CALL = {"type": "function_call", "call_id": "c1", "name": "search", "arguments": "{}"}
SAID = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]}
CALLED = {"id": "c1", "function": {"name": "search", "arguments": "{}"}}


def test_text_and_calls_in_a_row_are_one_message():
    assert in_chat_words([SAID, CALL]) == [{"role": "assistant", "content": SAID["content"], "tool_calls": [CALLED]}]


@pytest.mark.parametrize(
    "between", [{"type": "function_call_output", "call_id": "c1", "output": "9"}, {"role": "user", "content": "go on"}]
)
def test_an_item_of_somebody_else_ends_the_message(between):
    assert [one["role"] for one in in_chat_words([CALL, between, CALL])] == [
        "assistant",
        "tool" if "output" in between else "user",
        "assistant",
    ]


def test_reasoning_is_left_out_and_does_not_end_the_message():
    assert in_chat_words([SAID, {"type": "reasoning"}, CALL])[0]["tool_calls"] == [CALLED]


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({"type": "custom_tool_call"}, {"role": "assistant", "content": [], "tool_calls": [{"type": "custom"}]}),
        ({"type": "web_search_call"}, {"role": "assistant", "content": [{"type": "web_search_call"}], "tool_calls": []}),
    ],
)
def test_a_call_that_no_engine_can_make_keeps_its_kind(item, said):
    assert in_chat_words([item]) == [said]


@pytest.mark.parametrize(
    ("value", "listed"),
    [([CALL], True), ([SAID], True), ([{"type": "message", "role": "user", "content": "x"}], False), ([], False), ("text", False)],
)
def test_a_list_of_items_is_told_from_messages_of_others(value, listed):
    assert is_list(value) is listed


def test_what_an_earlier_response_held_is_reported_as_ignored():
    read = conversation({"input": "hello", "output": [SAID], "previous_response_id": "r0", "id": "r1"})
    assert read.messages[0] == {"role": "user", "content": "hello"}
    assert len(read.ignored) == 1


def test_a_response_without_its_request_says_what_to_keep():
    assert claims({"object": "response"})
    with pytest.raises(NotARunError, match="keep `input` next to it"):
        conversation({"object": "response", "output": [SAID]})
