"""Converts messages of the chat format, as found in files, to the backend's own form. This is done once, so that the reader and both
engines see the same messages.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from migration.errors import MessageError

Role = Literal["system", "user", "assistant", "tool"]

_ROLES: Final[Mapping[str, Role]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
_TEXTS: Final = ("text", "input_text", "output_text", "summary_text")
#: Types of parts without text for a person.
_SILENT: Final = ("thinking", "redacted_thinking", "reasoning", "reasoning_content")
_MEDIA: Final[Mapping[str, str]] = {
    "image_url": "an image",
    "image": "an image",
    "input_image": "an image",
    "input_audio": "audio",
    "audio": "audio",
    "file": "a file",
    "input_file": "a file",
    "document": "a file",
    "video": "a video",
    "video_url": "a video",
    "input_video": "a video",
}
#: The allowed depth of values for engines. At a few hundred levels the interpreter's stack is exhausted.
_DEEPEST: Final = 200
_LARGEST: Final = 2**64


class Function(msgspec.Struct, frozen=True):
    """The function that a model calls."""

    name: str
    arguments: str  #: as the model wrote them: they may be malformed


class ToolCall(msgspec.Struct, frozen=True, tag_field="type", tag="function"):
    """One tool call in an assistant's message."""

    id: str
    function: Function


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message, in the backend's own form."""

    role: Role
    content: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A message, and the name of a part that the backend's form cannot contain."""

    message: Message
    odd: str | None = None  #: "an image", "audio", "a file", ...; None: the message is complete


_arguments = msgspec.json.Decoder(dict[str, Any])


def normalised(messages: Sequence[object]) -> list[Said]:
    """Return the messages in the backend's own form.

    Absent, null and empty mean the same. Texts in parts are joined. A recorded refusal is the assistant's answer. A legacy function call
    becomes a tool call, and every call has an id.

    Raises:
        MessageError: a message cannot be read.
    """
    said: list[Said] = []
    waiting: list[tuple[str, str]] = []  # id and name of calls without a result
    for index, raw in enumerate(messages):
        if not isinstance(raw, Mapping):
            raise MessageError(index, "is not an object")
        one = _message(index, raw)
        if one.message.role == "tool":
            one = _matched(index, one, waiting)
        waiting += [(call.id, call.function.name) for call in one.message.tool_calls]
        said.append(one)
    return said


def parsed(arguments: str) -> dict[str, Any] | None:
    """Return the arguments of a call as the backend reads them. None: they are not an object, so the backend itself answers the call.

    Raises:
        ValueError: the arguments can be read but not passed on: they are nested too deeply, or a number is out of range.
    """
    try:
        read = _arguments.decode(arguments or "{}")
    except msgspec.DecodeError:
        return None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    check_value(read)
    return read


def check_value(value: object) -> None:
    """Refuse a JSON value that cannot be passed on to engines.

    Raises:
        ValueError: the value is nested too deeply, or a number in it is out of range.
    """
    level = [value]
    for _ in range(_DEEPEST):
        inner: list[object] = []
        for one in level:
            if isinstance(one, dict):
                inner.extend(one.values())
            elif isinstance(one, list):
                inner.extend(one)
            elif isinstance(one, int) and not -_LARGEST < one < _LARGEST:
                raise ValueError("a number in them is out of range")
        if not inner:
            return
        level = inner
    raise ValueError("nested too deeply")


def _message(index: int, raw: Mapping[str, Any]) -> Said:
    role = _ROLES.get(raw["role"]) if isinstance(raw.get("role"), str) else None
    if role is None:
        raise MessageError(index, f"has a role that is not one of {', '.join(_ROLES)}")
    content, odd = text_of(index, raw.get("content"))
    calls: tuple[ToolCall, ...] = ()
    if role == "assistant":
        calls, custom = _calls(index, raw)
        refusal = raw.get("refusal")
        content = content or (refusal if isinstance(refusal, str) else None) or content
        odd = odd or custom or ("audio" if isinstance(raw.get("audio"), Mapping) and not content else None)
    answers, name = raw.get("tool_call_id"), raw.get("name")
    message = Message(
        role=role,
        content=content,
        tool_calls=calls,
        tool_call_id=_id(answers) if role == "tool" else None,
        name=name if isinstance(name, str) and name else None,
    )
    return Said(message=message, odd=odd)


