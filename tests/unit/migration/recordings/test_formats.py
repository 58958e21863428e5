"""Formats of other tools: samples that their own SDKs made, and the odd shapes of each written anew."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from migration.recordings import BadLine, RecordedRun, Skipped, read

from .conftest import chat

MADE = Path(__file__).parents[3] / "migration" / "fixtures" / "recordings"
_spec = importlib.util.spec_from_file_location("recordings_script", MADE / "script.py")
script = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(script)

NUMBERS = (338, 339)
#: What an SDK does not tell: Langfuse's forgets refusals, Pydantic AI's raises an error at them, Anthropic has none.
WITHOUT_REFUSALS = {"langfuse", "pydantic-ai"}
NO_REFUSALS = {"anthropic-messages", "openinference-anthropic"}


def turns(name: str) -> list[Any]:
    told = [(number, script.script(number, refusals=name not in NO_REFUSALS)) for number in NUMBERS]
    if name == "pydantic-ai":
        told = [(number, talk) for number, talk in told if not any(turn.refused for turn in talk)]
    return [turn for _, talk in told for turn in talk if not (turn.refused and name in WITHOUT_REFUSALS)]


@pytest.mark.parametrize("sample", sorted((MADE / "samples").iterdir()), ids=lambda path: path.name)
def test_each_turn_that_an_sdk_recorded_is_a_run_with_its_calls_results_and_answer(sample):
    found = list(read(sample))
    runs = [one for one in found if isinstance(one, RecordedRun)]
    assert [one for one in found if isinstance(one, BadLine)] == []
    expected = turns(sample.stem)
    assert sorted(one.answer for one in runs) == sorted(turn.answer for turn in expected)
    by_answer = {turn.answer: turn for turn in expected}
    for run in runs:
        turn = by_answer[run.answer]
        asked = [json.loads(one.request) for one in run.journal if one.kind == "tool"]
        calls = [{"name": name, "arguments": arguments} for calls in turn.rounds for name, arguments in calls]
        assert json.dumps(asked, sort_keys=True) == json.dumps(calls, sort_keys=True)
        assert [json.loads(one.reply) for one in run.journal if one.kind == "tool"] == [script.result(**call) for call in calls]
        payload = json.loads(run.request.payload)
        assert payload["message"] == turn.user
        assert payload["history"][0]["role"] == "system"
        assert run.ignored == ()


def test_an_anthropic_turn_may_bring_results_and_a_question_at_once(items):
    use = {"type": "tool_use", "id": "t1", "name": "price_lookup", "input": {"plan": "gold"}}
    talk = [
        {"role": "user", "content": "p"},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm.", "signature": "s"}, use]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "12"}]}]},
        {"role": "assistant", "content": "Twelve."},
        {"role": "user", "content": [{"type": "text", "text": "And "}, {"type": "text", "text": "now?"}]},
        {"role": "assistant", "content": [use]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1"}, {"type": "text", "text": "Never mind."}]},
        {"role": "assistant", "content": "Fine."},
    ]
    first, second, third = items({"system": [{"type": "text", "text": "Be brief."}], "messages": talk})
    assert (first.answer, first.journal[1].reply) == ("Twelve.", b'"12"')
    assert second.reason == "turn 2 is not answered"
    assert (third.answer, json.loads(third.request.payload)["message"]) == ("Fine.", "Never mind.")


def test_a_response_says_its_text_and_its_calls_in_one_go_and_may_use_tools_that_nobody_here_has(items):
    call = {"type": "function_call", "call_id": "c", "name": "a", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "1"}]}
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Wait."}]}
    done = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "One."}]}
    [run] = items({"input": [{"role": "user", "content": "p"}, said, call, result], "output": [done], "instructions": "Be brief."})
    assert json.loads(run.journal[0].reply)["message"]["content"] == "Wait."
    assert [one.kind for one in run.journal] == ["model", "tool", "model"]
    [skipped] = items({"input": "p", "output": [{"type": "web_search_call", "id": "w"}, done]})
    assert "a part of type web_search_call" in skipped.reason
    [alone] = items({"object": "response", "output": [done]})
    assert "without its request" in alone.reason
    [more] = items({"input": "p", "output": [done], "previous_response_id": "r"})
    assert "previous_response_id" in more.ignored[0]


def reply(**message: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "message": {"role": "assistant", **message}}]}


@pytest.mark.parametrize(
    ("log", "what"),
    [
        ({"status": "failure", "response": None}, "failed"),
        ({"call_type": "embedding", "response": {}}, "not a chat"),
        ({"response": None}, "without an answer"),
        ({"messages": None, "response": reply(content="x")}, "without its messages"),
        ({"response": reply(tool_calls=[{"id": "1", "function": {"name": "a", "arguments": "{}"}}])}, "asks for tools"),
    ],
)
def test_a_call_in_litellms_log_that_is_no_run_is_skipped_with_the_reason(items, log, what):
    [skipped] = items({"id": "c", "messages": [{"role": "user", "content": "p"}], **log})
    assert isinstance(skipped, Skipped)
    assert what in skipped.reason


@pytest.mark.parametrize(
    "log",
    [
        {"messages": [{"role": "user", "content": "p"}], "choices": [{"message": {"role": "assistant", "content": "12"}}]},
        {"request": {"messages": [{"role": "user", "content": "p"}]}, "response": reply(content="12")},
        {"request": '{"messages": [{"role": "user", "content": "p"}]}', "response": json.dumps(reply(content="12"))},
        {"custom_id": "c", "body": {"messages": [{"role": "user", "content": "p"}]}, "response": {"body": reply(content="12")}},
    ],
    ids=["choices beside messages", "a gateway's pair", "a pair of texts", "a request of a batch joined with its answer"],
)
def test_what_was_asked_and_what_came_back_are_found_where_gateways_and_batches_put_them(items, log):
    [run] = items(log)
    assert (json.loads(run.request.payload)["message"], run.answer) == ("p", "12")


def test_an_empty_function_call_is_none(items):
    [run] = items({"messages": [{"role": "user", "content": "p"}, {"role": "assistant", "content": "12", "function_call": {}}]})
    assert (run.answer, len(run.journal)) == ("12", 1)


def test_a_log_of_calls_gives_the_last_turn_of_each_since_those_before_have_calls_of_their_own(items):
    [run] = items({"messages": chat("one", "1", "two")["messages"], "response": reply(content="2")})
    assert (run.answer, run.label[-6:]) == ("2", "turn 2")
    assert len(json.loads(run.request.payload)["history"]) == 2


def flat(messages: list[dict[str, Any]], prefix: str) -> dict[str, Any]:
    return {f"{prefix}.{number}.message.{key}": value for number, one in enumerate(messages) for key, value in one.items()}


def span(**attributes: Any) -> dict[str, Any]:
    return {"name": "chat", "context": {"trace_id": "0x1", "span_id": "0x2"}, "attributes": {"openinference.span.kind": "LLM"} | attributes}


def test_messages_that_openinference_took_apart_are_put_together_again(items):
    before, after = chat("one", "1", "two")["messages"], [{"role": "assistant", "content": "2"}]
    [run] = items(span(**flat(before, "llm.input_messages"), **flat(after, "llm.output_messages")))
    assert (run.answer, run.label) == ("2", "0x2 turn 2")


def test_a_nested_export_of_phoenix_is_read_alike(items):
    messages = [{"message": one} for one in chat("p")["messages"]]
    llm = {"input_messages": messages, "output_messages": [{"message": {"role": "assistant", "content": "12"}}]}
    exported = {"name": "ChatCompletion", "span_kind": "LLM", "context": {"span_id": "a"}, "attributes": {"llm": llm}}
    assert [one.answer for one in items({"data": [exported, exported], "next_cursor": None})] == ["12", "12"]


@pytest.mark.parametrize("lost", ["llm.input_messages.0", "llm.input_messages.1"])
def test_a_span_whose_tracer_dropped_messages_is_bad_and_says_what_to_raise(items, lost):
    written = span(
        **flat(chat("one", "1", "two")["messages"], "llm.input_messages"),
        **flat([{"role": "assistant", "content": "2"}], "llm.output_messages"),
    )
    written["attributes"] = {name: value for name, value in written["attributes"].items() if not name.startswith(lost)}
    [bad] = items(written)
    assert isinstance(bad, BadLine)
    assert "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT" in bad.reason


def test_earlier_ways_of_the_conventions_for_generative_ai_are_read(items):
    flat_ones = {"gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "p", "gen_ai.completion.0.content": "12"}
    asked = {"name": "gen_ai.user.message", "attributes": {"content": "p"}}
    told = {"name": "gen_ai.choice", "attributes": {"message": '{"role": "assistant", "content": "12"}'}}
    listed = [{"event.name": "gen_ai.user.message", "content": "p"}, {"event.name": "gen_ai.choice", "message": {"content": "12"}}]
    common = {"name": "chat", "span_id": "1"}
    found = items(
        common | {"attributes": flat_ones},
        common | {"attributes": {"gen_ai.system": "openai"}, "events": [asked, told]},
        common | {"attributes": {"gen_ai.system": "openai", "events": json.dumps(listed)}},
    )
    assert [one.answer for one in found] == ["12"] * 3


@pytest.mark.parametrize(
    ("attributes", "what"),
    [
        ({"gen_ai.operation.name": "execute_tool"}, "not a call of a model"),
        ({"gen_ai.operation.name": "chat"}, "whose texts were not recorded"),
        ({"openinference.span.kind": "CHAIN"}, "not a call of a model"),
        ({"openinference.span.kind": "LLM"}, "whose texts were not recorded"),
        ({"http.route": "/"}, "not a call of a model"),
    ],
)
def test_a_span_that_is_no_run_is_skipped_with_the_reason(items, attributes, what):
    [skipped] = items({"name": "x", "span_id": "1", "attributes": attributes})
    assert isinstance(skipped, Skipped)
    assert what in skipped.reason


def test_a_span_of_this_tool_is_named_as_what_it_is(items):
    [skipped] = items({"name": "migration.run", "context": {}, "attributes": {"migration.surface": "chat"}})
    assert "a span of netra-migration itself" in skipped.reason


def test_rows_of_platforms_that_are_no_calls_of_a_model_are_skipped(items):
    found = items(
        {"run_type": "tool", "inputs": {}, "outputs": {}},
        {"run_type": "llm", "inputs": {"messages": []}, "error": "no"},
        {"span_id": "a", "root_span_id": "a", "span_attributes": {"type": "task"}, "input": "x"},
        {"type": "SPAN", "traceId": "t", "input": None},
        {"type": "GENERATION", "traceId": "t", "input": [{"role": "user", "content": "p"}], "output": None},
    )
    assert [type(one) for one in found] == [Skipped] * 5


def test_an_observation_of_langfuse_may_hold_its_messages_as_a_text(items):
    asked = json.dumps({"messages": [{"role": "user", "content": "p"}]})
    exported = {"id": "o", "traceId": "t", "type": "GENERATION", "input": asked, "output": '{"role": "assistant", "content": "12"}'}
    [run] = items({"id": "t", "observations": [exported]})
    assert (run.answer, run.label) == ("12", "o turn 1")


def test_long_texts_of_an_inspect_sample_that_stand_apart_are_put_back(items):
    messages = [
        {"role": "user", "content": "attachment://a"},
        {"role": "assistant", "content": [{"type": "text", "text": "attachment://b"}]},
    ]
    [run] = items({"id": 1, "epoch": 2, "input": "x", "target": "", "messages": messages, "attachments": {"a": "long", "b": "longer"}})
    assert (json.loads(run.request.payload)["message"], run.answer, run.label) == ("long", "longer", "1 epoch 2 turn 1")


def test_a_trajectory_of_swe_agent_is_its_history(items):
    history = [
        {"role": "system", "content": "You fix.", "agent": "main", "message_type": "system_prompt"},
        {"role": "user", "content": [{"type": "text", "text": "Fix it."}], "agent": "main"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "bash", "arguments": '{"command": "ls"}'}}],
        },
        {"role": "tool", "content": "a.py", "tool_call_ids": ["c1"], "message_type": "observation"},
        {"role": "assistant", "content": "Fixed."},
    ]
    [run] = items(json.dumps({"trajectory": [], "history": history, "info": {}, "environment": "repo-1"}, indent=2))
    assert (run.answer, run.label, run.journal[1].reply) == ("Fixed.", "repo-1 turn 1", b'"a.py"')


def test_messages_of_langchain_are_read_as_it_serialises_and_dumps_them(items):
    made = {
        "lc": 1,
        "type": "constructor",
        "id": ["langchain", "schema", "messages", "HumanMessage"],
        "kwargs": {"content": "p", "type": "human"},
    }
    dumped = {"type": "ai", "content": "12", "additional_kwargs": {}, "tool_calls": [], "invalid_tool_calls": []}
    [run] = items([made, dumped])
    assert (json.loads(run.request.payload)["message"], run.answer) == ("p", "12")


def test_a_damaged_archive_is_one_bad_line_and_another_archive_is_named(tmp_path):
    whole = (MADE / "samples" / "inspect-eval.eval").read_bytes()
    (tmp_path / "cut.eval").write_bytes(whole[: len(whole) // 2])
    [bad] = read(tmp_path / "cut.eval")
    assert "damaged" in bad.reason
    at = whole.index(b"samples/sample-338") + 100
    (tmp_path / "broken.eval").write_bytes(whole[:at] + bytes(60) + whole[at + 60 :])
    found = list(read(tmp_path / "broken.eval"))
    assert [type(one) for one in found] == [BadLine, RecordedRun, RecordedRun] or [type(one) for one in found] == [
        RecordedRun,
        RecordedRun,
        BadLine,
    ]
