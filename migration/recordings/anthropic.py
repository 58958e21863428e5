"""Anthropic's Messages API: a request whose messages include the answers, or whose last answer is in `response`."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from migration.recordings.conversation import Conversation, prompt

NAME: Final = "messages of Anthropic's API"


def claims(record: Mapping[str, Any]) -> bool:
    """Return whether the record has this format, or was meant to have it."""
    messages = record.get("messages")
    return isinstance(messages, list) and ("system" in record or any(is_message(one) for one in messages))


def is_message(value: object) -> bool:
    """Return whether a value is a message that only this API has: with `tool_use` or `tool_result` parts."""
    if not isinstance(value, Mapping) or not isinstance(value.get("content"), list):
        return False
    return any(isinstance(part, Mapping) and part.get("type") in {"tool_use", "tool_result"} for part in value["content"])


def conversation(record: Mapping[str, Any]) -> Conversation:
    """Return the conversation."""
    return Conversation(
        messages=prompt(record.get("system"), in_chat_words(record["messages"])), label=record.get("id"), tools=record.get("tools")
    )


def in_chat_words(messages: Sequence[Any]) -> list[Any]:
    """Return messages in the chat format: each `tool_use` becomes a call, and each result becomes a separate message."""
    return [said for message in messages for said in (_split(message) if is_message(message) else [message])]


def _split(message: Mapping[str, Any]) -> list[Any]:
    uses = [part for part in message["content"] if _is(part, "tool_use")]
    results = [part for part in message["content"] if _is(part, "tool_result")]
    rest = [part for part in message["content"] if part not in uses and part not in results]
    said: list[Any] = [{"role": "tool", "tool_call_id": part.get("tool_use_id"), "content": part.get("content")} for part in results]
    if uses or rest:
        calls = [{"id": part.get("id"), "function": {"name": part.get("name"), "arguments": part.get("input")}} for part in uses]
        said.append({"role": message.get("role"), "content": rest, "tool_calls": calls})
    return said


def _is(part: object, kind: str) -> bool:
    return isinstance(part, Mapping) and part.get("type") == kind