def text_of(index: int, content: object) -> tuple[str | None, str | None]:
    """Return the text of a message's content, and the name of its first part that is not text. Each is None if the content has no such
    part.

    Raises:
        MessageError: the content is neither a text nor a list of parts.
    """
    if content is None or isinstance(content, str):
        return content, None
    parts = [content] if isinstance(content, Mapping) else content
    if not isinstance(parts, list):
        raise MessageError(index, "has a content that is neither text nor a list of parts")
    texts: list[str] = []
    odd: str | None = None
    for part in parts:
        text, strange = _part(index, part)
        texts += [text] if text is not None else []
        odd = odd or strange
    return "".join(texts) if texts or not parts else None, odd


def _part(index: int, part: object) -> tuple[str | None, str | None]:
    if part is None or isinstance(part, str):
        return part, None
    if not isinstance(part, Mapping):
        raise MessageError(index, "has a part that is neither text nor an object")
    kind = part.get("type")
    if kind in _TEXTS or (kind is None and "text" in part):
        text = part.get("text")
        if text is not None and not isinstance(text, str):
            raise MessageError(index, "has a text part without a text")
        return text, None
    if kind == "refusal" and isinstance(part.get("refusal"), str):
        return part["refusal"], None
    if kind in _SILENT:
        return None, None
    if isinstance(kind, str) and kind in _MEDIA:
        return None, _MEDIA[kind]
    named = f" of type {kind}" if isinstance(kind, str) and kind.isidentifier() and len(kind) < 40 else " of an unknown type"  # noqa: PLR2004 - a name, not a text
    return None, f"a part{named}"


def _calls(index: int, raw: Mapping[str, Any]) -> tuple[tuple[ToolCall, ...], str | None]:
    """Return the function calls of an assistant's message, and the name of anything else that it calls; None: it calls only functions."""
    found = raw.get("tool_calls") or []
    if not isinstance(found, list):
        raise MessageError(index, "has tool_calls that are not a list")
    if not found and isinstance(raw.get("function_call"), Mapping) and raw["function_call"]:
        found = [{"function": raw["function_call"]}]
    calls: list[ToolCall] = []
    odd: str | None = None
    for number, call in enumerate(found):
        if not isinstance(call, Mapping):
            raise MessageError(index, f"has a tool call [{number}] that is not an object")
        if call.get("type") == "custom" or ("function" not in call and "name" not in call and call.get("type") not in {None, "function"}):
            odd = "a call of a tool that is not a function"
            # Keep it as a call, because its result refers to it.
            calls.append(_call(index, number, {"id": call.get("id"), "name": _named(call)}))
            continue
        calls.append(_call(index, number, call))
    return tuple(calls), odd


def _named(call: Mapping[str, Any]) -> str:
    custom = call.get("custom")
    name = custom.get("name") if isinstance(custom, Mapping) else call.get("type")
    return name if isinstance(name, str) and name else "custom"


def _id(value: object) -> str | None:
    """Return an id, which may be written as a text or an integer; None: there is none."""
    return (str(value) or None) if isinstance(value, str | int) and not isinstance(value, bool) else None


def _call(index: int, number: int, call: Mapping[str, Any]) -> ToolCall:
    # Tools write {"function": {"name", "arguments"}}, {"function": "name", "arguments"} or {"name", "args"}.
    function = call.get("function")
    inside = function if isinstance(function, Mapping) else call
    name = function if isinstance(function, str) else inside.get("name")
    if not isinstance(name, str) or not name:
        raise MessageError(index, f"has a tool call [{number}] that names no function")
    arguments = inside.get("arguments", inside.get("args"))
    if arguments is None:
        arguments = ""
    elif not isinstance(arguments, str):
        try:
            check_value(arguments)
        except ValueError as error:
            raise MessageError(index, f"has a tool call [{number}] with arguments that cannot be passed on: {error}") from None
        arguments = msgspec.json.encode(arguments).decode()
    return ToolCall(id=_id(call.get("id")) or f"call-{index}-{number}", function=Function(name=name, arguments=arguments))


def _matched(index: int, said: Said, waiting: list[tuple[str, str]]) -> Said:
    """Return a tool's message with the id of the call that it answers: the first call with the message's id or, without an id, its name."""
    message = said.message
    own, name = message.tool_call_id, message.name
    fits = [one for one in waiting if (one[0] == own if own is not None else name is None or one[1] == name)]
    if not fits:
        raise MessageError(index, "answers no tool call before it")
    waiting.remove(fits[0])
    return Said(message=msgspec.structs.replace(message, content=message.content or "", tool_call_id=fits[0][0]), odd=said.odd)
