"""Spans of traces: which convention each follows, and which of them are calls of a model."""

import pytest

from migration.errors import RecordingError
from migration.recordings import genai, mlflow, openinference
from migration.recordings.attributes import Attributes
from migration.recordings.conversation import NotARunError
from migration.recordings.spans import claims, conversation, spans_of

ASKED = [{"role": "user", "content": "hello"}]
ANSWERED = {"role": "assistant", "content": "hi"}
GENAI = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": ASKED, "gen_ai.output.messages": [ANSWERED]}
NUMBERED = {"gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "hello", "gen_ai.completion.0.content": "hi"}
INFERENCE = {
    "openinference.span.kind": "LLM",
    "llm.input_messages.0.message.role": "user",
    "llm.input_messages.0.message.content": "hello",
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.content": "hi",
}
RAW = {
    "openinference.span.kind": "LLM",
    "input.value": '{"messages": [{"role": "user", "content": "hello"}]}',
    "output.value": '{"choices": [{"message": {"role": "assistant", "content": "hi"}}]}',
}
MLFLOW = {
    "mlflow.spanType": '"CHAT_MODEL"',
    "mlflow.spanInputs": {"messages": ASKED},
    "mlflow.spanOutputs": {"choices": [{"message": ANSWERED}]},
}


def said(read):
    return [(one["role"], one["content"]) for one in read.messages]


@pytest.mark.parametrize("attributes", [GENAI, NUMBERED, INFERENCE, RAW, MLFLOW], ids=["genai", "numbered", "inference", "raw", "mlflow"])
def test_a_call_of_a_model_is_read_in_each_convention(attributes):
    assert said(conversation({"span_id": "1", "attributes": attributes})) == [("user", "hello"), ("assistant", "hi")]


def test_messages_may_be_events_of_the_span():
    events = [
        {"name": "gen_ai.user.message", "attributes": {"content": "hello"}},
        {"name": "gen_ai.choice", "attributes": {"message": '{"role": "assistant", "content": "hi"}'}},
    ]
    read = conversation({"span_id": "1", "attributes": {"gen_ai.operation.name": "chat"}, "events": events})
    assert said(read) == [("user", "hello"), ("assistant", "hi")]


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ({"gen_ai.operation.name": "embeddings"}, "not a call of a model"),
        ({"gen_ai.operation.name": "chat"}, "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"),
        ({"openinference.span.kind": "TOOL"}, "not a call of a model"),
        ({"openinference.span.kind": "LLM"}, "texts were not recorded"),
        ({"mlflow.spanType": "TOOL"}, "not a call of a model"),
        ({"http.method": "GET"}, "not a call of a model"),
    ],
)
def test_a_span_of_something_else_is_not_a_run(attributes, why):
    with pytest.raises(NotARunError, match=why):
        conversation({"span_id": "1", "attributes": attributes})


def test_a_span_of_our_own_says_how_to_get_runs():
    with pytest.raises(NotARunError, match="evidence export"):
        conversation({"span_id": "1", "name": "migration.run", "attributes": {}})


def test_dropped_attributes_are_why_a_span_has_no_texts():
    with pytest.raises(RecordingError, match="dropped 3 attributes"):
        conversation({"span_id": "1", "attributes": {"gen_ai.operation.name": "chat"}, "droppedAttributesCount": 3})


def test_phoenix_keeps_the_kind_of_a_span_next_to_its_attributes():
    with pytest.raises(NotARunError, match="not a call of a model"):
        conversation({"span_id": "1", "span_kind": "TOOL", "attributes": INFERENCE | {"openinference.span.kind": "LLM"}})


@pytest.mark.parametrize(
    ("record", "claimed"), [({"attributes": {}, "spanId": "1"}, True), ({"attributes": {}}, False), ({"span_id": "1"}, False)]
)
def test_a_record_with_attributes_and_an_id_is_a_span(record, claimed):
    assert claims(record) is claimed


@pytest.mark.parametrize(
    "document",
    [
        {"resourceSpans": [{"scopeSpans": [{"spans": [1, 2]}]}]},
        {"resource_spans": [{"scope_spans": [{"spans": [1]}, {"spans": [2]}]}]},
        {"resourceSpans": [{"instrumentationLibrarySpans": [{"spans": [1, 2]}]}]},
    ],
)
def test_the_spans_of_a_document_are_found_resource_by_resource(document):
    assert list(spans_of(document)) == [1, 2]


def test_mlflows_own_document_has_its_spans_below_data():
    assert list(mlflow.spans_of({"info": {}, "data": {"spans": [1]}})) == [1]
    assert list(mlflow.spans_of({"data": {"spans": [1]}})) == []


def test_items_of_one_reply_are_one_message_with_all_calls():
    after = {f"llm.output_messages.{n}.message.role": "assistant" for n in (0, 1)}
    after |= {f"llm.output_messages.{n}.message.tool_calls.0.tool_call.id": f"c{n}" for n in (0, 1)}
    before = {name: value for name, value in INFERENCE.items() if "output" not in name}
    read = openinference.conversation(Attributes(before | after), (), "1")
    assert [one["id"] for one in read.messages[-1]["tool_calls"]] == ["c0", "c1"]


def test_a_convention_is_known_by_the_names_of_its_attributes():
    assert genai.claims(Attributes(GENAI))
    assert openinference.claims(Attributes({"llm.input_messages.0.message.role": "user"}))
    assert not openinference.claims(Attributes(GENAI))
