"""Separates the consequences of an effect that a shadow asked for and could not get from independent differences.

A shadow performs no effect: when the engine asks for something that the served run did not ask for, it gets an error instead of an answer.
After that, its stream does not show how it would have continued. The effect is the difference; its consequences are not reported
separately. The effect alone makes the comparison divergent or accepted; it is never a match.
"""

from collections.abc import Iterable, Sequence

import msgspec

from migration.comparison.describe.findings import Finding
from migration.comparison.read.outline import agent_of
from migration.errors import EffectMissingError
from migration.model import RunRecord
from migration.sentence import Sentence, say

_REFUSED = EffectMissingError.__name__
#: the error of an effect that was unfinished when its run ended: it gets no answer in a replay either
_CUT_OFF = "CancelledError"
_SIDES = ("control", "candidate")
_ONE_SIDED = frozenset({"effect_extra", "effect_missing"})


def first_unanswered(shadow: RunRecord, *, cut_off: bool = False) -> dict[str, tuple[int, float]]:
    """Return, for each agent that got no answer, the index of the effect, and the time of the error in seconds since run start.

    Args:
        shadow: the run that replayed the other one's journal.
        cut_off: whether to include effects to which the served run got no answer because that run had ended.
    """
    asked: dict[str, tuple[int, float]] = {}
    for place, effect in enumerate(shadow.journal):
        if effect.error is not None and (effect.error.type == _REFUSED or (cut_off and effect.error.type == _CUT_OFF)):
            refused_s = effect.started_s + (effect.duration_s if effect.error.type == _REFUSED else 0.0)
            agent = agent_of(effect.lane)
            if agent not in asked or refused_s < asked[agent][1]:
                asked[agent] = place, refused_s
    return asked


def starved(found: Sequence[Finding], served: RunRecord, shadow: RunRecord, side: int) -> bool:
    """Return whether the shadow stopped only because the served run had ended: all its unanswered requests come after that end.

    Args:
        found: the differences between the effects.
        served: the run that may have ended too early.
        shadow: the run that replayed its journal.
        side: the index of the shadow in `Finding.at`.
    """
    if served.outcome == "completed" or not first_unanswered(shadow, cut_off=True):
        return False
    return all(finding.tail for finding in found if _is_asked(finding, side))


def unexplained(found: Sequence[Finding], shadow: RunRecord, side: int) -> list[Sentence]:
    """Return why the comparison is incomplete: agents that asked for unrecorded effects although none of their effects differs.

    These agents got no answer, or a new one if the miss policy permits it. The arguments are those of `without_consequences`.
    """
    answered = {agent_of(effect.lane) for effect in shadow.journal if effect.performed_by_shadow}
    agents = (first_unanswered(shadow).keys() | answered) - _explained(found, side)
    return [
        say("`{agent}` asked for an effect that was not recorded, and no difference shows which one", agent=agent)
        for agent in sorted(agents)
    ]


def without_consequences(found: Sequence[Finding], shadow: RunRecord, side: int) -> list[Finding]:
    """Return the findings without those that an unanswered effect explains.

    Args:
        found: all findings.
        shadow: the run that replayed the other one's journal.
        side: the index of the shadow in `Finding.at`: 0 as control, 1 as candidate.

    Only a finding about an effect explains others. Another tenant's data, and everything before the effect, always stays.
    """
    if not found:
        return []
    starving = any(finding.ended_early == _SIDES[1 - side] for finding in found)
    asked = first_unanswered(shadow, cut_off=starving)
    explained = asked.keys() if starving else asked.keys() & _explained(found, side)
    if not explained:
        return list(found)
    alive = {agent_of(event.lane) for event in shadow.events}
    asked = {agent: asked[agent] for agent in explained}
    kept = [finding for finding in found if not _follows(finding, shadow, side, asked, alive)]
    if starving:
        kept = [finding for finding in kept if not _came_after(finding, shadow, side, asked)]
    if len(kept) == len(found):
        return kept
    return [
        msgspec.structs.replace(finding, stops=True) if agent_of(finding.lane) in asked and _is_asked(finding, side) else finding
        for finding in kept
    ]


def _explained(found: Sequence[Finding], side: int) -> set[str]:
    return {agent_of(finding.lane) for finding in found if _is_asked(finding, side)}


def _is_asked(finding: Finding, side: int) -> bool:
    """Return whether the finding is an effect that only the shadow asked for."""
    if finding.kind == "effect_changed":
        return True
    return finding.kind in _ONE_SIDED and (finding.control, finding.candidate)[side] is not msgspec.UNSET


def _follows(finding: Finding, shadow: RunRecord, side: int, asked: dict[str, tuple[int, float]], alive: Iterable[str]) -> bool:
    # A changed request is not a consequence, even if the shadow's request lacks a field. The end of the served run is not a consequence
    # either.
    if finding.kind in {"isolation_breach", "effect_changed"} or finding.ended_early == _SIDES[1 - side]:
        return False
    agent = agent_of(finding.lane)
    if finding.kind in _ONE_SIDED or (finding.kind == "causal_reorder" and finding.at == (None, None)):
        # Effects that were not requested any more, because the agent had stopped or never started.
        return (finding.control, finding.candidate)[side] is msgspec.UNSET and (agent in asked or agent not in alive)
    if not agent:
        return True  # how the run ended
    index = finding.at[side]
    if index is None:
        return agent in asked or agent not in alive
    return agent in asked and shadow.events[index].at_s >= asked[agent][1]


def _came_after(finding: Finding, shadow: RunRecord, side: int, asked: dict[str, tuple[int, float]]) -> bool:
    """Return whether the effect was requested after another effect of its agent had been refused.

    Parallel effects are requested at the same time.
    """
    agent = agent_of(finding.lane)
    if finding.asked is None or not _is_asked(finding, side) or agent not in asked:
        return False
    (first, refused_s), effect = asked[agent], shadow.journal[finding.asked]
    return finding.asked > first and (effect.started_s > refused_s or effect.kind in {"clock", "id"})
