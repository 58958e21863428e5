"""LiteLLM's standard log: one object a call, with `messages` and `response`."""

from collections.abc import Mapping
from typing import Any, Final

from migration.recordings.calls import call
from migration.recordings.conversation import Conversation, NotARunError, field

NAME: Final = "LiteLLM's standard log"

_CHATS: Final = ("completion", "acompletion", "responses", "aresponses", "anthropic_messages", "text_completion", "atext_completion", "")


def claims(record: Mapping[str, Any]) -> bool:
    """Tell whether it is one, or was meant to be: any object with what was asked and what came back."""
    return "messages" in record and "response" in record


def conversation(record: Mapping[str, Any]) -> Conversation:
    """Return the call.

    Raises:
        NotARunError: the call failed, or is not a chat.
    """
    if record.get("status") == "failure":
        raise NotARunError("a call of a model that failed")
    kind = record.get("call_type") or ""
    if kind not in _CHATS:
        raise NotARunError("a call of a model that is not a chat")
    asked = {"messages": record["messages"], "system": record.get("system")}
    tools = record.get("tools") or field(record, "model_parameters", "tools") or field(record, "model_parameters", "functions")
    return call(asked, record["response"], label=record.get("id") or record.get("litellm_call_id"), tools=tools)
