"""Spans of Langfuse's SDK, as it sends them before they are observations."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from migration.recordings import langfuse
from migration.recordings.attributes import Attributes
from migration.recordings.conversation import Conversation

NAME: Final = "a span of Langfuse"


def claims(attributes: Attributes) -> bool:
    """Tell whether it is one."""
    return isinstance(attributes.get("langfuse.observation.type"), str)


def conversation(attributes: Attributes, _events: Sequence[Mapping[str, Any]], label: object) -> Conversation:
    """Return the call of a model.

    Raises:
        NotARunError: it is another observation, or failed.
    """
    names = ("type", "input", "output", "level")
    return langfuse.conversation({"id": label} | {name: attributes.get(f"langfuse.observation.{name}") for name in names})
