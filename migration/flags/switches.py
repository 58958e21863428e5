"""The flags that hold for all surfaces: kill switch, shadow sampling, candidate failover."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from migration.errors import FlagSourceError
from migration.flags.wire import read_wire

SURFACE_KIND: Final = "surface"
KILL_SWITCH: Final = "execution-engine-kill-switch"
SHADOW_SAMPLING: Final = "shadow-sampling"
CANDIDATE_FAILOVER: Final = "candidate-failover"
_OFF_ON: Final = [False, True]


@dataclass(frozen=True, slots=True, kw_only=True)
class KillSwitch:
    """Whether control serves whatever the stages say. In LaunchDarkly: a boolean flag that targets the context kind `surface`."""

    everywhere: bool = False
    exceptions: frozenset[str] = frozenset()  #: surfaces where it is the other way round

    def holds(self, surface: str) -> bool:
        """Whether it is on for this surface."""
        return self.everywhere != (surface in self.exceptions)

    def turned(self, on: bool, surface: str | None) -> "KillSwitch":
        """Return it turned for one surface; None: for all of them, now and later."""
        if surface is None:
            return KillSwitch(everywhere=on)
        if on == self.everywhere:
            return KillSwitch(everywhere=self.everywhere, exceptions=self.exceptions - {surface})
        return KillSwitch(everywhere=self.everywhere, exceptions=self.exceptions | {surface})

    def render(self, old: Mapping[str, Any]) -> dict[str, Any]:
        """Return the flag as LaunchDarkly's JSON, keeping what `old` says beyond it."""
        targets = (
            [{"contextKind": SURFACE_KIND, "variation": int(not self.everywhere), "values": sorted(self.exceptions)}]
            if self.exceptions
            else []
        )
        return {
            **old,
            "key": KILL_SWITCH,
            "on": True,
            "offVariation": 0,
            "variations": _OFF_ON,
            "contextTargets": targets,
            "fallthrough": {"variation": int(self.everywhere)},
        }


def parse_kill_switch(raw: object) -> KillSwitch:
    """Return the kill switch that this JSON value describes.

    Raises:
        FlagSourceError: it is no boolean flag whose targets are surfaces.
    """
    everywhere = bool(_served(KILL_SWITCH, raw, _OFF_ON))
    exceptions: set[str] = set()
    wire = read_wire(KILL_SWITCH, raw)
    for target in wire.context_targets if wire.on else ():
        if target.context_kind != SURFACE_KIND or target.variation > 1:
            raise FlagSourceError(f"{KILL_SWITCH}: contextTargets must be of kind {SURFACE_KIND} and point at false or true")
        if target.variation != int(everywhere):
            exceptions.update(target.values)
    return KillSwitch(everywhere=everywhere, exceptions=frozenset(exceptions))


def parse_sampling(raw: object) -> float:
    """Return the percentage of shadowed runs.

    Raises:
        FlagSourceError: it is no flag with numbers from 0 to 100.
    """
    percent = _served(SHADOW_SAMPLING, raw, None)
    if isinstance(percent, bool) or not isinstance(percent, int | float) or not 0 <= percent <= 100:  # noqa: PLR2004 - percent
        raise FlagSourceError(f"{SHADOW_SAMPLING}: must be a number from 0 to 100")
    return float(percent)


def render_sampling(percent: float, old: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sampling flag as LaunchDarkly's JSON, keeping what `old` says beyond it."""
    return {**old, "key": SHADOW_SAMPLING, "on": True, "offVariation": 0, "variations": [0, percent], "fallthrough": {"variation": 1}}


def parse_failover(raw: object) -> bool:
    """Return whether control answers when the candidate fails before its first event.

    Raises:
        FlagSourceError: it is no boolean flag.
    """
    return bool(_served(CANDIDATE_FAILOVER, raw, _OFF_ON))


def render_failover(on: bool, old: Mapping[str, Any]) -> dict[str, Any]:
    """Return the failover flag as LaunchDarkly's JSON, keeping what `old` says beyond it."""
    return {**old, "key": CANDIDATE_FAILOVER, "on": True, "offVariation": 0, "variations": _OFF_ON, "fallthrough": {"variation": int(on)}}


def _served(key: str, raw: object, variations: list[bool] | None) -> object:
    """Return the value that the flag serves by default.

    Raises:
        FlagSourceError: it has other variations than wanted (None: any), or points at none.
    """
    wire = read_wire(key, raw)
    if variations is not None and (wire.variations != variations or not all(isinstance(value, bool) for value in wire.variations)):
        raise FlagSourceError(f"{key}: variations must be false, true")
    index = wire.fallthrough.variation if wire.on else wire.off_variation
    if index is None or index >= len(wire.variations):
        raise FlagSourceError(f"{key}: {'fallthrough' if wire.on else 'offVariation'} must point at one of its variations")
    value: object = wire.variations[index]
    return value
