"""Stage -> Plan, in one table, and the moves between stages."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from migration.errors import UnknownStageError
from migration.model import Origin, Stage

Store = Literal["legacy", "user"]

#: LaunchDarkly lists variations in this order. A context without the tenant kind gets the first one, so it must be `off`.
STAGE_ORDER: tuple[Stage, ...] = tuple(Stage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a stage means for one request. The plan stays the same for the whole run."""

    stage: Stage
    serves: Origin
    shadows: Origin | None  #: None: the other engine does not run
    writes: tuple[Store, ...]  #: run stores to write, the authoritative one first


_BOTH_LEGACY_FIRST: tuple[Store, ...] = ("legacy", "user")
_BOTH_USER_FIRST: tuple[Store, ...] = ("user", "legacy")

PLANS: MappingProxyType[Stage, Plan] = MappingProxyType(
    {
        plan.stage: plan
        for plan in (
            Plan(stage=Stage.OFF, serves=Origin.CONTROL, shadows=None, writes=("legacy",)),
            Plan(stage=Stage.DUALWRITE, serves=Origin.CONTROL, shadows=None, writes=_BOTH_LEGACY_FIRST),
            Plan(stage=Stage.SHADOW, serves=Origin.CONTROL, shadows=Origin.CANDIDATE, writes=_BOTH_LEGACY_FIRST),
            Plan(stage=Stage.LIVE, serves=Origin.CANDIDATE, shadows=Origin.CONTROL, writes=_BOTH_USER_FIRST),
            Plan(stage=Stage.RAMPDOWN, serves=Origin.CANDIDATE, shadows=None, writes=_BOTH_USER_FIRST),
            Plan(stage=Stage.COMPLETE, serves=Origin.CANDIDATE, shadows=None, writes=("user",)),
        )
    }
)


def parse_stage(name: str) -> Stage:
    """Return the stage of that name, in any case.

    Raises:
        UnknownStageError: there is no such stage.
    """
    try:
        return Stage(name.strip().lower())
    except ValueError:
        raise UnknownStageError(name, [stage.value for stage in STAGE_ORDER]) from None


def next_towards(current: Stage, wanted: Stage) -> Stage:
    """Return the stage next to `current` in the direction of `wanted`; `current` itself if they are equal."""
    here, there = STAGE_ORDER.index(current), STAGE_ORDER.index(wanted)
    return STAGE_ORDER[here + (there > here) - (there < here)]
