"""How much a comparison takes on. Past a limit it says `inconclusive` and why; it never says `match`."""

from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from migration.model import Origin, RunRecord
from migration.sentence import Sentence, say, word

_PAYLOAD: Final = attrgetter("payload")
_REQUEST: Final = attrgetter("request")

NOTHING_COMPARED: Final = "nothing was compared"
"""How the reason of a comparison ends that hit a limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Caps of one comparison, for each of the two runs."""

    events: int = 20_000
    event_bytes: int = 32 * 2**20  #: bytes of all frames of a run
    effects: int = 20_000
    effect_bytes: int = 64 * 2**20  #: bytes of all requests of a run; replies are not compared
    leaves: int = 100  #: differing fields of one pair that are named one by one; with more, the pair is reported as a whole
    value_bytes: int = 8192  #: bytes of a value in a divergence; a longer one is cut, and marked

    def exceeded(self, side: Origin, run: RunRecord) -> tuple[Sentence, ...]:
        """Return each cap that this run passes, as a clause; () when it passes none."""
        counts = (
            ("events", len(run.events), self.events),
            ("bytes of events", sum(map(len, map(_PAYLOAD, run.events))), self.event_bytes),
            ("effects", len(run.journal), self.effects),
            ("bytes of effect requests", sum(map(len, filter(None, map(_REQUEST, run.journal)))), self.effect_bytes),
        )
        return tuple(
            say(
                "{side} has {count} {what}, and the limit is {cap}: {end}",
                side=word(side.value),
                count=count,
                what=word(what),
                cap=cap,
                end=word(NOTHING_COMPARED),
            )
            for what, count, cap in counts
            if count > cap
        )
