"""Logs of other tools: which records each reader claims, and which of them are not a run."""

import pytest

from migration.recordings import braintrust, inspect_ai, langfuse, langsmith, litellm, swe_agent
from migration.recordings.conversation import NotARunError

ASKED = [{"role": "user", "content": "hello"}]
ANSWERED = {"role": "assistant", "content": "hi"}
RECORDS = {
    braintrust: {"span_id": "s", "root_span_id": "r", "id": "1", "span_attributes": {"type": "llm"}, "input": ASKED, "output": [ANSWERED]},
    inspect_ai: {"messages": [*ASKED, ANSWERED], "target": "x", "input": "hello", "id": 1},
    langfuse: {"type": "GENERATION", "traceId": "t", "id": "1", "input": ASKED, "output": ANSWERED},
    langsmith: {"run_type": "llm", "id": "1", "inputs": {"messages": ASKED}, "outputs": ANSWERED},
    litellm: {"messages": ASKED, "response": {"choices": [{"message": ANSWERED}]}, "id": "1"},
    swe_agent: {"trajectory": [], "history": [*ASKED, ANSWERED], "environment": "1"},
}


@pytest.mark.parametrize("reader", RECORDS, ids=lambda reader: reader.__name__.rpartition(".")[2])
def test_a_reader_claims_its_own_records_and_gives_their_conversation(reader):
    assert [other for other in RECORDS if other.claims(RECORDS[reader]) and other not in {reader, litellm}] == []
    read = reader.conversation(RECORDS[reader])
    assert (list(read.messages), read.name) == ([*ASKED, ANSWERED], "1")


@pytest.mark.parametrize(
    ("reader", "change", "why"),
    [
        (braintrust, {"span_attributes": {"type": "tool"}}, "not a call of a model"),
        (braintrust, {"error": "x"}, "failed"),
        (langfuse, {"type": "SPAN"}, "not a generation"),
        (langfuse, {"level": "ERROR"}, "failed"),
        (langsmith, {"run_type": "chain"}, "not a call of a model"),
        (langsmith, {"error": "x"}, "failed"),
        (litellm, {"status": "failure"}, "failed"),
        (litellm, {"call_type": "embedding"}, "not a chat"),
    ],
)
def test_a_record_of_something_else_or_of_a_failure_is_not_a_run(reader, change, why):
    with pytest.raises(NotARunError, match=why):
        reader.conversation({**RECORDS[reader], **change})


@pytest.mark.parametrize(
    ("reader", "place"),
    [
        (braintrust, {"metadata": {"tools": [1]}}),
        (langfuse, {"modelParameters": {"tools": [1]}}),
        (langsmith, {"extra": {"invocation_params": {"tools": [1]}}}),
        (litellm, {"model_parameters": {"functions": [1]}}),
        (litellm, {"tools": [1]}),
    ],
)
def test_offered_tools_are_found_where_the_tool_writes_them(reader, place):
    assert reader.conversation({**RECORDS[reader], **place}).tools == [1]


@pytest.mark.parametrize("body", [{"body": {"messages": ASKED}}, {"request": '{"messages": [{"role": "user", "content": "hello"}]}'}])
def test_a_request_may_lie_inside_of_a_log_of_a_gateway(body):
    record = {**body, "response": {"body": {"choices": [{"message": ANSWERED}]}}}
    assert litellm.claims(record)
    assert litellm.conversation(record).messages == [*ASKED, ANSWERED]


def test_swe_agents_list_of_answered_calls_is_the_id_of_one():
    read = swe_agent.conversation({"trajectory": [], "history": [{"role": "tool", "tool_call_ids": ["c1"], "content": "9"}]})
    assert read.messages[0]["tool_call_id"] == "c1"


def test_inspects_long_texts_are_put_back_and_failures_of_tools_are_their_content():
    failed = {"role": "tool", "content": "", "error": {"message": "no such file"}}
    unread = {"role": "assistant", "content": "attachment://a", "tool_calls": [{"id": "c1", "parse_error": "x"}]}
    record = {"messages": [failed, unread], "attachments": {"a": "long"}, "id": 1, "epoch": 2}
    read = inspect_ai.conversation(record)
    assert (read.messages[0]["content"], read.messages[1]["content"]) == ("no such file", "long")
    assert (read.messages[1]["tool_calls"][0]["type"], read.name) == ("custom", "1 epoch 2")
    assert list(inspect_ai.samples_of({"eval": {}, "samples": [record]})) == [record]
    assert list(inspect_ai.samples_of({"samples": [record]})) == []
