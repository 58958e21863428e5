"""The position of a surface on its ramp, by its flag: the furthest stage of tenants that no target or rule names, and their share."""

from dataclasses import dataclass
from functools import total_ordering

from migration.flags.meaning import FlagData, quiet_sdk, surface_flag_key
from migration.flags.proofs import bands
from migration.model import Stage
from migration.rollout.ramp_file import Ramp, Step
from migration.stages import STAGE_ORDER

_ALL = 100.0


@total_ordering
@dataclass(frozen=True, slots=True)
class Position:
    """The furthest stage, and the percentage of the tenants that have reached it."""

    stage: Stage
    percent: float

    def __lt__(self, other: "Position") -> bool:
        """Return whether a ramp reaches this position before the other one."""
        return (STAGE_ORDER.index(self.stage), self.percent) < (STAGE_ORDER.index(other.stage), other.percent)

    def __str__(self) -> str:
        """Return the position in words, e.g. "live 10 %"."""
        return f"{self.stage.value} {self.percent:g} %"


START = Position(Stage.OFF, _ALL)


def position_of(data: FlagData, surface: str) -> Position | None:
    """Return where the surface is; None: the flag does not assign tenants by their key, so percentages do not show its tenants' stages."""
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


def target(step: Step) -> Position:
    """Return the position of a surface that has taken the step.

    A cohort is not a share of the tenants, so it does not change the position.
    """
    return Position(step.stage, 0.0 if step.percent is None else step.percent)


def reached(ramp: Ramp, here: Position) -> int:
    """Return the number of the last step that was taken, from 0; -1: none was taken."""
    return max((number for number, step in enumerate(ramp.steps) if not here < target(step)), default=-1)
