"""The edits of a surface's flag, as pure functions on one flag's JSON. Only `meaning/evaluation.py` interprets a flag.

Each function gets a flag as LaunchDarkly has it (None: it does not exist yet, or is marked `deleted`). It returns the changed flag with the
next version, or the same object if nothing changes. Members outside the edit, above all salt and seed, stay unchanged.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from migration.errors import ConfigurationError
from migration.flags.edits.targets import Flag, named_by, raised, retargeted, revived, untargeted
from migration.flags.meaning.data import TENANT_KIND, surface_flag_key
from migration.model import Stage
from migration.stages import STAGE_ORDER

WHOLE: Final = 100_000  #: the sum of the weights of a rollout at LaunchDarkly
_PERCENT: Final = WHOLE // 100
_OFF: Final = {"rollout": {"contextKind": TENANT_KIND, "variations": [{"variation": 0, "weight": WHOLE}]}}


def new_surface_flag(surface: str) -> dict[str, Any]:
    """Return the flag of a surface whose migration has not begun: all tenants at `off`.

    Its version is 0, because it is not stored anywhere yet.
    """
    return {
        "key": surface_flag_key(surface),
        "version": 0,
        "on": True,
        "variations": [stage.value for stage in STAGE_ORDER],
        "offVariation": 0,
        "salt": "netra",
        "migration": {"checkRatio": 1},
        "contextTargets": [],
        "fallthrough": _OFF,
    }


def share(
    flag: Flag | None, surface: str, stage: Stage, percent: float = 100.0, rest: Stage | None = None, *, freed: Collection[str] = ()
) -> Flag:
    """Return the flag with the upper `percent` of the buckets at `stage`.

    Args:
        flag: the current flag.
        surface: the flag's surface.
        stage: the stage of the percentage.
        percent: 0 to 100, in steps of 0.001.
        rest: earliest stage that the other tenants get; their latest stage is the one before `stage`. Tenants between these two stages do
            not move. None: all other tenants move to the stage before `stage`.
        freed: tenants that lose their pins.

    Raises:
        ConfigurationError: the percentage is not possible, the flag has no variation for a stage, or `rest` is not before `stage`.
    """
    old = revived(flag, new_surface_flag(surface))
    stages = _stages(old)
    weight = _weight(percent)
    _check_listed(old, stage, stages)
    weights = dict.fromkeys(stages, 0)
    weights[stage] = weight
    if weight < WHOLE:
        lowest, highest = _room(old, stage, rest, stages, percent)
        for at, part in _below(_shares(old), WHOLE - weight):
            held = min(max(at, lowest, key=STAGE_ORDER.index), highest, key=STAGE_ORDER.index)
            weights[held if held in weights else lowest] += part
    new = {**old, "on": True, "fallthrough": _fallthrough(old, weights, stages)}
    if not pins(old).isdisjoint(freed):
        new["contextTargets"] = untargeted(old, TENANT_KIND, set(freed))
    return raised(flag, new)


def pin(flag: Flag | None, surface: str, tenant_id: str, stage: Stage) -> Flag:
    """Return the flag with the tenant pinned to `stage`, whatever its bucket is. Raises ConfigurationError as `pin_each` does."""
    return pin_each(flag, surface, [tenant_id], stage)


def pin_each(flag: Flag | None, surface: str, tenants: Sequence[str], stage: Stage) -> Flag:
    """Return the flag with these tenants pinned to `stage`, whatever their buckets are.

    Raises:
        ConfigurationError: the flag has no variation for the stage, or the flag is off, and switching it on would move all tenants.
    """
    old = revived(flag, new_surface_flag(surface))
    stages = _stages(old)
    _check_listed(old, stage, stages)
    if old.get("on") is not True:
        raise ConfigurationError(
            f"{old['key']} is switched off (`on` is false), so all tenants are at `off` and a pin has no effect; `stage set {surface} "
            "off --all` switches it on first"
        )
    targets = retargeted(old, TENANT_KIND, tenants, stages[stage])
    return raised(flag, {**old, "contextTargets": targets})


def unpin(flag: Flag | None, surface: str, tenant_id: str) -> Flag:
    """Return the flag with the tenant unpinned, so that rules and its bucket apply.

    Raises:
        ConfigurationError: the tenant is not pinned.
    """
    pinned = pins(flag)
    if flag is None or tenant_id not in pinned:
        raise ConfigurationError(f"{surface}: tenant {tenant_id!r} is not pinned; pinned are: {', '.join(sorted(pinned)) or 'none'}")
    return raised(flag, {**flag, "contextTargets": untargeted(flag, TENANT_KIND, {tenant_id})})


def pins(flag: Flag | None) -> frozenset[str]:
    """Return the tenants that the flag's targets name, at any stage."""
    return frozenset() if flag is None else frozenset(named_by(flag, TENANT_KIND))


