"""Finds causes: a difference that follows from another one is reported together with it, not separately.

| cause | what follows from it |
|---|---|
| an exception ended the run | everything that this run lacks after it, and the rules of the contract that it therefore breaks |
| an agent ended differently | how the run ended, that agent's further events, and other fields of its last event |
| a run failed | everything that this run lacks after the failure |
| a field changed its type, was added or is missing | the same change of the same field in other events and lanes |
| a value changed | the same change of value in other places |
| only one side has an event or an effect | the same event or effect of other agents |
| a field contains other people's data | other errors of that field |
| an event came too often, too seldom or too late | the rules of the contract that this breaks (`events.py`) |

Each consequence is judged separately first. It is reported with its cause only if the cause's verdict is at least as bad and its severity
at least as high. So a ledger that accepts a cause never accepts its consequences.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Final, get_args

import msgspec

from migration.comparison.describe.findings import Finding
from migration.comparison.describe.fingerprint import fingerprint, value_shapes
from migration.comparison.paths import segments
from migration.comparison.policy import Policy
from migration.comparison.read.canonical import encode
from migration.comparison.read.outline import agent_of
from migration.model import Divergence, Severity, Verdict

MOST: Final = 50
"""A divergence names at most this many consequences."""

_SHORTEST: Final = 4  #: a shorter text is not recognised at another place
_FIELDS: Final = frozenset({"payload", "effect_changed"})
_LACKING: Final = frozenset({"missing_event", "extra_event", "duplicate_event", "effect_missing", "effect_extra", "contract_violation"})
_VERDICTS: Final = tuple(Verdict)
_SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)
_WELL: Final = "completed"


def with_causes(found: Sequence[Finding], policy: Policy) -> list[Finding]:
    """Return the findings, each with the fingerprint of its cause, if it has one.

    No cause is named when an engine is compared with itself: noise is counted by fingerprint and must not depend on other differences.
    """
    if len(found) < 2:  # noqa: PLR2004 - nothing follows from itself
        return list(found)
    causes = _Causes(found, policy)
    return [finding if finding.because else causes.attributed(finding) for finding in found]


class _Causes:
    """The possible causes in one comparison."""

    def __init__(self, found: Sequence[Finding], policy: Policy) -> None:
        self._policy = policy
        self._early = next((finding for finding in found if finding.ended_early), None)
        self._ends = {agent_of(one.lane): one for one in reversed(found) if one.kind == "terminal_state" and one.lane}
        self._changes: dict[Hashable, Finding] = {}
        self._breaches = {(one.lane, one.path): one for one in found if one.kind == "isolation_breach"}
        self._run = next((finding for finding in found if finding.kind == "terminal_state" and not finding.lane), None)

    def attributed(self, finding: Finding) -> Finding:
        """Return the finding with its cause, if it has one."""
        cause = self._cut_off(finding) or self._ended(finding) or self._changed(finding)
        if cause is None or cause is finding:
            return finding
        because = fingerprint(cause, self._policy)
        return finding if because == fingerprint(finding, self._policy) else msgspec.structs.replace(finding, because=because)

    def _cut_off(self, finding: Finding) -> Finding | None:
        early = self._early
        if early is None or not finding.tail or finding.kind not in _LACKING:
            return None
        lacks = "candidate" if finding.candidate is msgspec.UNSET else "control"
        return early if lacks == early.ended_early else None

    def _ended(self, finding: Finding) -> Finding | None:
        if finding.kind == "terminal_state":
            alone = not finding.lane and len(self._ends) == 1
            return next(iter(self._ends.values())) if alone else None
        end = self._ends.get(agent_of(finding.lane))
        if end is None:
            return self._run if self._never_came(finding) else None
        if finding.kind in {"missing_event", "extra_event"} or (finding.kind in _LACKING and finding.tail):
            return end
        return end if finding.kind == "payload" and finding.at == end.at else None

    def _never_came(self, finding: Finding) -> bool:
        """Return whether the event or effect is missing because the run failed before it."""
        if self._run is None or not finding.tail or finding.kind not in _LACKING:
            return False
        lacking, other = (self._run.candidate, self._run.control)
        if finding.candidate is not msgspec.UNSET:
            lacking, other = other, lacking
        return lacking != _WELL and other == _WELL

    def _changed(self, finding: Finding) -> Finding | None:
        key = self._change(finding)
        if finding.kind in _FIELDS and (breach := self._breaches.get((finding.lane, finding.path))):
            return breach
        return None if key is None else self._changes.setdefault(key, finding)

    def _change(self, finding: Finding) -> Hashable:
        """Return a key that two findings share if they are the same change in two places; None: no other place can have this change."""
        if finding.kind in _LACKING:
            return finding.kind, finding.path, finding.detail, finding.mark, finding.control is msgspec.UNSET
        if finding.kind not in _FIELDS or finding.detail:
            return None
        field = segments(finding.path[1:])
        if finding.change != "value":
            return finding.kind, finding.change, field, value_shapes(finding, self._policy)
        values = finding.control, finding.candidate
        telling = all(isinstance(value, str) and len(value) >= _SHORTEST for value in values)
        return finding.kind, () if telling else field[-1:], *(encode(value) for value in values if value is not msgspec.UNSET)


def told_together(rows: Sequence[tuple[Divergence, str]]) -> tuple[Divergence, ...]:
    """Return the divergences, each with what follows from it.

    Args:
        rows: the divergences, each with the fingerprint of its cause; "": it has none.
    """
    if len(rows) < 2:  # noqa: PLR2004 - as above
        return tuple(one for one, _ in rows)
    known = {one.fingerprint: (one, because) for one, because in rows}
    told: dict[str, list[str]] = {}
    for one, _ in rows:
        told.setdefault(_root(one.fingerprint, known), []).append(_clause(one))
    return tuple(
        one if len(told[one.fingerprint]) == 1 else msgspec.structs.replace(one, follows=_follows(one, told[one.fingerprint]))
        for one, _ in rows
        if one.fingerprint in told
    )


def _root(mark: str, known: Mapping[str, tuple[Divergence, str]]) -> str:
    met = {mark}
    while True:
        one, because = known[mark]
        if because not in known or because in met or not _covers(known[because][0], one):
            return mark
        met.add(because)
        mark = because


def _covers(cause: Divergence, one: Divergence) -> bool:
    return (
        one.kind != "isolation_breach"
        and _VERDICTS.index(cause.verdict) >= _VERDICTS.index(one.verdict)
        and _SEVERITIES.index(cause.severity) <= _SEVERITIES.index(one.severity)
    )


def _follows(cause: Divergence, clauses: Iterable[str]) -> tuple[str, ...]:
    others = [clause for clause in clauses if clause != _clause(cause)]
    return tuple(others) if len(others) <= MOST else (*others[: MOST - 1], f"{len(others) - MOST + 1} more")


def _clause(one: Divergence) -> str:
    where = f" of {one.lane}" if one.lane else ""
    return f"{one.kind} {one.path}{where}{f', {one.occurrences} times' if one.occurrences > 1 else ''}"
