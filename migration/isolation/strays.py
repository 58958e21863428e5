"""Events that control sent to the wrong users, kept until the runs that lost them are compared."""

from collections import deque
from collections.abc import Iterable
from typing import Final

from migration.model import Event

#: The number of latest strays that are remembered. Runs that mix each other up are close in time, so their jobs come close together.
MOST: Final = 512
_MOST_BYTES: Final = 2**16  #: bytes of one event: a longer one is not kept


class Strays:
    """Events that were found in the streams of other runs. Bounded; it holds what users said, and never leaves this process."""

    def __init__(self) -> None:
        self._kept: deque[tuple[str, Event]] = deque(maxlen=MOST)

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self._kept)

    def add(self, told_by: str, event: Event) -> None:
        """Keep an event of somebody else's stream.

        Args:
            told_by: the text in it that identifies its owner's run: the id of the run or of its thread, or its canary.
            event: as it was sent there.
        """
        if len(event.payload) <= _MOST_BYTES and (told_by, event) not in self._kept:
            self._kept.append((told_by, event))

    def of(self, names: Iterable[str]) -> tuple[Event, ...]:
        """Return the events that belong to the run with one of these names, each once, in the order of arrival."""
        own = frozenset(names)
        return tuple(dict.fromkeys(event for told_by, event in self._kept if told_by in own))
