"""One English sentence for each divergence. It names kinds, lanes, fields and closed words, never a value that a user or a model wrote."""

from collections.abc import Callable
from typing import Final

import msgspec

from migration.comparison.describe.findings import Detail, Finding
from migration.comparison.describe.fingerprint import value_shapes
from migration.comparison.paths import Path
from migration.comparison.paths import text as written
from migration.comparison.policy import Policy
from migration.model import DivergenceKind

#: characters of a name that stand in a sentence; data may use texts of any length as keys
_LONGEST: Final = 120


def sentence(finding: Finding, policy: Policy) -> str:
    """Return what differs, for an engineer who sees it for the first time."""
    return _SENTENCES[finding.kind](finding, *value_shapes(finding, policy))


def _cut(name: str) -> str:
    """Return a name of a lane, a field or a tool as a sentence can hold it: the middle of one that is longer is left out."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST * 2 // 3]}...{name[-_LONGEST // 3 + 3 :]}"


def text(path: Path) -> str:
    """Return the path as people write it, cut."""
    return _cut(written(path))


def _who(finding: Finding) -> str:
    return f"`{_cut(finding.lane)}`" if finding.lane else "the run"


def _side(finding: Finding) -> tuple[str, str]:
    """Return who has it, and who has not."""
    return ("Control", "candidate") if finding.candidate is msgspec.UNSET else ("Candidate", "control")


def _one_sided(finding: Finding, _a: str, _b: str) -> str:
    has, lacks = _side(finding)
    if finding.detail == "whole_lane":
        return f"{has} runs {_who(finding)}; {lacks} sends no event of it at all."
    return f"{has} sends `{_cut(finding.subject)}` for {_who(finding)}; {lacks} does not."


def _duplicate(finding: Finding, _a: str, _b: str) -> str:
    has, lacks = _side(finding)
    return f"{has} sends `{_cut(finding.subject)}` for {_who(finding)} once more than {lacks}, though it already said so."


def _reorder(finding: Finding, _a: str, _b: str) -> str:
    if finding.rule:
        return f"Candidate breaks an order of {_who(finding)} that control keeps: {finding.rule}."
    if finding.at == (None, None):
        return f"{_who(finding)} asks the same of {_effect(finding)} in both runs, but not in the same order.".replace(
            "the run", "The run", 1
        )
    return f"Both send the same `{_cut(finding.subject)}` for {_who(finding)}, but not in the same order within that lane."


_PAYLOAD: dict[Detail, str] = {
    "whole_pair": "differs in so many fields that they are not named one by one",
    "renamed_id": "is an id that elsewhere in the run stands for another one: a reference points somewhere else",
    "moved_item": "stands at another place of its list in candidate than in control",
    "out_of_tolerance": "differs by more than the policy tolerates",
}


def _payload(finding: Finding, a: str, b: str) -> str:
    field = f"`{text(finding.path)}` of {_who(finding)}"
    if finding.detail in _PAYLOAD:
        return f"{field} {_PAYLOAD[finding.detail]}."
    if finding.change == "presence":
        has, lacks = _side(finding)
        return f"{field} is there in {has.lower()} ({a if has == 'Control' else b}) and not in {lacks}."
    if finding.change == "type":
        return f"{field} is {a} in control and {b} in candidate: its type changed."
    return f"{field} is another {a} in candidate than in control." if a == b else f"{field} is {a} in control and {b} in candidate."


def _ended_early(finding: Finding, how: str) -> str:
    side, _, error = finding.rule.partition(" with ")
    other = "control" if side == "candidate" else "candidate"
    told = {"failed": "crashed", "timed_out": "was cut off", "busy": "turned the request away as busy", "refused": "refused the request"}
    if not error:
        return f"{side.capitalize()} {'timed out' if how == 'timed_out' else how} where {other} went on."
    return f"{side.capitalize()} {told.get(how, f'ended {how}')}, with {error}, where {other} went on."


def _terminal(finding: Finding, a: str, b: str) -> str:
    if finding.detail == "ended_early":
        return _ended_early(finding, b if finding.ended_early == "candidate" else a)
    if finding.subject == "run":
        how = f" ({finding.rule})" if finding.rule else ""
        return f"Control ended {a} and candidate ended {b}{how}."
    return f"{_who(finding)} ends differently: `{text(finding.path)}` is {a} in control and {b} in candidate."


def _error(finding: Finding, a: str, b: str) -> str:
    what = "the exception that ended the run" if finding.subject == "run" else f"`{text(finding.path)}` of {_who(finding)}"
    if finding.path[-1] == "message" and a == b:
        return f"The wording of {what} differs."
    return f"{what[0].upper()}{what[1:]} is {a} in control and {b} in candidate."


def _effect(finding: Finding) -> str:
    kind, name = finding.subject, _cut(str(finding.path[1])) if len(finding.path) > 1 else ""
    return {"model": "the model", "clock": "the clock", "tool": f"the tool `{name}`", "id": f"new ids for `{name}`"}.get(kind, kind)


def _effect_changed(finding: Finding, a: str, b: str) -> str:
    where = text(finding.path[2:] if finding.subject in {"tool", "id"} else finding.path[1:]) or "the whole request"
    if finding.detail == "moved_item":
        return f"{_who(finding)} asks {_effect(finding)} for something else: `{where}` stands at another place of its list."
    told = {"presence": f"{a} in control, {b} in candidate", "type": f"{a} in control, {b} in candidate"}.get(
        finding.change, f"another {a}"
    )
    return f"{_who(finding)} asks {_effect(finding)} for something else: `{where}` differs ({told})."


def _effect_one_sided(finding: Finding, _a: str, _b: str) -> str:
    has, lacks = _side(finding)
    if finding.detail == "repeated":
        return (
            f"{has} asks {_effect(finding)} once more with a request that it already made for {_who(finding)}; {lacks} does not repeat it."
        )
    return f"{has} asks {_effect(finding)} for {_who(finding)} where {lacks} does not."


def _breach(finding: Finding, a: str, _b: str) -> str:
    side = "control" if a != "nothing" else "candidate"
    where = side if "nothing" in {a, _b} else "one side"
    return f"`{text(finding.path)}` of {_who(finding)} in {where} names somebody else than the one who asked."


def _lost(finding: Finding, _a: str, _b: str) -> str:
    what = f"All of {_who(finding)}" if finding.detail == "whole_lane" else f"`{text(finding.path)}` of {_who(finding)}"
    return f"{what} is missing in control, and stands in the stream of another run there."


def _violation(finding: Finding, _a: str, _b: str) -> str:
    return f"Candidate breaks the event contract for {_who(finding)}: {finding.rule}."


#: `latency` is told by `latency.py`: it is found in many comparisons, never in one; what control mixed in, by `isolation/report.py`.
_SENTENCES: dict[DivergenceKind, Callable[[Finding, str, str], str]] = {
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
