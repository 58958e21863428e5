"""Messages of LangChain, as written by its serialiser or by `model_dump`."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

_ROLES: Final = {
    "human": "user",
    "HumanMessageChunk": "user",
    "ai": "assistant",
    "AIMessageChunk": "assistant",
    "system": "system",
    "tool": "tool",
    "function": "function",
}


def is_message(value: object) -> bool:
    """Return whether a value is such a message."""
    if not isinstance(value, Mapping):
        return False
    if value.get("lc") is not None and isinstance(value.get("kwargs"), Mapping):
        return True
    return "role" not in value and isinstance(value.get("type"), str) and value["type"] in _ROLES and "content" in value


def in_chat_words(messages: Sequence[Any]) -> list[Any]:
    """Return messages in the chat format."""
    return [_said(message) if is_message(message) else message for message in messages]


def _said(message: Mapping[str, Any]) -> dict[str, Any]:
    inside: Mapping[str, Any] = message["kwargs"] if message.get("lc") is not None else message
    more = inside.get("additional_kwargs")
    extra: Mapping[str, Any] = more if isinstance(more, Mapping) else {}
    calls = [*_list(inside.get("tool_calls")), *_list(inside.get("invalid_tool_calls"))] or extra.get("tool_calls")
    kind = inside.get("type")
    return {
        "role": inside.get("role") or (_ROLES.get(kind) if isinstance(kind, str) else None),
        "content": inside.get("content"),
        "tool_calls": calls,
        "function_call": extra.get("function_call"),
        "refusal": extra.get("refusal"),
        "tool_call_id": inside.get("tool_call_id"),
        "name": inside.get("name"),
    }


def _list(value: object) -> list[Any]:
    # LangChain tags each call {"type": "tool_call"}, which is not a type of the chat format.
    return [{**one, "type": "function"} if isinstance(one, Mapping) else one for one in value] if isinstance(value, list) else []
