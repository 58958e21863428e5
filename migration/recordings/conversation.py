"""`Conversation`: the common form to which all other formats are converted, with messages in the chat format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

#: The number of characters of a label that are shown.
_LONGEST: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A recorded conversation. Its messages are objects in the OpenAI chat format and are not checked yet."""

    messages: Sequence[object]
    label: object = None  #: the file's own id; None: there is none
    tools: object = None  #: offered tools, in the chat format; None: the file does not contain them
    last_turn_only: bool = False  #: it is one model call: its earlier turns were answered by separate calls
    ignored: tuple[str, ...] = ()  #: parts of the recording that are ignored

    @property
    def name(self) -> str:
        """The label, shortened for display; "" if there is none."""
        if not isinstance(self.label, str | int) or isinstance(self.label, bool):
            return ""
        return "".join(one if one.isprintable() else "?" for one in str(self.label)[:_LONGEST]).strip()


class NotARunError(Exception):
    """A part of a recording could be read, but is not a run. The message gives the reason, such as "a span of a tool"."""


def prompt(system: object, messages: Sequence[object]) -> list[object]:
    """Return the messages, with the system prompt first if there is one."""
    return [*messages] if system is None or system == "" else [{"role": "system", "content": system}, *messages]


def field(record: Mapping[str, object], *names: str) -> object:
    """Return the value at the path of these keys; None if a key is missing or a value on the path is not an object."""
    value: object = record
    for name in names:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value