def _weight(percent: float) -> int:
    weight = round(percent * _PERCENT) if 0 <= percent <= 100 else -1  # noqa: PLR2004 - a percentage; NaN is refused too
    if weight < 0 or abs(weight - percent * _PERCENT) > 1e-6:  # noqa: PLR2004 - far below one weight
        raise ConfigurationError(f"{percent:g} % is not possible; give 0 to 100 with at most three decimals")
    return weight


def _stages(flag: Flag) -> dict[Stage, int]:
    """Return the index of each stage among the flag's variations, in stage order."""
    variations = flag.get("variations") or []
    return {stage: variations.index(stage.value) for stage in STAGE_ORDER if stage.value in variations}


def _check_listed(flag: Flag, stage: Stage, stages: Mapping[Stage, int]) -> None:
    if stage not in stages:
        raise ConfigurationError(
            f"{flag['key']} has no variation `{stage.value}`; it has: "
            f"{', '.join(str(value) for value in flag.get('variations') or [])}; add the missing one at the flag's source"
        )


def _room(flag: Flag, stage: Stage, rest: Stage | None, stages: Mapping[Stage, int], percent: float) -> tuple[Stage, Stage]:
    """Return the earliest and the latest stage of the tenants outside the percentage."""
    earlier = [one for one in stages if STAGE_ORDER.index(one) < STAGE_ORDER.index(stage)]
    if not earlier:
        raise ConfigurationError(f"`{stage.value}` has no stage before it for the other {100 - percent:g} %; use --all")
    if rest is None:
        return earlier[-1], earlier[-1]
    if rest not in earlier:
        _check_listed(flag, rest, stages)
        raise ConfigurationError(f"--rest {rest.value} is not before `{stage.value}`; give one of: {', '.join(earlier)}")
    return rest, earlier[-1]


def _shares(flag: Flag) -> list[tuple[Stage, int]]:
    """Return the stages in the order of the buckets as the fallthrough lists them; their weights sum to 100,000."""
    variations: Sequence[Any] = flag.get("variations") or []
    fallthrough = flag.get("fallthrough") or {}
    if flag.get("on") is not True:
        return [(_stage_at(variations, flag.get("offVariation")), WHOLE)]
    if fallthrough.get("variation") is not None:
        return [(_stage_at(variations, fallthrough["variation"]), WHOLE)]
    shares: list[tuple[Stage, int]] = []
    left = WHOLE
    for listed in (fallthrough.get("rollout") or {}).get("variations") or []:
        part = max(0, min(listed.get("weight") or 0, left))
        shares.append((_stage_at(variations, listed.get("variation")), part))
        left -= part
    last = shares[-1][0] if shares else Stage.OFF
    return [*shares, (last, left)]


def _below(shares: Iterable[tuple[Stage, int]], weight: int) -> list[tuple[Stage, int]]:
    """Return the part of the shares in the lowest `weight` buckets."""
    found: list[tuple[Stage, int]] = []
    for stage, part in shares:
        taken = min(part, weight)
        weight -= taken
        found.append((stage, taken))
    return found


def _stage_at(variations: Sequence[Any], index: object) -> Stage:
    if not isinstance(index, int) or not 0 <= index < len(variations) or variations[index] not in {*STAGE_ORDER}:
        return Stage.OFF
    return Stage(variations[index])


def _fallthrough(flag: Flag, weights: Mapping[Stage, int], stages: Mapping[Stage, int]) -> dict[str, Any]:
    """Return the fallthrough with these shares, and with the same kind, attribute and seed as before.

    It lists `off` first even at weight 0, because a context without the tenant kind gets the first variation. It lists no stage after the
    latest one in use, because the last variation gets the rest after rounding.
    """
    old = flag.get("fallthrough") or {}
    rollout = old.get("rollout") or {"contextKind": TENANT_KIND}
    furthest = max(STAGE_ORDER.index(stage) for stage, weight in weights.items() if weight)
    untracked = _untracked(rollout)
    listed = [
        {"variation": stages[stage], "weight": weights[stage]} | ({"untracked": True} if stages[stage] in untracked else {})
        for stage in stages
        if STAGE_ORDER.index(stage) <= furthest
    ]
    rest = {name: value for name, value in old.items() if name != "variation"}
    return {**rest, "rollout": {**rollout, "variations": listed}}


def _untracked(rollout: Mapping[str, Any]) -> set[int]:
    """Return the variations of which every share is outside the experiment."""
    listed = rollout.get("variations") or []
    return {one.get("variation") for one in listed if one.get("untracked")} - {
        one.get("variation") for one in listed if not one.get("untracked")
    }
