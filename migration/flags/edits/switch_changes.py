"""Edits of the flags of all surfaces: kill switch, shadow sampling, failover. Pure functions, as in `surface_changes.py`."""

from collections.abc import Iterable, Sequence
from typing import Any

from migration.errors import ConfigurationError
from migration.flags.edits.targets import Flag, kind_of, named_by, raised, retargeted, revived, targets_of, untargeted
from migration.flags.meaning.data import CANDIDATE_FAILOVER, KILL_SWITCH, SHADOW_SAMPLING, SURFACE_KIND, TENANT_KIND


def kill(flag: Flag | None, on: bool, surface: str | None, surfaces: Iterable[str]) -> Flag:
    """Return the kill switch set for one surface or (None) for all surfaces, including surfaces that are added later.

    Its targets take precedence over everything else in the flag. Rules and targets of other kinds stay. Prerequisites are removed, because
    a kill switch must not depend on another flag.

    Args:
        flag: the current flag.
        on: True: control serves.
        surface: the surface; None: all surfaces.
        surfaces: all surfaces; if there are rules or targets of other kinds, the flag names each of them.
    """
    old = _with_values(revived(flag, _new_switch(KILL_SWITCH, [False, True], 0)), (False, True))
    indexes = {value: _index_of(old["variations"], value) for value in (False, True)}
    switched_off = old.get("on") is not True
    default = on if surface is None else _default(old) is True
    values = {} if surface is None or switched_off else _named_values(old, SURFACE_KIND)
    if surface is not None:
        values = {**values, surface: on}
    others = [target for target in targets_of(old) if kind_of(target) != SURFACE_KIND]
    if (others or old.get("rules")) and (surface is None or switched_off):
        values = {**dict.fromkeys(surfaces, default), **values}
    else:
        values = {name: value for name, value in values.items() if value is not default or others or old.get("rules")}
    ours = [
        {"contextKind": SURFACE_KIND, "variation": indexes[value], "values": named}
        for value in (False, True)
        if (named := sorted(name for name, holds in values.items() if holds is value))
    ]
    new = {
        **old,
        "on": True,
        "offVariation": indexes[False],
        "contextTargets": ours + others,
        "fallthrough": {"variation": indexes[default]},
    }
    if old.get("prerequisites"):
        new["prerequisites"] = []
    return raised(flag, new)


def sample(flag: Flag | None, percent: float, *, surface: str | None = None, tenant_id: str | None = None) -> Flag:
    """Return the sampling flag with this percentage of runs shadowed: for one surface, for one tenant, or as the default. A tenant's
    percentage takes precedence over a surface's.

    Raises:
        ConfigurationError: the percentage is not possible, both a surface and a tenant are given, or one of them is given while the flag is
            off and has rules or targets that would become active.
    """
    if not 0 <= percent <= 100:  # noqa: PLR2004 - a percentage; NaN is refused too
        raise ConfigurationError(f"{percent:g} % is not possible; give 0 to 100")
    if surface is not None and tenant_id is not None:
        raise ConfigurationError("--surface and --tenant cannot be combined in LaunchDarkly's targets; give one of them")
    value: float = int(percent) if percent == int(percent) else percent
    old = _with_values(revived(flag, _new_switch(SHADOW_SAMPLING, [0, 100], 1)), (value,))
    index = _index_of(old["variations"], value)
    if old.get("on") is not True:
        return raised(
            flag, _sampled_while_off(old, index, one=surface is not None or tenant_id is not None, surface=surface, tenant_id=tenant_id)
        )
    return raised(flag, _sampled(old, index, surface, tenant_id))


