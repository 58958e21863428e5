"""All supported formats; an object's format is recognised by its fields. The error for a known format without a reader names the format."""

from collections.abc import Iterator, Mapping
from typing import Final, Protocol

from migration.errors import RecordingError
from migration.recordings import (
    anthropic,
    braintrust,
    calls,
    inspect_ai,
    langchain,
    langfuse,
    langsmith,
    litellm,
    mlflow,
    openai_chat,
    responses,
    spans,
    swe_agent,
)
from migration.recordings.conversation import Conversation
from migration.recordings.others import named

Record = Mapping[str, object]


class Format(Protocol):
    """A module that reads one format."""

    @property
    def claims(self) -> "Claims":
        """Tells whether a record is of this format."""
        ...

    @property
    def conversation(self) -> "RecordReader":
        """Reads a record of this format."""
        ...


class Claims(Protocol):
    """Tells whether a record is of a format."""

    def __call__(self, record: Record, /) -> bool:
        """Return whether the record has the format, or was meant to have it."""
        ...


class RecordReader(Protocol):
    """Reads a record of a format."""

    def __call__(self, record: Record, /) -> Conversation:
        """Return the content of the record.

        Raises:
            RecordingError: the record cannot be read.
            NotARunError: the record can be read, but is not a run.
        """
        ...


#: In the order of the checks: formats with distinctive field names come before formats that resemble each other.
FORMATS: Final[tuple[Format, ...]] = (
    spans,
    langsmith,
    braintrust,
    langfuse,
    swe_agent,
    inspect_ai,
    litellm,
    responses,
    anthropic,
    openai_chat,
)

#: Names of lists of records in answers of web APIs and in exports.
_LISTS: Final = ("data", "observations", "runs", "traces", "spans", "items", "rows", "results")


def conversation_of(part: object) -> Conversation:
    """Return a JSON value as a conversation.

    Raises:
        RecordingError: the value has no supported format (the message names a known format), or cannot be read.
        NotARunError: the value is not a run.
    """
    record: object = {"messages": calls.in_chat_words(part)} if isinstance(part, list) and part and is_part(part[0]) else part
    if isinstance(record, Mapping):
        for one in FORMATS:
            if one.claims(record):
                return one.conversation(record)
    raise RecordingError(named(record))


def parts_of(value: object) -> Iterator[object]:
    """Yield the conversations, spans or calls of a document, which may contain many."""
    if not isinstance(value, Mapping) or any(one.claims(value) for one in FORMATS):
        yield value
        return
    found = False
    for inside in (spans.spans_of(value), mlflow.spans_of(value), inspect_ai.samples_of(value), _listed(value)):
        for part in inside:
            found = True
            yield from parts_of(part)
        if found:
            return
    yield value


def _listed(record: Record) -> Iterator[object]:
    for name in _LISTS:
        inside = record.get(name)
        if isinstance(inside, list) and inside and all(isinstance(one, Mapping) for one in inside):
            yield from inside
            return


def is_part(value: object) -> bool:
    """Return whether a value is a part of a conversation. A list of such parts is one document."""
    if not isinstance(value, Mapping):
        return False
    if isinstance(value.get("role"), str):
        return "content" in value or "parts" in value or "tool_calls" in value
    return responses.is_item(value) or langchain.is_message(value)
