"""OpenTelemetry's conventions for generative AI, current and earlier ones: messages are in attributes, or in the span's events."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from migration.recordings.attributes import Attributes
from migration.recordings.calls import call, decoded
from migration.recordings.conversation import Conversation, NotARunError

NAME: Final = "a span of OpenTelemetry's conventions for generative AI"

_CHATS: Final = ("chat", "generate_content", "text_completion", "completion")
_SAID: Final = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_DETAILS: Final = "gen_ai.client.inference.operation.details"


def claims(attributes: Attributes) -> bool:
    """Return whether a span follows these conventions."""
    return any(name.startswith("gen_ai.") for name in attributes.flat)


def conversation(attributes: Attributes, events: Sequence[Mapping[str, Any]], label: object) -> Conversation:
    """Return the conversation of a model call.

    Raises:
        NotARunError: the span is of another operation, or its texts were not recorded.
        RecordingError: attributes were dropped.
    """
    operation = attributes.get("gen_ai.operation.name")
    if operation is not None and operation not in _CHATS:
        raise NotARunError("a span that is not a call of a model")
    tools = decoded(attributes.get("gen_ai.tool.definitions"))
    for before, after in (_messages(attributes), _of_details(events), _numbered(attributes), _of_events(attributes, events)):
        if before and after:
            return call(before, after, label=label, tools=tools if isinstance(tools, list) else None)
    raise NotARunError("a call of a model whose texts were not recorded; see OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT")


Said = tuple[list[Any], list[Any]]
"""The request and the reply."""


def _messages(attributes: Attributes) -> Said:
    before, after = _list(attributes.get("gen_ai.input.messages")), _list(attributes.get("gen_ai.output.messages"))
    if before and (told := _list(attributes.get("gen_ai.system_instructions"))):
        before = [{"role": "system", "parts": told}, *before]
    return before, after


def _of_details(events: Sequence[Mapping[str, Any]]) -> Said:
    for event in events:
        if event.get("name") == _DETAILS:
            return _messages(Attributes(event.get("attributes") or {}))
    return [], []


def _numbered(attributes: Attributes) -> Said:
    """Return messages of an earlier convention: `gen_ai.prompt.0.content`."""
    before, after = attributes.under("gen_ai.prompt"), attributes.under("gen_ai.completion")
    return [_bare(one) for one in before], [{**_bare(one), "role": "assistant"} for one in after]


def _bare(message: object) -> dict[str, Any]:
    return {**message, "content": decoded(message.get("content"))} if isinstance(message, Mapping) else {}


def _of_events(attributes: Attributes, events: Sequence[Mapping[str, Any]]) -> Said:
    """Return messages of another earlier convention: one event for each message, on the span or in one attribute."""
    before, after = list[Any](), list[Any]()
    listed = _list(attributes.get("events")) or _list(attributes.get("all_messages_events"))
    for event in [*listed, *events]:
        if not isinstance(event, Mapping):
            continue
        inside = Attributes(event["attributes"]).flat if event.get("attributes") else event
        name = event.get("event.name") or event.get("name")
        if name == "gen_ai.choice":
            told = decoded(inside.get("message")) if "message" in inside else inside
            after.append(_event(told, "assistant"))
        elif isinstance(name, str) and name in _SAID:
            before.append(_event(inside, _SAID[name]))
    return before, after


def _event(inside: object, role: str) -> dict[str, Any]:
    if not isinstance(inside, Mapping):
        return {"role": role}
    return {
        "role": inside.get("role") if inside.get("role") in _SAID.values() else role,
        "content": inside.get("content"),
        "tool_calls": decoded(inside.get("tool_calls")),
        "tool_call_id": inside.get("id"),
    }


def _list(value: object) -> list[Any]:
    read = decoded(value)
    return [decoded(one) for one in read] if isinstance(read, list) else []