def unsample(flag: Flag | None, *, surface: str | None = None, tenant_id: str | None = None) -> Flag:
    """Return the sampling flag without the separate percentage of this surface or tenant.

    Raises:
        ConfigurationError: it has no separate percentage.
    """
    kind, name = (SURFACE_KIND, surface) if surface is not None else (TENANT_KIND, tenant_id)
    if flag is None or name is None or name not in named_by(flag, kind):
        raise ConfigurationError(f"{SHADOW_SAMPLING} names no {kind} {name!r}; `netra-migration shadow show` lists those that it names")
    return raised(flag, {**flag, "contextTargets": untargeted(flag, kind, {name})})


def fail_over(flag: Flag | None, on: bool, *, surface: str | None = None, tenant_id: str | None = None) -> Flag:
    """Return the failover flag: whether control resumes runs that candidate fails before their commit point. The value is for one surface,
    for one tenant, or for all that the flag does not name.

    Raises:
        ConfigurationError: both a surface and a tenant are given, or one of them is given while the flag is off and has rules or targets
            that would become active.
    """
    if surface is not None and tenant_id is not None:
        raise ConfigurationError("--surface and --tenant cannot be combined in LaunchDarkly's targets; give one of them")
    old = _with_values(revived(flag, _new_switch(CANDIDATE_FAILOVER, [False, True], 0)), (False, True))
    index, one = _index_of(old["variations"], on), surface is not None or tenant_id is not None
    if old.get("on") is not True and one:
        return raised(flag, _sampled_while_off(old, index, one=True, surface=surface, tenant_id=tenant_id))
    return raised(flag, _sampled({**old, "on": True}, index, surface, tenant_id))


def _named_values(flag: Flag, kind: str) -> dict[str, bool]:
    variations = flag["variations"]
    return {name: variations[index] for name, index in named_by(flag, kind).items() if variations[index : index + 1] in ([True], [False])}


def _sampled(old: Flag, index: int, surface: str | None, tenant_id: str | None) -> dict[str, Any]:
    if tenant_id is not None:
        return {**old, "contextTargets": retargeted(old, TENANT_KIND, [tenant_id], index)}
    if surface is not None:
        return {**old, "contextTargets": retargeted(old, SURFACE_KIND, [surface], index)}
    return {**old, "fallthrough": {"variation": index}}


def _sampled_while_off(old: Flag, index: int, *, one: bool, surface: str | None, tenant_id: str | None) -> dict[str, Any]:
    """Return the change of a flag that is off: its off variation changes, for all tenants."""
    if not one:
        return {**old, "offVariation": index}
    if old.get("rules") or targets_of(old) or old.get("prerequisites"):
        raise ConfigurationError(
            f"{old['key']} is switched off (`on` is false), and its rules and targets would become active; switch it on at its "
            "source, or give neither --surface nor --tenant"
        )
    return _sampled({**old, "on": True, "fallthrough": {"variation": old.get("offVariation") or 0}}, index, surface, tenant_id)


def _new_switch(key: str, values: list[Any], served: int) -> dict[str, Any]:
    return {
        "key": key,
        "version": 0,
        "on": True,
        "variations": values,
        "offVariation": 0,
        "salt": "netra",
        "contextTargets": [],
        "fallthrough": {"variation": served},
    }


def _with_values(flag: Flag, values: Iterable[Any]) -> dict[str, Any]:
    """Return the flag with these values among its variations; missing values are appended, so that indexes in use stay the same."""
    variations = list(flag.get("variations") or [])
    return {**flag, "variations": variations + [value for value in values if _index_of(variations, value) < 0]}


def _index_of(variations: Sequence[Any], value: object) -> int:
    """Return the index of the value; true does not equal 1; -1: it is missing."""
    return next((at for at, one in enumerate(variations) if one == value and isinstance(one, bool) is isinstance(value, bool)), -1)


def _default(flag: Flag) -> object:
    """Return the flag's default value; None: there is no single one."""
    index = (flag.get("fallthrough") or {}).get("variation") if flag.get("on") is True else flag.get("offVariation")
    variations = flag.get("variations") or []
    return variations[index] if isinstance(index, int) and 0 <= index < len(variations) else None
