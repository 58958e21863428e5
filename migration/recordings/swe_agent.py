"""Trajectories of SWE-agent: an object with `trajectory` and `history`; the history has messages in the chat format."""

from collections.abc import Mapping
from typing import Any, Final

from migration.recordings.conversation import Conversation, field

NAME: Final = "a trajectory of SWE-agent"


def claims(record: Mapping[str, Any]) -> bool:
    """Return whether the record is a trajectory, or was meant to be."""
    return isinstance(record.get("trajectory"), list) and isinstance(record.get("history"), list)


def conversation(record: Mapping[str, Any]) -> Conversation:
    """Return the conversation of the history."""
    label = record.get("environment") or field(record, "info", "instance_id")
    return Conversation(messages=[_said(message) for message in record["history"]], label=label)


def _said(message: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return the message in the chat format; SWE-agent writes the id of the answered call as a list."""
    if not isinstance(message, dict) or message.get("role") != "tool":
        return message
    ids = message.get("tool_call_ids")
    return {**message, "tool_call_id": ids[0]} if isinstance(ids, list) and ids else message
