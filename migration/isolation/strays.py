"""Keeps events that control sent to the wrong users until the runs that lack these events are compared."""

from collections import deque
from collections.abc import Iterable
from typing import Final

from migration.model import Event

#: The number of latest strays that are remembered. Runs whose events get mixed up run at about the same time, so their jobs come soon after
#: each other.
MOST: Final = 512
_MOST_BYTES: Final = 2**16  #: a longer event is not kept; in bytes


class Strays:
    """Events that were found in the streams of other runs. The number is bounded.

    The events contain users' texts, so they never leave this process.
    """

    def __init__(self) -> None:
        self._kept: deque[tuple[str, Event]] = deque(maxlen=MOST)

    def __bool__(self) -> bool:
        """Return whether there are any strays."""
        return bool(self._kept)

    def add(self, told_by: str, event: Event) -> None:
        """Keep an event that was found in another run's stream.

        Args:
            told_by: the text in it that identifies its owner's run: the id of the run or of its thread, or its canary.
            event: the event, as it was sent to the other run's user.
        """
        if len(event.payload) <= _MOST_BYTES and (told_by, event) not in self._kept:
            self._kept.append((told_by, event))

    def of(self, names: Iterable[str]) -> tuple[Event, ...]:
        """Return the events that belong to the run with one of these names, each once, in the order of arrival."""
        own = frozenset(names)
        return tuple(dict.fromkeys(event for told_by, event in self._kept if told_by in own))
