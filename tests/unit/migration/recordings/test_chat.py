"""The OpenAI chat format as it is found: brought into the backend's own shape once, or named as what it is."""

import json

import pytest

from migration.recordings import BadLine, RecordedRun, Skipped

from .conftest import call, chat


def shape(run: RecordedRun) -> tuple[object, ...]:
    """What engines see of a run."""
    return (json.loads(run.request.payload), [(one.kind, one.name, one.request, one.reply) for one in run.journal], run.answer)


PLAIN = chat(
    "p",
    {"role": "assistant", "tool_calls": [call()]},
    {"role": "tool", "tool_call_id": "c1", "content": "12"},
    {"role": "assistant", "content": "Twelve."},
)


@pytest.mark.parametrize(
    "absent", [{}, {"tool_calls": None, "refusal": None, "audio": None, "function_call": None, "annotations": []}, {"tool_calls": []}]
)
def test_absent_null_and_empty_mean_the_same(run, absent):
    assert shape(run("p", {"role": "assistant", "content": "Twelve.", "weight": 1, **absent})) == shape(run("p", "Twelve."))


def test_a_developer_is_the_system_and_texts_in_parts_are_joined(run):
    parts = [{"type": "text", "text": "Be "}, "brief", {"type": "input_text", "text": "."}]
    there = run(
        {"role": "developer", "content": parts},
        {"role": "user", "content": [{"type": "text", "text": "p"}]},
        {"role": "assistant", "content": [{"type": "output_text", "text": "Twelve."}]},
    )
    assert shape(there) == shape(
        run({"role": "system", "content": "Be brief."}, {"role": "user", "content": "p"}, {"role": "assistant", "content": "Twelve."})
    )


@pytest.mark.parametrize(
    ("part", "what"),
    [
        ({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}, "an image"),
        ({"type": "input_image", "file_id": "f"}, "an image"),
        ({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}, "audio"),
        ({"type": "file", "file": {"file_id": "f"}}, "a file"),
        ({"type": "hologram"}, "a part of type hologram"),
    ],
)
def test_what_is_not_text_is_skipped_with_that_reason_and_so_is_what_follows_on_it(items, part, what):
    first = {"role": "user", "content": [{"type": "text", "text": "What is it?"}, part]}
    found = items(chat(first, "A dog.", "And now?", "Still."), chat("one", "1", first, "A dog."))
    assert [getattr(one, "reason", one) for one in found if not isinstance(one, RecordedRun)] == [
        f"turn 1 has {what} (messages[0]); the backend takes text",
        f"turn 2 comes after {what} (messages[0]); the backend takes text",
        f"turn 2 has {what} (messages[2]); the backend takes text",
    ]
    assert len(found) == 4


def test_a_spoken_answer_is_audio(items):
    [skipped] = items(chat("p", {"role": "assistant", "content": None, "audio": {"id": "a", "transcript": "Twelve."}}))
    assert "turn 1 has audio" in skipped.reason


def test_a_refusal_is_the_answer(run):
    refused = run("Do harm.", {"role": "assistant", "content": None, "refusal": "I can not help with that."})
    assert refused.answer == "I can not help with that."
    assert json.loads(refused.journal[0].reply)["message"] == {"role": "assistant", "content": "I can not help with that."}
    assert run("Do harm.", {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}).answer == "No."


@pytest.mark.parametrize("empty", [None, "", "  ", []])
def test_an_answer_with_nothing_in_it_is_not_a_run(items, empty):
    [skipped] = items(chat("p", {"role": "assistant", "content": empty}))
    assert skipped.reason.startswith("turn 1 has no answer")


def test_a_legacy_function_call_is_a_tool_call(run):
    legacy = run(
        "p",
        {"role": "assistant", "content": None, "function_call": {"name": "price_lookup", "arguments": '{"plan": "gold"}'}},
        {"role": "function", "name": "price_lookup", "content": "12"},
        {"role": "assistant", "content": "Twelve."},
        functions=[{"name": "price_lookup", "parameters": {"type": "object"}}],
    )
    assert [(one.kind, one.name, one.reply) for one in legacy.journal][1] == ("tool", "price_lookup", b'"12"')


