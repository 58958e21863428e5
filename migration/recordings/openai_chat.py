"""The OpenAI chat format: an object with `messages`, as in files for fine-tuning and dumps of its SDK, or a bare list of messages."""

from collections.abc import Mapping
from typing import Final

from migration.recordings.conversation import Conversation

NAME: Final = "a conversation in the OpenAI chat format"


def claims(record: Mapping[str, object]) -> bool:
    """Return whether the record has this format, or was meant to have it."""
    return isinstance(record.get("messages"), list)


def conversation(record: Mapping[str, object]) -> Conversation:
    """Return the conversation."""
    messages, tools = record["messages"], record.get("tools")
    if tools is None and isinstance(record.get("functions"), list):
        tools = record["functions"]
    return Conversation(messages=messages if isinstance(messages, list) else (), label=record.get("id"), tools=tools)
