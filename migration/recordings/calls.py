"""One model call from a log or trace, with request and reply in any form. It is read as the last turn of a conversation."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from migration.recordings import anthropic, genai_messages, langchain, responses
from migration.recordings.conversation import Conversation, NotARunError, field, prompt

_DECODE_ERRORS: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)


def decoded(value: object) -> object:
    """Return the value of a text that is JSON; return anything else unchanged."""
    if isinstance(value, str) and value[:1] in {"{", "[", '"'}:
        try:
            return msgspec.json.decode(value)
        except _DECODE_ERRORS:
            return value
    return value


def call(asked: object, answered: object, *, label: object = None, tools: object = None) -> Conversation:
    """Return the conversation whose last turn is this model call.

    Args:
        asked: the request, or its messages.
        answered: the reply, its choices, or its message.
        label: the id of the call in the file.
        tools: the offered tools; None: the tools in the request.

    Raises:
        NotARunError: the call is not a chat, or there is no reply.
    """
    request, reply = decoded(asked), decoded(answered)
    messages, system = _asked(request)
    if messages is None:
        known = request is None or isinstance(request, Mapping)
        raise NotARunError("a call of a model without its messages" if known else "a call of a model that is not a chat")
    said = _answered(reply)
    if said is None:
        raise NotARunError("a call of a model without an answer")
    told = tools if tools is not None else _tools(request)
    return Conversation(messages=prompt(system, in_chat_words([*messages, *said])), label=label, tools=told, last_turn_only=True)


def in_chat_words(messages: Sequence[Any]) -> list[Any]:
    """Return messages of any format in the chat format. Formats are recognised message by message, so a list may mix them."""
    if responses.is_list(messages):
        return responses.in_chat_words(messages)
    if any(genai_messages.is_message(one) for one in messages):
        messages = genai_messages.in_chat_words(messages)
    return anthropic.in_chat_words(langchain.in_chat_words(messages))


def _asked(request: object) -> tuple[list[Any] | None, object]:
    """Return the messages of a request, and its system prompt if that is separate."""
    if isinstance(request, str):
        return [{"role": "user", "content": request}], None
    if isinstance(request, list):
        # LangChain can send several conversations at once, but almost always sends one.
        return (_asked(request[0]) if len(request) == 1 and isinstance(request[0], list) else (request, None)) if request else (None, None)
    if not isinstance(request, Mapping):
        return None, None
    for name in ("messages", "input", "contents", "prompt"):
        inside = decoded(request.get(name))
        if isinstance(inside, list | str) and inside:
            messages, _ = _asked(inside)
            return messages, request.get("system", request.get("instructions"))
    return None, None


def _answered(reply: object) -> list[Any] | None:
    """Return the messages of a reply; None if there are none."""
    if isinstance(reply, str):
        return [{"role": "assistant", "content": reply}] if reply else None
    if isinstance(reply, Mapping):
        return _answered_object(reply)
    if not isinstance(reply, list) or not reply:
        return None
    if isinstance(reply[0], list):
        return _answered(reply[0])
    # A list of choices or generations: the conversation continued with the first of them.
    return _answered(reply[0]["message"]) if isinstance(reply[0], Mapping) and "message" in reply[0] else list(reply)


def _answered_object(reply: Mapping[str, Any]) -> list[Any] | None:
    for name in ("choices", "generations", "output", "message"):
        inside = reply.get(name)
        if isinstance(inside, list | Mapping) and inside:
            return _answered(inside)
    if langchain.is_message(reply) or genai_messages.is_message(reply):
        return [reply]
    if any(reply.get(name) for name in ("content", "tool_calls", "function_call", "refusal")):
        return [{**reply, "role": "assistant"}]
    return None


def _tools(request: object) -> object:
    if not isinstance(request, Mapping):
        return None
    return request.get("tools") or field(request, "invocation_params", "tools") or request.get("functions")
