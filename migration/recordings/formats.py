"""Every format that is read, told apart by what an object holds, and what cannot be read named as what it is."""

from collections.abc import Iterator, Mapping
from typing import Final, Protocol

from migration.errors import RecordingError
from migration.recordings import chat
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
    def conversation(self) -> "Reads":
        """Reads a record of it."""
        ...


class Claims(Protocol):
    """Tells whether a record is of a format."""

    def __call__(self, record: Record, /) -> bool:
        """Return whether it is one, or was meant to be."""
        ...


class Reads(Protocol):
    """Reads a record of a format."""

    def __call__(self, record: Record, /) -> Conversation:
        """Return what the record holds.

        Raises:
            RecordingError: it cannot be read.
            NotARunError: it can, and is not a run.
        """
        ...


#: In the order in which they are asked: those that are told by names of their own before those that look alike.
FORMATS: Final[tuple[Format, ...]] = (chat,)


def conversation_of(part: object) -> Conversation:
    """Return the conversation that a JSON value is.

    Raises:
        RecordingError: it is of no format that is read, and named where it is known; or it cannot be read.
        NotARunError: it is no run.
    """
    record: object = {"messages": part} if is_message_list(part) else part
    if isinstance(record, Mapping):
        for one in FORMATS:
            if one.claims(record):
                return one.conversation(record)
    raise RecordingError(named(record))


def parts_of(value: object) -> Iterator[object]:
    """Yield the conversations, spans or calls of a document, which may hold many."""
    yield value


def is_part(value: object) -> bool:
    """Tell whether a value is a part of a conversation: a list of these is one document."""
    return isinstance(value, Mapping) and isinstance(value.get("role"), str) and "content" in value


def is_message_list(value: object) -> bool:
    """Tell whether a value is a bare list of messages."""
    return isinstance(value, list) and bool(value) and is_part(value[0])
