"""How a run ended of which a file holds the events alone. Of a run that runs, its engine's adapter says it (`effects.run_ended`)."""

from collections.abc import Sequence
from typing import Final

import msgspec

from migration.model import Event, Outcome

_LAST: Final = "agent_completed"
_RESULT: Final = "run_result"  #: of the run as a whole; its status needs no interpretation
_DEATH: Final = "agent_death"


class _Ending(msgspec.Struct, frozen=True):
    status: str = ""
    death_cause: str = ""


class _Frame(msgspec.Struct, frozen=True):
    payload: _Ending = _Ending()


_OUTCOMES: Final[dict[str, Outcome]] = {"failed": "failed", "timed_out": "timed_out"}
_decoder = msgspec.json.Decoder(_Frame)


def outcome_of(events: Sequence[Event]) -> Outcome:
    """Return how a stream that ended by itself ended: as its last event's status says; "completed" when it says nothing."""
    if events and events[-1].kind == _RESULT:
        return _OUTCOMES.get(_ending(events[-1]).status, "completed")
    if not events or events[-1].kind != _LAST or _ending(events[-1]).status != "failed":
        return "completed"
    # Deaths are announced right before the end of their agent's lane.
    deaths = (event for event in reversed(events) if event.kind == _DEATH and event.lane == events[-1].lane)
    death = next(deaths, None)
    return "timed_out" if death is not None and _ending(death).death_cause == "timeout" else "failed"


def _ending(event: Event) -> _Ending:
    try:
        return _decoder.decode(event.payload).payload
    except msgspec.MsgspecError:
        return _Ending()  # a frame of another shape says nothing; comparing its bytes is the comparison's business
