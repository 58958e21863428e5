"""Logs of inspect-ai: a document with `samples`, a sample alone, or a file that ends in `.eval`."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from migration.recordings.conversation import Conversation, field

NAME: Final = "a sample of inspect-ai"

_ATTACHED: Final = "attachment://"


def claims(record: Mapping[str, Any]) -> bool:
    """Return whether the record is a sample, or was meant to be."""
    return isinstance(record.get("messages"), list) and "target" in record and "input" in record


def conversation(record: Mapping[str, Any]) -> Conversation:
    """Return the conversation of a sample."""
    attachments = record.get("attachments")
    texts = {f"{_ATTACHED}{name}": text for name, text in attachments.items()} if isinstance(attachments, Mapping) else {}
    label = f"{record.get('id')} epoch {record['epoch']}" if "epoch" in record else record.get("id")
    return Conversation(messages=[_said(_attached(message, texts)) for message in record["messages"]], label=label)


def samples_of(value: object) -> Iterator[object]:
    """Yield the samples of a log; yield nothing if the value is not a log."""
    samples = field(value, "samples") if isinstance(value, Mapping) and "eval" in value else None
    if isinstance(samples, list):
        yield from samples


def _said(message: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return the message. If a tool failed, its error becomes the content; a call that could not be parsed is marked as `custom`."""
    if not isinstance(message, dict):
        return message
    failed = field(message, "error", "message")
    if message.get("role") == "tool" and isinstance(failed, str) and not message.get("content"):
        return {**message, "content": failed}
    calls = message.get("tool_calls")
    if isinstance(calls, list) and any(isinstance(call, Mapping) and call.get("parse_error") for call in calls):
        # The text that the model wrote for the call was not recorded, so the call cannot be reproduced.
        return {**message, "tool_calls": [{**call, "type": "custom"} if isinstance(call, Mapping) else call for call in calls]}
    return message


def _attached(value: Any, texts: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    """Return the value with its long texts, which the log stores in a separate place."""
    if isinstance(value, str):
        return texts.get(value, value) if value.startswith(_ATTACHED) else value
    if isinstance(value, dict):
        return {key: _attached(inside, texts) for key, inside in value.items()}
    return [_attached(inside, texts) for inside in value] if isinstance(value, list) else value
