"""Messages of OpenTelemetry's conventions for generative AI: roles with parts of text, tool calls and their responses."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

_MEDIA: Final = {"blob": "file", "uri": "file", "file": "file"}


def is_message(value: object) -> bool:
    """Return whether a value is such a message."""
    return isinstance(value, Mapping) and isinstance(value.get("parts"), list) and "content" not in value


def in_chat_words(messages: Sequence[Any]) -> list[Any]:
    """Return messages in the chat format: each response of a tool becomes a separate message."""
    return [said for message in messages for said in (_split(message) if is_message(message) else [message])]


def _split(message: Mapping[str, Any]) -> list[Any]:
    results, calls, rest = list[Any](), list[Any](), list[Any]()
    for part in message["parts"]:
        kind = part.get("type") if isinstance(part, Mapping) else None
        if kind == "tool_call_response":
            # The conventions name the field `response`; some tools write `result`, and put the part into a message of the user.
            results.append({"role": "tool", "tool_call_id": part.get("id"), "content": _text(part.get("response", part.get("result")))})
        elif kind == "tool_call":
            calls.append({"id": part.get("id"), "function": {"name": part.get("name"), "arguments": part.get("arguments")}})
        elif kind == "text":
            rest.append({"type": "text", "text": part.get("content")})
        elif kind == "refusal":
            rest.append({"type": "refusal", "refusal": part.get("content", part.get("refusal"))})
        elif kind in _MEDIA:
            rest.append({"type": _media(part)})
        else:
            rest.append(part)
    if rest or calls or not results:
        results.append({"role": message.get("role"), "content": rest, "tool_calls": calls, "name": message.get("name")})
    return results


def _media(part: Mapping[str, Any]) -> str:
    kind = part.get("modality") or str(part.get("mime_type") or "").partition("/")[0]
    return kind if kind in {"image", "audio", "video"} else "file"


def _text(value: object) -> object:
    """Return a tool's answer as the model received it: a text, or JSON."""
    return value if value is None or isinstance(value, str) else msgspec.json.encode(value).decode()
