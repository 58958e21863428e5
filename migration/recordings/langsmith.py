"""Runs exported from LangSmith: one object for each run, with `run_type`, `inputs` and `outputs`."""

from collections.abc import Mapping
from typing import Any, Final

from migration.recordings.calls import call
from migration.recordings.conversation import Conversation, NotARunError, field

NAME: Final = "a run of LangSmith"


def claims(record: Mapping[str, Any]) -> bool:
    """Return whether the record is such a run, or was meant to be."""
    return isinstance(record.get("run_type"), str) and "inputs" in record


def conversation(record: Mapping[str, Any]) -> Conversation:
    """Return the conversation of a model call.

    Raises:
        NotARunError: the run is of another type, or failed.
    """
    if record["run_type"] not in {"llm", "chat_model"}:
        raise NotARunError("a run of LangSmith that is not a call of a model")
    if record.get("error"):
        raise NotARunError("a call of a model that failed")
    tools = field(record, "inputs", "tools") or field(record, "extra", "invocation_params", "tools")
    return call(record["inputs"], record.get("outputs"), label=record.get("id"), tools=tools)
