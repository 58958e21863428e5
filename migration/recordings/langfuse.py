"""Observations exported from Langfuse: one object for each observation, with `type`, `input` and `output`."""

from collections.abc import Mapping
from typing import Any, Final

from migration.recordings.calls import call, decoded
from migration.recordings.conversation import Conversation, NotARunError, field

NAME: Final = "an observation of Langfuse"


def claims(record: Mapping[str, Any]) -> bool:
    """Return whether the record is an observation, or was meant to be."""
    return isinstance(record.get("type"), str) and "input" in record and ("traceId" in record or "trace_id" in record)


def conversation(record: Mapping[str, Any]) -> Conversation:
    """Return the conversation of a model call.

    Raises:
        NotARunError: the observation is of another type, or failed.
    """
    if record["type"].upper() != "GENERATION":
        raise NotARunError("an observation of Langfuse that is not a generation")
    if record.get("level") == "ERROR":
        raise NotARunError("a call of a model that failed")
    tools = field({"input": decoded(record.get("input"))}, "input", "tools") or field(record, "modelParameters", "tools")
    return call(record.get("input"), record.get("output"), label=record.get("id"), tools=tools if isinstance(tools, list) else None)
