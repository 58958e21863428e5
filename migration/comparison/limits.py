"""How much one comparison may read. Beyond a limit, its verdict is `inconclusive` with a reason, never `match`."""

from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from migration.comparison.read.stream import Stream
from migration.sentence import Sentence, say, word

_REQUEST: Final = attrgetter("request")

NOTHING_COMPARED: Final = "nothing was compared"
"""The last words of the reason for a comparison that hits a limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one comparison, for each of the two runs."""

    events: int = 20_000
    event_bytes: int = 32 * 2**20  #: bytes of all frames of a run
    effects: int = 20_000
    effect_bytes: int = 64 * 2**20  #: bytes of all requests of a run; replies are not compared
    leaves: int = 100  #: if more fields of a pair differ, they are not named one by one, and the pair is reported as a whole
    value_bytes: int = 8192  #: bytes of a value in a divergence; a longer one is cut, and marked

    def exceeded(self, stream: Stream) -> tuple[Sentence, ...]:
        """Return a clause for each limit that the run of this stream exceeds; (): it exceeds none."""
        journal = stream.run.journal
        counts = (
            ("events", len(stream.events), self.events),
            ("bytes of events", sum(map(len, stream.frames.encoded)), self.event_bytes),
            ("effects", len(journal), self.effects),
            ("bytes of effect requests", sum(map(len, filter(None, map(_REQUEST, journal)))), self.effect_bytes),
        )
        return tuple(
            say(
                "{side} has {count} {what}, and the limit is {cap}: {end}",
                side=word(stream.side.value),
                count=count,
                what=word(what),
                cap=cap,
                end=word(NOTHING_COMPARED),
            )
            for what, count, cap in counts
            if count > cap
        )
