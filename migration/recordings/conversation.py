"""`Conversation`: what every format of other people is read into, still in that format's words for messages: the chat format's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

#: Characters of a label that are shown.
_LONGEST: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A recorded conversation, its messages as objects in the words of the OpenAI chat format, not yet looked at."""

    messages: Sequence[object]
    label: object = None  #: the file's own id; None: there is none
    tools: object = None  #: on offer, in the words of the chat format; None: the file does not say
    last_turn_only: bool = False  #: it is one call of a model: the turns before its last were answered by calls of their own
    ignored: tuple[str, ...] = ()  #: parts of the recording that are not read

    @property
    def name(self) -> str:
        """The label as it may be shown; "" when there is none."""
        if not isinstance(self.label, str | int) or isinstance(self.label, bool):
            return ""
        return "".join(one if one.isprintable() else "?" for one in str(self.label)[:_LONGEST]).strip()


class NotARunError(Exception):
    """A part of a recording is read and is not a run. The message says why, as in "a span of a tool"."""


def prompt(system: object, messages: Sequence[object]) -> list[object]:
    """Return the messages, after the system prompt when there is one."""
    return [*messages] if system is None or system == "" else [{"role": "system", "content": system}, *messages]


def field(record: Mapping[str, object], *names: str) -> object:
    """Return the value that lies along these keys; None when some object on the way does not have it, or is not one."""
    value: object = record
    for name in names:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value
