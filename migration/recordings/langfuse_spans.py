"""Spans as Langfuse's SDK sends them, before Langfuse converts them to observations."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from migration.recordings import langfuse
from migration.recordings.attributes import Attributes
from migration.recordings.conversation import Conversation

NAME: Final = "a span of Langfuse"


def claims(attributes: Attributes) -> bool:
    """Return whether a span is Langfuse's."""
    return isinstance(attributes.get("langfuse.observation.type"), str)


def conversation(attributes: Attributes, _events: Sequence[Mapping[str, Any]], label: object) -> Conversation:
    """Return the conversation of a model call.

    Raises:
        NotARunError: the span is another kind of observation, or failed.
    """
    names = ("type", "input", "output", "level")
    return langfuse.conversation({"id": label} | {name: attributes.get(f"langfuse.observation.{name}") for name in names})
