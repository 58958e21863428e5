"""OpenInference: spans of kind LLM, with the raw request and reply (`input.value`, `output.value`) and the messages as attributes."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from migration.recordings.attributes import Attributes
from migration.recordings.calls import call, decoded
from migration.recordings.conversation import Conversation, NotARunError

NAME: Final = "a span of OpenInference"

_KIND: Final = "openinference.span.kind"


def claims(attributes: Attributes) -> bool:
    """Return whether a span is OpenInference's."""
    return attributes.get(_KIND) is not None or attributes.has("llm.input_messages")


def conversation(attributes: Attributes, _events: Sequence[Mapping[str, Any]], label: object) -> Conversation:
    """Return the conversation of a model call.

    Raises:
        NotARunError: the span is of another kind, or its texts are hidden.
        RecordingError: attributes were dropped.
    """
    kind = attributes.get(_KIND)
    if isinstance(kind, str) and kind.upper() != "LLM":
        raise NotARunError("a span that is not a call of a model")
    tools = [decoded(_at(one, "tool", "json_schema")) for one in attributes.under("llm.tools")] or None
    asked, answered = decoded(attributes.get("input.value")), decoded(attributes.get("output.value"))
    if isinstance(asked, Mapping) and isinstance(answered, Mapping):
        # Prefer the raw request and reply, which are complete: the attributes lack a refusal, for example.
        try:
            return call(asked, answered, label=label, tools=tools)
        except NotARunError:
            pass
    before = [_message(one) for one in attributes.under("llm.input_messages")]
    after = [_message(one) for one in attributes.under("llm.output_messages")]
    if not before or not after:
        raise NotARunError("a call of a model whose texts were not recorded")
    return call(_joined(before), _joined(after), label=label, tools=tools)


def _message(written: object) -> dict[str, Any]:
    """Return a message in the chat format."""
    inside = _at(written, "message")
    said: dict[str, Any] = dict(inside) if isinstance(inside, Mapping) else {}
    contents = [_at(one, "message_content") for one in _list(said.pop("contents", None))]
    calls = [_at(one, "tool_call") for one in _list(said.pop("tool_calls", None))]
    if said.get("content") is None and contents:
        # Tool calls are in `contents` and in `tool_calls`: they are taken from the latter.
        said["content"] = [one for one in contents if not (isinstance(one, Mapping) and one.get("type") in {"tool_use", "tool_call"})]
    if (name := said.pop("function_call_name", None)) is not None:
        said["function_call"] = {"name": name, "arguments": said.pop("function_call_arguments_json", None)}
    return {**said, "tool_calls": calls}


def _joined(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the messages, with the messages of one reply combined: the attributes contain a message for each item of a reply."""
    joined: list[dict[str, Any]] = []
    for one in messages:
        before = joined[-1] if joined else {}
        if one.get("role") == before.get("role") == "assistant" and (before["tool_calls"] or not _has_text(before)):
            content = before.get("content") if one.get("content") is None else one["content"]
            joined[-1] = {**before, "content": content, "tool_calls": [*before["tool_calls"], *one["tool_calls"]]}
        else:
            joined.append(one)
    return joined


def _has_text(message: Mapping[str, Any]) -> bool:
    content = message.get("content")
    return bool(content) and (isinstance(content, str) or any(isinstance(part, Mapping) and part.get("text") for part in _list(content)))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _at(value: object, *names: str) -> object:
    for name in names:
        if isinstance(value, Mapping):
            value = value.get(name, value.get(f"{names[0]}.{name}"))
    return value