def test_a_call_that_nobody_answered_is_no_answer(items):
    [skipped] = items(chat("p", {"role": "assistant", "content": None, "function_call": {"name": "price_lookup", "arguments": "{}"}}))
    assert skipped.reason == "turn 1 is not answered"
    [skipped] = items(chat("p", {"role": "assistant", "tool_calls": [call()]}, {"role": "assistant", "content": "Twelve."}))
    assert skipped.reason == "turn 1 is not complete: a tool call of messages[1] has no result"


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        ("", {}),
        (None, {}),
        ("{}", {}),
        ('{"plan": "gold"}', {"plan": "gold"}),
        ({"plan": "gold"}, {"plan": "gold"}),
        ('{"plan": "gold', None),
        ('"{\\"plan\\": \\"gold\\"}"', None),
        ("[1]", None),
        ("null", None),
    ],
)
def test_arguments_stay_as_the_model_wrote_them_and_no_tool_is_asked_where_they_are_not_an_object(run, arguments, asked):
    turn = run(
        "p",
        {"role": "assistant", "tool_calls": [call(arguments=arguments)]},
        {"role": "tool", "tool_call_id": "c1", "content": "12"},
        {"role": "assistant", "content": "12"},
    )
    tools = [json.loads(one.request)["arguments"] for one in turn.journal if one.kind == "tool"]
    assert tools == ([] if asked is None else [asked])
    written = json.loads(turn.journal[0].reply)["message"]["tool_calls"][0]["function"]["arguments"]
    assert written == (
        "" if arguments is None else arguments if isinstance(arguments, str) else json.dumps(arguments, separators=(",", ":"))
    )


def test_equal_calls_and_equal_ids_are_answered_in_turn(run):
    calls = [call(call_id="same"), call(call_id="same"), call(call_id="other")]
    results = [
        {"role": "tool", "tool_call_id": name, "content": content} for name, content in (("other", "3"), ("same", "1"), ("same", "2"))
    ]
    turn = run("p", {"role": "assistant", "tool_calls": calls}, *results, {"role": "assistant", "content": "6"})
    assert [one.reply for one in turn.journal if one.kind == "tool"] == [b'"1"', b'"2"', b'"3"']
    assert len({one.key for one in turn.journal}) == 5


def test_calls_without_ids_are_answered_by_name_or_in_turn(run):
    calls = [call("a", "{}", None), call("b", "{}", None)]
    turn = run(
        "p",
        {"role": "assistant", "tool_calls": calls},
        {"role": "tool", "name": "b", "content": "2"},
        {"role": "tool", "content": "1"},
        {"role": "assistant", "content": "3"},
    )
    assert [(one.name, one.reply) for one in turn.journal if one.kind == "tool"] == [("a", b'"1"'), ("b", b'"2"')]


@pytest.mark.parametrize(
    ("messages", "index", "what"),
    [
        (["p", {"role": "critic", "content": "x"}], 1, "has a role that is not one of"),
        (["p", {"content": "x"}], 1, "has a role"),
        (["p", {"role": ["user"]}], 1, "has a role"),
        ([17, "q"], 0, "is not an object"),
        (["p", {"role": "assistant", "content": 7}], 1, "neither text nor a list of parts"),
        (["p", {"role": "assistant", "content": [7]}], 1, "neither text nor an object"),
        (["p", {"role": "assistant", "content": [{"type": "text"}, {"type": "text", "text": 3}]}], 1, "text part without a text"),
        (["p", {"role": "assistant", "tool_calls": {}}, {"role": "assistant", "tool_calls": "x"}], 2, "tool_calls that are not a list"),
        (["p", {"role": "assistant", "tool_calls": [3]}], 1, "tool call [0] that is not an object"),
        (["p", {"role": "assistant", "tool_calls": [call(), {"type": "function"}]}], 1, "tool call [1] that names no function"),
        (["p", {"role": "tool", "tool_call_id": "9"}], 1, "answers no tool call"),
        (["p", {"role": "assistant", "tool_calls": [call(arguments='{"a":' * 500 + "1" + "}" * 500)]}], 1, "nested too deeply"),
        (["p", {"role": "assistant", "tool_calls": [call(arguments='{"a":' * 5000 + "1" + "}" * 5000)]}], 1, "nested too deeply"),
        (["p", {"role": "assistant", "tool_calls": [call(arguments='{"a":1' + "0" * 40 + "}")]}], 1, "out of range"),
    ],
)
def test_a_message_that_cannot_be_read_is_named_by_its_index_and_spoils_its_line_alone(items, messages, index, what):
    said = [{"role": "user", "content": one} if isinstance(one, str) else one for one in messages]
    before, bad, after = items(PLAIN, {"messages": said}, PLAIN)
    assert isinstance(before, RecordedRun)
    assert isinstance(after, RecordedRun)
    assert isinstance(bad, BadLine)
    assert (bad.line, bad.message) == (2, index)
    assert what in bad.reason


