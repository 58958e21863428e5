"""The position of a surface on its ramp, by its flag: the furthest stage of tenants that no target or rule names, and their share. After a
step of a cohort, it is the stage to which the flag pins the cohort's tenants.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import total_ordering

from migration.flags.edits import pins
from migration.flags.meaning import FlagData, FlagEvaluator, Tenant, quiet_sdk, surface_flag_key
from migration.flags.proofs import bands
from migration.model import Stage
from migration.rollout.ramp_file import Ramp, Step
from migration.stages import STAGE_ORDER

_ALL = 100.0


@total_ordering
@dataclass(frozen=True, slots=True)
class Position:
    """The furthest stage, the percentage of the tenants that have reached it, and cohorts that have reached it since that percentage."""

    stage: Stage
    percent: float
    cohorts: tuple[str, ...] = ()  #: in the order of their steps

    def __lt__(self, other: "Position") -> bool:
        """Return whether a ramp reaches this position before the other one."""
        return self._place < other._place

    def __str__(self) -> str:
        """Return the position in words, e.g. "live 10 %", "live pilots" or "live 10 % and pilots"."""
        share = [f"{self.percent:g} %"] if self.percent or not self.cohorts else []
        return f"{self.stage.value} {' and '.join([*share, *self.cohorts])}"

    @property
    def _place(self) -> tuple[int, float, int]:
        return STAGE_ORDER.index(self.stage), self.percent, len(self.cohorts)


START = Position(Stage.OFF, _ALL)


def position_of(data: FlagData, surface: str, ramp: Ramp | None = None) -> Position | None:
    """Return where the surface is; None: the flag does not assign tenants by their key, so percentages do not show its tenants' stages.

    Args:
        data: the flags.
        surface: its name.
        ramp: names the cohorts; None: cohorts do not count.
    """
    share = _share_of(data, surface)
    if share is None or ramp is None:
        return share
    here, stages = share, pinned_stages(data, surface)
    for step in ramp.steps[_last_share(ramp, share) + 1 :]:
        if step.percent is not None or not _has_moved(step, stages):
            break
        here = Position(step.stage, share.percent if step.stage is share.stage else 0.0, (*here.cohorts, step.cohort or ""))
    return here


def pinned_stages(data: FlagData, surface: str) -> dict[str, Stage]:
    """Return the stage of each tenant that the surface's flag names in a target."""
    pinned = pins(data.live(surface_flag_key(surface)))
    if not pinned:
        return {}
    with quiet_sdk(), FlagEvaluator.of(data) as evaluator:
        return {tenant: evaluator.stage(surface, Tenant(tenant_id=tenant)).stage or Stage.OFF for tenant in pinned}


def _last_share(ramp: Ramp, share: Position) -> int:
    """Return the number of the last step with a percentage that is reached; -1: none is."""
    shares = (
        number for number, step in enumerate(ramp.steps) if step.percent is not None and not share < Position(step.stage, step.percent)
    )
    return max(shares, default=-1)


def _has_moved(step: Step, stages: Mapping[str, Stage]) -> bool:
    """Return whether the flag pins the cohort to the step's stage or a later one; tenants that are held back do not count."""
    if any(tenant not in stages for tenant in step.tenants):
        return False
    return any(STAGE_ORDER.index(stages[tenant]) >= STAGE_ORDER.index(step.stage) for tenant in step.tenants)


def _share_of(data: FlagData, surface: str) -> Position | None:
    key = surface_flag_key(surface)
    flag = data.live(key)
    if flag is not None:  # rules and targets are for named tenants, and the ramp is about all others
        data = data.with_flag(key, {**flag, "rules": [], "prerequisites": [], "targets": [], "contextTargets": []})
    with quiet_sdk():
        drawn = bands(data, surface)
    if drawn is None:
        return None
    furthest = max((band.stage for band in drawn), key=STAGE_ORDER.index)
    return Position(furthest, round(sum(band.percent for band in drawn if band.stage is furthest), 3))


def target(ramp: Ramp, number: int) -> Position:
    """Return the position of a surface that has taken the step with this number."""
    step = ramp.steps[number]
    if step.percent is not None:
        return Position(step.stage, step.percent)
    percent, cohorts = 0.0, list[str]()
    for one in ramp.steps[: number + 1]:
        if one.stage is not step.stage or one.cohort is None:
            percent, cohorts = (one.percent or 0.0) if one.stage is step.stage else 0.0, []
        else:
            cohorts.append(one.cohort)
    return Position(step.stage, percent, tuple(cohorts))


def reached(ramp: Ramp, here: Position) -> int:
    """Return the number of the last step that was taken, from 0; -1: none was taken."""
    return max((number for number in range(len(ramp.steps)) if not here < target(ramp, number)), default=-1)
