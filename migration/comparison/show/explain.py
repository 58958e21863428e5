"""Lists which rule touched which field of a run, and therefore what a comparison ignores."""

from collections import Counter

import msgspec

from migration.comparison.compare import prepared
from migration.comparison.paths import shape, text
from migration.comparison.policy import Action, Policy, default_policy
from migration.comparison.read.canonical import UndecodableError, decode_object
from migration.model import RunRecord


class RuleUse(msgspec.Struct, frozen=True, kw_only=True):
    """The effect of one rule over many runs."""

    rule: str
    action: Action
    reason: str
    fields: dict[str, int]  #: "tool_completed: payload.execution_time_ms" -> how often the rule touched it; {}: it touched nothing


class Touched(msgspec.Struct, frozen=True, kw_only=True):
    """One rule touched one field."""

    rule: str  #: the rule's id
    action: Action
    reason: str
    where: str  #: "event 3 (tool_completed)" or "effect 2 (model)", counted from 1
    kind: str  #: kind of event, or "effect:model"
    lane: str
    path: str


def explain(run: RunRecord, policy: Policy | None = None) -> list[Touched]:
    """Return each touch, events first, in order. Unreadable parts are left out: a comparison reports them as undecodable.

    Args:
        run: any recorded run.
        policy: None: the one that the project configures for its surface.

    Raises:
        UnconfiguredSurfaceError: no policy was given and the project has none for the surface.
    """
    chosen = policy or default_policy(run.request.surface)
    encoded = [(f"event {n} ({e.kind})", e.lane, e.kind, e.payload) for n, e in enumerate(run.events, 1)]
    encoded += [
        (f"effect {n} ({e.kind})", e.lane, f"effect:{e.kind}", e.request) for n, e in enumerate(run.journal, 1) if e.request is not None
    ]
    found: list[Touched] = []
    for where, lane, kind, frame in encoded:
        try:
            value = decode_object(frame)
            touches = prepared(chosen).normaliser.touches(kind, value)
        except (UndecodableError, RecursionError):
            continue
        for touch in touches:
            rule = touch.rule
            found.append(
                Touched(rule=rule.id, action=rule.action, reason=rule.reason, where=where, kind=kind, lane=lane, path=text(touch.path))
            )
    return found


class Explanation:
    """The effect of the rules of one surface's policy, over all runs that are added.

    Args:
        policy: the policy.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._fields: dict[str, Counter[str]] = {rule.id: Counter() for rule in policy.rules}

    def add(self, run: RunRecord) -> None:
        """Count what the rules touch in a run."""
        for touched in explain(run, self._policy):
            self._fields[touched.rule][f"{touched.kind}: {shape(touched.path)}"] += 1

    def rules(self) -> list[RuleUse]:
        """Return all rules in the order of the policy, also rules that touched nothing."""
        return [
            RuleUse(rule=rule.id, action=rule.action, reason=rule.reason, fields=dict(sorted(self._fields[rule.id].items())))
            for rule in self._policy.rules
        ]
