"""The differences between two runs as a whole: how they ended, and how long the engines took."""

import math
from collections.abc import Iterator, Sequence
from itertools import islice
from operator import attrgetter
from typing import Final

import msgspec

from migration.comparison.describe.findings import Finding
from migration.comparison.policy import Change, Policy
from migration.model import Event, Origin, RunRecord, Timing

_WHEN: Final = attrgetter("started_s", "duration_s")


def timing(run: RunRecord) -> Timing:
    """Return where the run spent its time. Overlapping effects count once, and an effect counts only until the run's end."""
    effect_s = reached = 0.0
    for started, took in sorted(map(_WHEN, run.journal)):
        begin = max(reached, started)
        end = started + took
        end = min(end, run.duration_s)
        if end > begin:
            effect_s += end - begin
            reached = end
    return Timing(
        duration_s=run.duration_s,
        effect_s=effect_s,
        first_event_s=run.events[0].at_s if run.events else None,
        longest_gap_s=_longest_gap_s(run.events),
    )


def _longest_gap_s(events: Sequence[Event]) -> float | None:
    if len(events) < 2:  # noqa: PLR2004 - a gap is between two
        return None
    last, longest = events[0].at_s, -math.inf
    for event in islice(events, 1, None):
        at_s = event.at_s
        gap = at_s - last
        if gap > longest:  # noqa: PLR1730 - this takes half the time of `max`
            longest = gap
        last = at_s
    return longest


def ending(control: RunRecord, candidate: RunRecord, policy: Policy, starved: Origin | None = None) -> Iterator[Finding]:
    """Yield the difference between the runs' ends: in the outcome, or else in the exception that ended them.

    Args:
        control: one run.
        candidate: the other one.
        policy: which exceptions turn a request away.
        starved: the run that ended only because it asked for effects after the other run's end, and got no answers; None: both ends count.
    """
    control_error, candidate_error = control.error, candidate.error
    early = None if starved is None else starved.other
    if early is None and (control_error is None) is not (candidate_error is None):
        early = Origin.CONTROL if candidate_error is None else Origin.CANDIDATE
    how = msgspec.UNSET if starved is Origin.CONTROL else outcome(control, policy)
    other = msgspec.UNSET if starved is Origin.CANDIDATE else outcome(candidate, policy)
    if early is not None or how != other:
        yield Finding(
            kind="terminal_state",
            lane="",
            path=("run", "outcome"),
            control=how,
            candidate=other,
            detail="" if early is None else "ended_early",
            rule=_errors(control, candidate, early),
            stops=starved is not None,
        )
        return
    for name in ("type", "message"):
        control_text = msgspec.UNSET if control_error is None else _unicode(getattr(control_error, name))
        candidate_text = msgspec.UNSET if candidate_error is None else _unicode(getattr(candidate_error, name))
        if control_text != candidate_text:
            change: Change = "presence" if msgspec.UNSET in {control_text, candidate_text} else "value"
            yield Finding(kind="error", lane="", path=("run", "error", name), control=control_text, candidate=candidate_text, change=change)
            return
    if (failed := candidate.failover) is not None:
        # Both runs end in the same way. But candidate failed, and what its user saw afterwards came from control.
        yield Finding(
            kind="terminal_state", lane="", path=("run", "outcome"), control=how, candidate=other, detail="failed_over", rule=failed.reason
        )


def outcome(run: RunRecord, policy: Policy) -> str:
    """Return how the run ended: its outcome, or, if an exception refused the request, the policy's word for this exception."""
    if run.error is None:
        return run.outcome
    error = run.error.type
    # An engine may report that it completed, and then raise.
    broken_off = {"completed": "timed_out" if error == TimeoutError.__name__ else "failed"}.get(run.outcome, run.outcome)
    return next((word for word, errors in policy.refusals.items() if error in errors), broken_off)


def _unicode(said: str) -> str:
    """Return the text with bytes that are not Unicode escaped: exceptions contain names of files, which may be any bytes."""
    return said.encode("utf-8", "backslashreplace").decode()


def _errors(control: RunRecord, candidate: RunRecord, early: Origin | None) -> str:
    if early is not None:
        error = (control if early is Origin.CONTROL else candidate).error
        return early.value if error is None else f"{early.value} with {error.type}"
    runs = ((Origin.CONTROL, control), (Origin.CANDIDATE, candidate))
    return " and ".join(f"{side.value} with {run.error.type}" for side, run in runs if run.error is not None)
