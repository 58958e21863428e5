"""One English sentence for each divergence. It quotes kinds, lanes, fields and words of closed vocabularies, but no other values."""

from collections.abc import Callable
from typing import Final

import msgspec

from migration.comparison.describe.findings import Detail, Finding
from migration.comparison.describe.fingerprint import Shapes
from migration.comparison.paths import Path, Value
from migration.comparison.paths import text as written
from migration.model import DivergenceKind
from migration.sentence import Sentence, joined, quoted, say, word

#: characters of a name in a sentence; data may use texts of any length as keys
_LONGEST: Final = 120


def sentence(finding: Finding, shapes: Shapes) -> Sentence:
    """Return what differs, for an engineer who sees it for the first time.

    Args:
        finding: what differs.
        shapes: the shapes of its values.
    """
    control, candidate = shapes
    return _SENTENCES[finding.kind](finding, _shown(control, finding.control), _shown(candidate, finding.candidate))


def _shown(shape: str, value: Value) -> Sentence:
    """Return a value's shape: our word for its type, or the quoted value if it belongs to a closed vocabulary."""
    return quoted(shape) if shape == value else word(shape)


def _cut(name: str) -> str:
    """Return the name of a lane, a field or a tool; the middle of a long one is left out."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST * 2 // 3]}...{name[-_LONGEST // 3 + 3 :]}"


def text(path: Path) -> str:
    """Return the path as readable text, shortened."""
    return _cut(written(path))


def _who(finding: Finding, *, first: bool = False) -> Sentence:
    """Return the lane, or "the run" if there is none; `first`: it begins a sentence."""
    return say("`{lane}`", lane=_cut(finding.lane)) if finding.lane else word("The run" if first else "the run")


def _side(finding: Finding) -> tuple[Sentence, Sentence]:
    """Return the side that has the event or value, and the side that lacks it."""
    has, lacks = ("Control", "candidate") if finding.candidate is msgspec.UNSET else ("Candidate", "control")
    return word(has), word(lacks)


def _one_sided(finding: Finding, _control: Sentence, _candidate: Sentence) -> Sentence:
    has, lacks = _side(finding)
    if finding.detail == "whole_lane":
        return say("{has} sends events for {who}; {lacks} sends none.", has=has, who=_who(finding), lacks=lacks)
    return say("{has} sends `{kind}` for {who}; {lacks} does not.", has=has, kind=_cut(finding.subject), who=_who(finding), lacks=lacks)


def _duplicate(finding: Finding, _control: Sentence, _candidate: Sentence) -> Sentence:
    has, lacks = _side(finding)
    return say(
        "{has} sends a duplicate `{kind}` for {who}; {lacks} does not.", has=has, kind=_cut(finding.subject), who=_who(finding), lacks=lacks
    )


def _reorder(finding: Finding, _control: Sentence, _candidate: Sentence) -> Sentence:
    if finding.rule:
        return say("Candidate breaks a rule of order for {who} that control keeps: {rule}.", who=_who(finding), rule=word(finding.rule))
    if finding.at == (None, None):
        return say(
            "{who} sends the same requests to {effect} in both runs, but in a different order.",
            who=_who(finding, first=True),
            effect=_effect(finding),
        )
    return say(
        "Both send the same `{kind}` for {who}, but in a different order in that lane.", kind=_cut(finding.subject), who=_who(finding)
    )


_PAYLOAD: dict[Detail, str] = {
    "whole_pair": "differs in too many fields to name each of them",
    "renamed_id": "is an id that means something else elsewhere in the run: it refers to another object",
    "moved_item": "is at a different place in its list in candidate than in control",
    "out_of_tolerance": "differs by more than the policy tolerates",
}


def _payload(finding: Finding, control: Sentence, candidate: Sentence) -> Sentence:
    field = say("`{path}` of {who}", path=text(finding.path), who=_who(finding))
    if finding.detail in _PAYLOAD:
        return say("{field} {differs}.", field=field, differs=word(_PAYLOAD[finding.detail]))
    if finding.change == "presence":
        in_control = finding.candidate is msgspec.UNSET
        has, lacks = ("control", "candidate") if in_control else ("candidate", "control")
        value = control if in_control else candidate
        return say("{field} exists in {has} ({value}) and not in {lacks}.", field=field, has=word(has), value=value, lacks=word(lacks))
    if finding.change == "type":
        return say(
            "{field} is {control} in control and {candidate} in candidate: its type changed.",
            field=field,
            control=control,
            candidate=candidate,
        )
    if control == candidate:
        return say("{field} is a different {shape} in candidate than in control.", field=field, shape=control)
    return say("{field} is {control} in control and {candidate} in candidate.", field=field, control=control, candidate=candidate)


_ENDED: dict[str, str] = {
    "failed": "crashed",
    "timed_out": "was cut off",
    "busy": "rejected the request as busy",
    "refused": "refused the request",
}


def _ended_early(finding: Finding, how: Sentence) -> Sentence:
    side, _, error = finding.rule.partition(" with ")
    other = word("control" if side == "candidate" else "candidate")
    if error:
        ended = word(_ENDED[str(how)]) if str(how) in _ENDED else say("ended as {how}", how=how)
        return say("{side} {ended} with {error}; {other} continued.", side=word(side.capitalize()), ended=ended, error=error, other=other)
    plain = {"timed_out": "timed out", "failed": "failed"}.get(str(how))
    return say(
        "{side} {ended}; {other} continued.",
        side=word(side.capitalize()),
        ended=say("ended as {how}", how=how) if plain is None else word(plain),
        other=other,
    )


def _terminal(finding: Finding, control: Sentence, candidate: Sentence) -> Sentence:
    if finding.detail == "ended_early":
        return _ended_early(finding, candidate if finding.ended_early == "candidate" else control)
    if finding.detail == "failed_over":
        return say("Candidate failed ({reason}) and control resumed the run; both end as {control}.", reason=finding.rule, control=control)
    if finding.subject == "run":
        return say(
            "Control ended as {control} and candidate as {candidate}{errors}.",
            control=control,
            candidate=candidate,
            errors=_errors(finding.rule),
        )
    return say(
        "{who} ends differently: `{path}` is {control} in control and {candidate} in candidate.",
        who=_who(finding, first=True),
        path=text(finding.path),
        control=control,
        candidate=candidate,
    )


def _errors(rule: str) -> Sentence:
    """Return "control with ValueError and candidate with KeyError" in brackets, the names of the errors quoted."""
    sides = [one.partition(" with ") for one in rule.split(" and ") if one]
    named = joined((say("{side} with {error}", side=word(side), error=error) for side, _, error in sides), " and ")
    return say(" ({named})", named=named) if sides else word("")


def _error(finding: Finding, control: Sentence, candidate: Sentence) -> Sentence:
    of_run = finding.subject == "run"
    field = say("`{path}` of {who}", path=text(finding.path), who=_who(finding))
    if finding.path[-1] == "message" and control == candidate:
        return say("The text of {what} differs.", what=word("the exception that ended the run") if of_run else field)
    what = word("The exception that ended the run") if of_run else field
    return say("{what} is {control} in control and {candidate} in candidate.", what=what, control=control, candidate=candidate)


def _effect(finding: Finding) -> Sentence:
    kind, name = finding.subject, _cut(str(finding.path[1])) if len(finding.path) > 1 else ""
    if kind == "tool":
        return say("the tool `{name}`", name=name)
    if kind == "id":
        return say("the source of new ids for `{name}`", name=name)
    return word({"model": "the model", "clock": "the clock"}[kind]) if kind in {"model", "clock"} else quoted(kind)


def _effect_changed(finding: Finding, control: Sentence, candidate: Sentence) -> Sentence:
    where = text(finding.path[2:] if finding.subject in {"tool", "id"} else finding.path[1:])
    request = say(
        "{who} sends a different request to {effect}: {where}",
        who=_who(finding, first=True),
        effect=_effect(finding),
        where=say("`{path}`", path=where) if where else word("the whole request"),
    )
    if finding.detail == "moved_item":
        return say("{request} is at a different place in its list.", request=request)
    if finding.change in {"presence", "type"}:
        return say(
            "{request} differs ({control} in control, {candidate} in candidate).", request=request, control=control, candidate=candidate
        )
    return say("{request} differs (a different {shape}).", request=request, shape=control)


def _effect_one_sided(finding: Finding, _control: Sentence, _candidate: Sentence) -> Sentence:
    has, lacks = _side(finding)
    if finding.detail == "repeated":
        return say(
            "{has} repeats a request to {effect} for {who}; {lacks} does not.",
            has=has,
            effect=_effect(finding),
            who=_who(finding),
            lacks=lacks,
        )
    return say(
        "{has} sends a request to {effect} for {who}; {lacks} does not.", has=has, effect=_effect(finding), who=_who(finding), lacks=lacks
    )


def _breach(finding: Finding, _control: Sentence, _candidate: Sentence) -> Sentence:
    sides = [finding.control is not msgspec.UNSET, finding.candidate is not msgspec.UNSET]
    where = {(True, False): "In control", (False, True): "In candidate"}.get((sides[0], sides[1]), "In one of the runs")
    return say(
        "{where}, `{path}` of {who} contains another tenant's or user's id.", where=word(where), path=text(finding.path), who=_who(finding)
    )


def _lost(finding: Finding, _control: Sentence, _candidate: Sentence) -> Sentence:
    who = _who(finding)
    what = say("All of {who}", who=who) if finding.detail == "whole_lane" else say("`{path}` of {who}", path=text(finding.path), who=who)
    return say("{what} is missing in control, and is in the stream of another run there.", what=what)


def _violation(finding: Finding, _control: Sentence, _candidate: Sentence) -> Sentence:
    return say("Candidate breaks the event contract for {who}: {rule}.", who=_who(finding), rule=word(finding.rule))


#: The sentences of `latency` are in `judge/latency.py`, because this kind is found from many comparisons. Those of `control_cross_talk` are
#: in `isolation/report.py`.
_SENTENCES: dict[DivergenceKind, Callable[[Finding, Sentence, Sentence], Sentence]] = {
    "missing_event": _one_sided,
    "extra_event": _one_sided,
    "duplicate_event": _duplicate,
    "causal_reorder": _reorder,
    "payload": _payload,
    "terminal_state": _terminal,
    "error": _error,
    "effect_changed": _effect_changed,
    "effect_missing": _effect_one_sided,
    "effect_extra": _effect_one_sided,
    "isolation_breach": _breach,
    "contract_violation": _violation,
    "control_cross_talk": _lost,
}
