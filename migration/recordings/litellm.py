"""LiteLLM's standard log, with one object for each call (`messages` and `response`), and similar logs of gateways and batches.

The request may be in `request` or `body`, the reply in a `body` of the response, or as `choices` next to the messages.
"""

from collections.abc import Mapping
from typing import Any, Final

from migration.recordings.calls import call, decoded
from migration.recordings.conversation import Conversation, NotARunError, field

NAME: Final = "LiteLLM's standard log"

_CHATS: Final = ("completion", "acompletion", "responses", "aresponses", "anthropic_messages", "text_completion", "atext_completion", "")


def claims(record: Mapping[str, Any]) -> bool:
    """Return whether the record is such a log, or was meant to be one: true for any object with a request and a reply."""
    return _request(record) is not None and ("response" in record or isinstance(record.get("choices"), list))


def conversation(record: Mapping[str, Any]) -> Conversation:
    """Return the conversation of the call.

    Raises:
        NotARunError: the call failed, or is not a chat.
    """
    if record.get("status") == "failure":
        raise NotARunError("a call of a model that failed")
    kind = record.get("call_type") or ""
    if kind not in _CHATS:
        raise NotARunError("a call of a model that is not a chat")
    request = _request(record) or record
    asked = {"messages": request["messages"], "system": request.get("system")}
    tools = (
        request.get("tools")
        or request.get("functions")
        or field(record, "model_parameters", "tools")
        or field(record, "model_parameters", "functions")
    )
    label = record.get("id") or record.get("litellm_call_id") or record.get("custom_id")
    return call(asked, _reply(record), label=label, tools=tools)


def _request(record: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the object that contains the messages; None if there is none."""
    if "messages" in record:
        return record
    inside = (decoded(record.get(name)) for name in ("request", "body"))
    return next((one for one in inside if isinstance(one, Mapping) and "messages" in one), None)


def _reply(record: Mapping[str, Any]) -> object:
    reply = decoded(record["response"]) if "response" in record else {"choices": record["choices"]}
    body = decoded(reply.get("body")) if isinstance(reply, Mapping) else None
    return body if isinstance(body, Mapping) else reply
