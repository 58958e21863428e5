"""Messages of each SDK's own form, in the words of the chat format."""

import pytest

from migration.recordings import anthropic, genai_messages, langchain

CALL = {"id": "c1", "function": {"name": "search", "arguments": {"q": 1}}}


def test_anthropics_uses_and_results_are_calls_and_messages_of_tools():
    use = {"type": "tool_use", "id": "c1", "name": "search", "input": {"q": 1}}
    result = {"type": "tool_result", "tool_use_id": "c1", "content": "9"}
    text = {"type": "text", "text": "and?"}
    said = anthropic.in_chat_words([{"role": "assistant", "content": [use]}, {"role": "user", "content": [result, text]}])
    assert said == [
        {"role": "assistant", "content": [], "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "9"},
        {"role": "user", "content": [text], "tool_calls": []},
    ]


@pytest.mark.parametrize(
    ("record", "claimed"),
    [
        ({"messages": [], "system": "x"}, True),
        ({"messages": [{"content": [{"type": "tool_use"}]}]}, True),
        ({"messages": [{"role": "user", "content": "x"}]}, False),
        ({"system": "x"}, False),
    ],
)
def test_anthropics_requests_are_known_by_their_system_prompt_or_their_parts(record, claimed):
    assert anthropic.claims(record) is claimed


@pytest.mark.parametrize(
    ("message", "role"),
    [
        ({"type": "human", "content": "x"}, "user"),
        ({"type": "AIMessageChunk", "content": "x"}, "assistant"),
        ({"lc": 1, "kwargs": {"type": "tool", "content": "x", "tool_call_id": "c1"}}, "tool"),
        ({"type": "human", "role": "developer", "content": "x"}, None),
        ({"type": "unknown", "content": "x"}, None),
    ],
)
def test_langchains_messages_have_roles_of_their_own(message, role):
    [said] = langchain.in_chat_words([message])
    assert said == message if role is None else said["role"] == role


def test_langchains_calls_are_functions_the_invalid_ones_too():
    message = {"type": "ai", "content": "", "tool_calls": [{"name": "a", "type": "tool_call"}], "invalid_tool_calls": [{"name": "b"}]}
    [said] = langchain.in_chat_words([message])
    assert said["tool_calls"] == [{"name": "a", "type": "function"}, {"name": "b", "type": "function"}]


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"type": "text", "content": "x"}, {"type": "text", "text": "x"}),
        ({"type": "refusal", "content": "no"}, {"type": "refusal", "refusal": "no"}),
        ({"type": "uri", "modality": "image"}, {"type": "image"}),
        ({"type": "blob", "mime_type": "audio/wav"}, {"type": "audio"}),
        ({"type": "file", "mime_type": "text/plain"}, {"type": "file"}),
        ({"type": "own"}, {"type": "own"}),
    ],
)
def test_a_part_of_opentelemetrys_messages_is_one_of_the_chat_format(part, said):
    [message] = genai_messages.in_chat_words([{"role": "user", "parts": [part]}])
    assert message["content"] == [said]


@pytest.mark.parametrize(("result", "text"), [("9", "9"), ({"a": 1}, '{"a":1}'), (None, None)])
def test_a_tools_response_is_a_message_with_what_the_model_received(result, text):
    parts = [{"type": "tool_call_response", "id": "c1", "response": result}]
    assert genai_messages.in_chat_words([{"role": "tool", "parts": parts}]) == [{"role": "tool", "tool_call_id": "c1", "content": text}]


def test_a_message_with_a_call_and_a_response_becomes_two():
    parts = [
        {"type": "tool_call", "id": "c1", "name": "search", "arguments": {"q": 1}},
        {"type": "tool_call_response", "id": "c0", "result": "9"},
    ]
    said = genai_messages.in_chat_words([{"role": "assistant", "parts": parts}])
    assert [(one["role"], one.get("tool_calls")) for one in said] == [("tool", None), ("assistant", [CALL])]
