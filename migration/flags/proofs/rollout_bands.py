"""Finds the bands of a flag that is a plain percentage rollout, and the place of one tenant on these bands. The SDK evaluates the stage of
each band.
"""

from dataclasses import dataclass
from typing import Final

from migration.flags.edits.targets import kind_of, targets_of
from migration.flags.meaning.contexts import Tenant, context
from migration.flags.meaning.data import TENANT_KIND, FlagData, surface_flag_key
from migration.flags.meaning.evaluation import FlagEvaluator
from migration.flags.proofs.probes import WHOLE, Dealing, cut_points
from migration.model import Stage

_EVERYBODY: Final = Tenant(tenant_id="probe")


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A range of buckets whose tenants, if no target names them, are at one stage."""

    stage: Stage
    percent: float  #: percentage of all buckets


def bands(data: FlagData, surface: str) -> tuple[Band, ...] | None:
    """Return the bands of a surface, lowest buckets first; None: its flag is more complex, so a tenant's stage can only be evaluated."""
    key = surface_flag_key(surface)
    flag = data.live(key)
    with FlagEvaluator.of(data) as evaluator:
        if flag is None or flag.get("on") is not True:
            return (Band(stage=evaluator.held_at(key, context(_EVERYBODY, surface)) or Stage.OFF, percent=100.0),)
        fallthrough = flag.get("fallthrough") or {}
        if (
            flag.get("rules")
            or flag.get("prerequisites")
            or any(kind_of(one) != TENANT_KIND and one.get("values") for one in targets_of(flag))
        ):
            return None
        plain = fallthrough.get("variation") is not None or not fallthrough.get("rollout")
        dealing = Dealing.of(flag, {"contextKind": TENANT_KIND} if plain else fallthrough["rollout"])
        if dealing.kind != TENANT_KIND or dealing.attribute != "key":
            return None
        found: list[Band] = []
        for stretch in dealing.stretches(cut_points(fallthrough)):
            if stretch.probe is None:
                return None
            stage = evaluator.held_at(key, context(stretch.probe, surface)) or Stage.OFF
            if found and found[-1].stage is stage:
                found[-1] = Band(stage=stage, percent=found[-1].percent + stretch.percent)
            else:
                found.append(Band(stage=stage, percent=stretch.percent))
    return tuple(found)


def bucket_of(data: FlagData, surface: str, tenant: Tenant) -> float | None:
    """Return the tenant's bucket in percent, to 0.001, as the SDK computes it for the fallthrough's rollout; None: there is no such
    rollout.
    """
    flag = data.live(surface_flag_key(surface))
    fallthrough = (flag or {}).get("fallthrough") or {}
    if flag is None or not (rollout := fallthrough.get("rollout")) or Dealing.of(flag, rollout).kind != TENANT_KIND:
        return None
    dealing = Dealing.of(flag, rollout)
    low, high = 0, WHOLE
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if dealing.holds(low, middle, tenant) else (middle, high)
    return low * 100 / WHOLE
