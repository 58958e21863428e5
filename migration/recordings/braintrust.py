"""Rows exported from Braintrust's logs: one object for each span, with `span_attributes`, `input` and `output`."""

from collections.abc import Mapping
from typing import Any, Final

from migration.recordings.calls import call
from migration.recordings.conversation import Conversation, NotARunError, field

NAME: Final = "a row of Braintrust's logs"


def claims(record: Mapping[str, Any]) -> bool:
    """Return whether the record is such a row, or was meant to be."""
    return "span_id" in record and "root_span_id" in record and ("span_attributes" in record or "input" in record)


def conversation(record: Mapping[str, Any]) -> Conversation:
    """Return the conversation of a model call.

    Raises:
        NotARunError: the row is of another type, or failed.
    """
    if field(record, "span_attributes", "type") != "llm":
        raise NotARunError("a row of Braintrust that is not a call of a model")
    if record.get("error"):
        raise NotARunError("a call of a model that failed")
    return call(record.get("input"), record.get("output"), label=record.get("id"), tools=field(record, "metadata", "tools"))
