"""Reading files of recordings and conversations."""

import json

import pytest

from migration.recordings import BadLine, RecordedRun, Skipped, read

CONVERSATION = {
    "id": "c-1",
    "messages": [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "What does my plan cost?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "1", "type": "function", "function": {"name": "price_lookup", "arguments": '{"model": "m"}'}}],
        },
        {"role": "tool", "tool_call_id": "1", "name": "price_lookup", "content": "12"},
        {"role": "assistant", "content": "Twelve."},
        {"role": "user", "content": "And bye."},
    ],
}


def write(path, *lines: object) -> None:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))


def test_each_answered_turn_of_a_conversation_is_a_run_with_its_effects_as_journal(tmp_path):
    write(tmp_path / "file.jsonl", CONVERSATION)
    run, skipped = read(tmp_path / "file.jsonl", surface="chat")
    assert isinstance(run, RecordedRun)
    assert (run.request.thread_id, run.request.surface, run.label) == (run.request.run_id.removesuffix("-turn-1"), "chat", "c-1 turn 1")
    assert [(effect.kind, effect.name) for effect in run.journal] == [
        ("model", "recorded"),
        ("tool", "price_lookup"),
        ("model", "recorded"),
    ]
    assert json.loads(run.journal[1].request) == {"name": "price_lookup", "arguments": {"model": "m"}}
    assert run.journal[1].reply == b'"12"'
    assert skipped == Skipped(line=1, reason="turn 2 is not answered", file=str(tmp_path / "file.jsonl"))


def test_the_payload_holds_the_message_and_what_was_said_before_it(tmp_path):
    write(tmp_path / "file.jsonl", CONVERSATION)
    payload = json.loads(next(read(tmp_path / "file.jsonl")).request.payload)
    assert payload["message"] == "What does my plan cost?"
    assert payload["agent"] == "assistant"
    assert payload["history"] == [{"role": "system", "content": "Be kind."}]
    assert [tool["function"]["name"] for tool in payload["tools"]] == ["price_lookup"]


def test_model_effects_of_a_conversation_have_no_request_and_so_answer_in_sequence(tmp_path):
    write(tmp_path / "file.jsonl", CONVERSATION)
    journal = next(read(tmp_path / "file.jsonl")).journal
    assert [effect.request is None for effect in journal] == [True, False, True]
    assert len({effect.key for effect in journal}) == 3


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ('{"id": "x", "messages": [{"role": "us', "not a JSON object"),
        ("[]", "not a JSON object"),
        ('{"id": "x"}', "OpenAI chat format"),
        ('{"schema": 9}', "reads up to 1"),
        (
            '{"id": "x", "messages": [{"role": "user"}, {"role": "tool", "tool_call_id": "9"}, {"role": "assistant"}]}',
            "answers no tool call",
        ),
    ],
)
def test_a_bad_line_is_named_by_its_number_and_the_rest_goes_on(tmp_path, bad, reason):
    write(tmp_path / "file.jsonl", CONVERSATION, bad, "", CONVERSATION)
    items = list(read(tmp_path / "file.jsonl"))
    (found,) = [item for item in items if isinstance(item, BadLine)]
    assert found.line == 2
    assert reason in found.reason
    assert sum(isinstance(item, RecordedRun) for item in items) == 2
