"""Finds the outcome of a run from its events. If the engine's adapter reports the outcome (`run_ended`), the events are not used."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from migration.comparison.policy import Ending, Policy, Sign
from migration.model import Event, Outcome, RunRecord

_json: Final = msgspec.json.Decoder()


def outcome_by(endings: Sequence[Ending], events: Sequence[Event]) -> Outcome:
    """Return the outcome of a stream that ended normally, from its last event; "completed" when no ending fits."""
    if not events:
        return "completed"
    last = events[-1]
    return next((one.outcome for one in endings if fits(one.last, last) and _came(one.after, events[:-1], last.lane)), "completed")


def ended(run: RunRecord, policy: Policy) -> RunRecord:
    """Return the run with the outcome from its last event, if it ended normally and no other outcome was reported."""
    if run.outcome != "completed" or not policy.endings:
        return run
    outcome = outcome_by(policy.endings, run.events)
    return run if outcome == "completed" else msgspec.structs.replace(run, outcome=outcome)


def _came(sign: Sign | None, before: Iterable[Event], lane: str) -> bool:
    if sign is None:
        return True
    closest = next((event for event in reversed(tuple(before)) if event.kind == sign.kind and event.lane == lane), None)
    return closest is not None and fits(sign, closest)


def fits(sign: Sign, event: Event) -> bool:
    """Return whether the sign describes this event."""
    if sign.kind != event.kind:
        return False
    if not sign.field:
        return True
    try:
        value: Any = _json.decode(event.payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False  # a frame of another shape does not fit the sign
    for name in sign.field.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return isinstance(value, str) and value == sign.equals
