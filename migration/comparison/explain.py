"""Which rule touched which field of a run: what a comparison would overlook, spelled out."""

import msgspec

from migration.comparison.canonical import UndecodableError, decode_object
from migration.comparison.compare import prepared
from migration.comparison.paths import text
from migration.comparison.policy import Action, Policy, default_policy
from migration.model import RunRecord


class Touched(msgspec.Struct, frozen=True, kw_only=True):
    """One rule touched one field."""

    rule: str  #: the rule's id
    action: Action
    reason: str
    where: str  #: "event 3 (tool_completed)" or "effect 2 (model)", counted from 1
    lane: str
    path: str


def explain(run: RunRecord, policy: Policy | None = None) -> list[Touched]:
    """Return each touch, events first, in order. Frames that are no JSON are left out: a comparison reports them as undecodable.

    Args:
        run: any recorded run.
        policy: None: the one shipped for the run's surface.

    Raises:
        UnknownSurfaceError: no policy was given and none is shipped for the surface.
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
        except UndecodableError:
            continue
        for touch in prepared(chosen).normaliser.touches(kind, value):
            rule = touch.rule
            found.append(Touched(rule=rule.id, action=rule.action, reason=rule.reason, where=where, lane=lane, path=text(touch.path)))
    return found
