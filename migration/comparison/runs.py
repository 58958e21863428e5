"""What differs between two runs as wholes: how they ended, and how long the engines took."""

from collections.abc import Iterator, Sequence

import msgspec

from migration.comparison.findings import Finding
from migration.comparison.policy import Change, LatencyRule
from migration.model import RunRecord, Timing


def timing(run: RunRecord) -> Timing:
    """Return where the run spent its time. Effects that overlap count once; one that outlives the run counts up to its end."""
    effect_s = reached = 0.0
    for started, ended in sorted((effect.started_s, effect.started_s + effect.duration_s) for effect in run.journal):
        begin, end = max(started, reached), min(ended, run.duration_s)
        if end > begin:
            effect_s += end - begin
            reached = end
    return Timing(duration_s=run.duration_s, effect_s=effect_s, first_event_s=run.events[0].at_s if run.events else None)


def ending(control: RunRecord, candidate: RunRecord) -> Iterator[Finding]:
    """Yield how the runs' ends differ: the outcome, or else the exception that ended them."""
    if control.outcome != candidate.outcome:
        yield Finding(
            kind="terminal_state",
            lane="",
            path=("run", "outcome"),
            control=control.outcome,
            candidate=candidate.outcome,
            rule=_errors(control, candidate),
        )
        return
    ours, theirs = control.error, candidate.error
    for name in ("type", "message"):
        a = msgspec.UNSET if ours is None else _unicode(getattr(ours, name))
        b = msgspec.UNSET if theirs is None else _unicode(getattr(theirs, name))
        if a != b:
            change: Change = "presence" if msgspec.UNSET in {a, b} else "value"
            yield Finding(kind="error", lane="", path=("run", "error", name), control=a, candidate=b, change=change)
            return


def _unicode(said: str) -> str:
    """Return the text with what is no Unicode spelled out: exceptions repeat names of files, and those may be any bytes."""
    return said.encode("utf-8", "backslashreplace").decode()


def _errors(control: RunRecord, candidate: RunRecord) -> str:
    named = [f"{side} with {run.error.type}" for side, run in (("control", control), ("candidate", candidate)) if run.error is not None]
    return " and ".join(named)


def latency(control: Timing, candidate: Timing, rules: Sequence[LatencyRule]) -> Iterator[Finding]:
    """Yield where candidate is slower than control by more than a rule allows. A time that one side lacks is no latency."""
    for rule in rules:
        ours, theirs = getattr(control, rule.metric), getattr(candidate, rule.metric)
        if ours is not None and theirs is not None and theirs > ours * rule.ratio and theirs - ours > rule.excess_s:
            yield Finding(
                kind="latency",
                lane="",
                path=("run", rule.metric),
                control=ours,
                candidate=theirs,
                rule=f"candidate takes at most {rule.ratio:g} times as long as control and at most {rule.excess_s:g} s more",
            )
