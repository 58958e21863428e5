"""`Conversation`: the common form of every other format, with messages in the chat format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

#: Characters of a label that are shown.
_LONGEST: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A recorded conversation, its messages as objects in the OpenAI chat format, not yet checked."""

    messages: Sequence[object]
    label: object = None  #: the file's own id; None: there is none
    tools: object = None  #: offered tools, in the chat format; None: the file does not contain them
    last_turn_only: bool = False  #: it is one call of a model: the turns before its last were answered by separate calls
    ignored: tuple[str, ...] = ()  #: parts of the recording that are not read

    @property
    def name(self) -> str:
        """The label as it may be shown; "" when there is none."""
        if not isinstance(self.label, str | int) or isinstance(self.label, bool):
            return ""
        return "".join(one if one.isprintable() else "?" for one in str(self.label)[:_LONGEST]).strip()


class NotARunError(Exception):
    """A part of a recording can be read and is not a run. The message gives the reason, such as "a span of a tool"."""


def prompt(system: object, messages: Sequence[object]) -> list[object]:
    """Return the messages, after the system prompt when there is one."""
    return [*messages] if system is None or system == "" else [{"role": "system", "content": system}, *messages]


def field(record: Mapping[str, object], *names: str) -> object:
    """Return the value at the end of these keys; None if some object on the way does not have it, or is not an object."""
    value: object = record
    for name in names:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value
