"""Items of OpenAI's Responses API: an object with `input` and `output`, a response with its request, or a list of items."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from migration.recordings.conversation import Conversation, NotARunError, prompt

NAME: Final = "items of OpenAI's Responses API"

_ITEMS: Final = (
    "message",
    "function_call",
    "function_call_output",
    "reasoning",
    "custom_tool_call",
    "custom_tool_call_output",
    "item_reference",
)


def claims(record: Mapping[str, Any]) -> bool:
    """Return whether the record has this format, or was meant to have it."""
    if record.get("object") == "response" or isinstance(record.get("items"), list):
        return True
    asked, output = record.get("input"), record.get("output")
    return isinstance(asked, str | list) and is_list(output)


def is_item(value: object) -> bool:
    """Return whether a value is an item that only this API has."""
    if not isinstance(value, Mapping) or not isinstance(value.get("type"), str):
        return False
    kind = value["type"]
    return kind in _ITEMS or kind.endswith(("_call", "_call_output"))


def is_list(value: object) -> bool:
    """Return whether a value is a list of items."""
    # Messages of Anthropic's API also have the type "message".
    return isinstance(value, list) and any(is_item(one) and (one["type"] != "message" or _has_own_part(one)) for one in value)


def _has_own_part(message: Mapping[str, Any]) -> bool:
    content = message.get("content")
    return isinstance(content, list) and any(
        isinstance(part, Mapping) and part.get("type") in {"output_text", "input_text"} for part in content
    )


def conversation(record: Mapping[str, Any]) -> Conversation:
    """Return the conversation: the request and the items of the reply.

    Raises:
        NotARunError: the request is missing.
    """
    asked = record.get("items", record.get("input"))
    if asked is None:
        raise NotARunError("a response of OpenAI's Responses API without its request; keep `input` next to it")
    items = [{"role": "user", "content": asked}] if isinstance(asked, str) else list(asked)
    output = record.get("output")
    items += output if isinstance(output, list) else []
    before = record.get("previous_response_id")
    return Conversation(
        messages=prompt(record.get("instructions"), in_chat_words(items)),
        label=record.get("id"),
        tools=record.get("tools"),
        ignored=("the earlier conversation, which previous_response_id names and which is not in the file",) if before else (),
    )


def in_chat_words(items: Sequence[Any]) -> list[Any]:
    """Return items as messages in the chat format. Text and calls that the model sent together become one message."""
    messages: list[Any] = []
    going_on = False  # whether the last message is the model's, so that the next item may continue it
    for item in items:
        if not isinstance(item, Mapping):
            messages.append(item)
            going_on = False
            continue
        kind = item.get("type")
        if kind == "reasoning":
            continue
        if isinstance(kind, str) and kind.endswith("_output"):
            messages.append({"role": "tool", "tool_call_id": item.get("call_id"), "content": item.get("output")})
            going_on = False
            continue
        said = _said(item)
        if said is None:
            messages.append({"role": item.get("role"), "content": item.get("content")})
            going_on = False
        elif going_on:
            messages[-1]["content"] += said["content"]
            messages[-1]["tool_calls"] += said["tool_calls"]
        else:
            messages.append(said)
            going_on = True
    return messages


def _said(item: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return an item of the model as an assistant's message; None if the item is not from the model."""
    kind = item.get("type")
    if kind == "function_call":
        call = {"id": item.get("call_id"), "function": {"name": item.get("name"), "arguments": item.get("arguments")}}
        return {"role": "assistant", "content": [], "tool_calls": [call]}
    if kind == "custom_tool_call":
        return {"role": "assistant", "content": [], "tool_calls": [{"type": "custom"}]}
    if item.get("role") == "assistant":
        content = item.get("content")
        parts = content if isinstance(content, list) else [] if content is None else [content]
        return {"role": "assistant", "content": list(parts), "tool_calls": []}
    if "role" not in item:
        # A built-in tool of the provider: no engine here can call it.
        return {"role": "assistant", "content": [{"type": kind}], "tool_calls": []}
    return None
