"""The tokens of a run, as the model reported them."""

from migration.comparison.read.tokens import tokens
from migration.model import Effect, EffectError


def call(reply: bytes | None, kind: str = "model") -> Effect:
    error = None if reply is not None else EffectError(type="TimeoutError", message="")
    return Effect(kind=kind, name="m", lane="", key="k", request=b"{}", reply=reply, error=error, started_s=0.0, duration_s=0.0)


def test_the_tokens_of_all_model_calls_are_added_up():
    reply = b'{"message": {"content": "hi"}, "usage": {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13}}'
    assert tokens([call(reply), call(reply)]) == (20, 6)


def test_what_reports_no_usage_counts_as_none():
    replies = [b'{"message": {}}', b'{"usage": null}', b'{"usage": {"prompt_tokens": "many"}}', b"[1]", b"\xff", b"[" * 5000, None]
    assert tokens([call(reply) for reply in replies]) == (0, 0)


def test_a_tool_whose_answer_looks_like_usage_is_not_a_model():
    assert tokens([call(b'{"usage": {"prompt_tokens": 10, "completion_tokens": 3}}', kind="tool")]) == (0, 0)