def test_a_conversation_without_a_user_is_skipped(items):
    found = items(chat({"role": "assistant", "content": "Welcome!"}), {"messages": []}, chat("p", "1"))
    assert [type(one) for one in found] == [Skipped, Skipped, RecordedRun]
    assert found[0].reason == "the conversation has no user turn"


@pytest.mark.parametrize(
    "own", [0, 1, "test-7", "demo-3", "acme/checkout-7", "2024-05-01T10:00:00/abc", "", None, "x" * 400, "a\nb", {"a": 1}]
)
def test_the_own_id_is_a_label_and_a_safe_one_is_made(items, own):
    first, second = items(chat("p", "1", id=own), chat("p", "1", id=own))
    assert first.request.thread_id.startswith("conversation-")
    assert first.request.run_id == f"{first.request.thread_id}-turn-1"
    assert first.request.thread_id != second.request.thread_id
    assert "\n" not in first.label
    again = items(chat("p", "1", id=own), chat("p", "1", id=own))
    assert [one.request.run_id for one in again] == [first.request.run_id, second.request.run_id]


def test_a_label_is_the_own_id_or_the_place(items):
    [one, two] = items(chat("p", "1", id="acme/7"), chat("p", "1"))
    assert one.label == "acme/7 turn 1"
    assert two.label.endswith("file.jsonl:2 turn 1")


def test_tools_on_offer_are_used_and_what_is_not_a_function_is_named(run):
    own = {"type": "function", "function": {"name": "other", "description": "d", "parameters": {"type": "object", "properties": {}}}}
    turn = run(*PLAIN["messages"], tools=[own, {"type": "web_search"}, 7, {"type": "function", "function": {"name": "bare"}}])
    tools = json.loads(turn.request.payload)["tools"]
    assert tools[0] == own
    assert [one["function"]["name"] for one in tools] == ["other", "bare", "price_lookup"]
    assert turn.ignored == ("a tool that is not a function (web_search)", "a tool that is not a function")
    assert run(*PLAIN["messages"], tools="all").ignored == ("tools that are not a list",)


def test_a_call_of_a_custom_tool_is_skipped_with_that_reason(items):
    custom = {"id": "c", "type": "custom", "custom": {"name": "shell", "input": "ls"}}
    [skipped] = items(chat("p", {"role": "assistant", "tool_calls": [custom]}, {"role": "assistant", "content": "x"}))
    assert "turn 1 has a call of a tool that is not a function" in skipped.reason


def test_the_result_of_a_custom_tool_belongs_to_its_call_and_costs_no_other_turn(items):
    custom = {"id": "c", "type": "custom", "custom": {"name": "shell", "input": "ls"}}
    result = {"role": "tool", "tool_call_id": "c", "content": "a"}
    found = items(chat("p", "1", "q", {"role": "assistant", "tool_calls": [custom]}, result, "2", "r", "3"))
    assert [type(one) for one in found] == [RecordedRun, Skipped, Skipped]
    assert "turn 2 has a call of a tool that is not a function (messages[3])" in found[1].reason


@pytest.mark.parametrize(("own", "answers"), [(7, 7), (7, "7"), ("7", 7), (0, 0)])
def test_an_id_may_be_a_number(run, own, answers):
    turn = run(
        {"role": "user", "content": "p"},
        {"role": "assistant", "tool_calls": [call() | {"id": "other"}, call() | {"id": own}]},
        {"role": "tool", "tool_call_id": answers, "content": "2"},
        {"role": "tool", "tool_call_id": "other", "content": "1"},
        {"role": "assistant", "content": "3"},
    )
    assert [one.reply for one in turn.journal if one.kind == "tool"] == [b'"1"', b'"2"']


def test_a_bare_list_of_messages_is_a_conversation(items):
    [one] = items(PLAIN["messages"])
    assert one.answer == "Twelve."


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ({"conversations": [{"from": "human", "value": "hi"}]}, "ShareGPT"),
        ({"custom_id": "a", "method": "POST", "body": {}}, "Batch API"),
        ({"prompt": "a", "completion": "b"}, "a pair of prompt and completion"),
        ({"contents": []}, "Gemini"),
        ({"messages": 7}, "`messages` are not a list"),
        ({"role": "user", "content": "x"}, "one message"),
        ({"id": "x"}, "OpenAI chat format"),
        (7, "not a JSON object"),
        ("null", "not a JSON object"),
    ],
)
def test_what_cannot_be_read_is_named_as_what_it_is(items, other, what):
    line = other if isinstance(other, str) else json.dumps(other)
    [bad] = items(line)
    assert isinstance(bad, BadLine)
    assert what in bad.reason
