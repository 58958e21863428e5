"""What a recorded reply of a model says about tokens and reasons, in each form in which replies are recorded."""

import msgspec
import pytest

from migration.telemetry import spans
from migration.telemetry.replies import facts_of


def told(reply: object) -> dict[str, object]:
    return facts_of(msgspec.json.encode(reply)).attributes


def test_anthropics_cached_tokens_count_as_tokens_of_the_prompt():
    usage = {"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 7}
    found = told({"message": {"type": "message", "stop_reason": "end_turn"}, "usage": usage})
    assert (found[spans.INPUT_TOKENS], found[spans.CACHE_READ_TOKENS], found[spans.CACHE_WRITE_TOKENS]) == (117, 100, 7)
    assert (found[spans.PROVIDER], found[spans.FINISH_REASONS]) == ("anthropic", ("end_turn",))


def test_usage_of_a_stream_is_in_its_last_pieces():
    pieces = [
        {"choices": [{"finish_reason": None}]},
        {"choices": [{"finish_reason": "stop"}]},
        {"choices": [], "usage": {"prompt_tokens": 3}},
    ]
    found = told({"stream": [[0.25 * number, piece] for number, piece in enumerate(pieces, 1)], "ended": "done"})
    assert (found[spans.STREAM], found[spans.FIRST_CHUNK_S], found[spans.INPUT_TOKENS]) == (True, 0.25, 3)
    assert found[spans.FINISH_REASONS] == ("stop",)


@pytest.mark.parametrize("reply", [{"message": {"refusal": "I cannot"}}, {"finish_reason": "content_filter"}])
def test_a_refusal_is_marked_without_its_text(reply):
    found = facts_of(msgspec.json.encode(reply))
    assert (found.refused, "cannot" in repr(found)) == (True, False)


@pytest.mark.parametrize("reply", [None, b"", b"[1]", b'{"usage": 4711}', b'{"stream":', b"\xff"])
def test_a_reply_of_another_form_says_nothing(reply):
    assert facts_of(reply).attributes == {}
