"""Targets in a flag's JSON, and the version after an edit: shared by all edits of `surface_changes.py` and `switch_changes.py`."""

from collections.abc import Mapping, Sequence
from typing import Any

from migration.flags.meaning.data import TENANT_KIND

Flag = Mapping[str, Any]
"""LaunchDarkly's JSON of one flag."""


def targets_of(flag: Flag) -> list[Mapping[str, Any]]:
    """Return the targets of context kinds.

    If there are no `contextTargets`, the SDK uses `targets`, whose kind is `user`. Otherwise it uses `targets` only where `contextTargets`
    has a placeholder.
    """
    return list(
        flag.get("contextTargets")
        or [{"contextKind": "user", "variation": target.get("variation"), "values": []} for target in flag.get("targets") or []]
    )


def kind_of(target: Mapping[str, Any]) -> str:
    """Return the kind of context that the target names; if it names none, LaunchDarkly's default."""
    return target.get("contextKind") or "user"


def named_by(flag: Flag, kind: str) -> dict[str, int]:
    """Return the variation of each key in the targets of this kind; the first target with a key counts."""
    found: dict[str, int] = {}
    for target in targets_of(flag):
        if kind_of(target) == kind:
            for name in target.get("values") or []:
                found.setdefault(name, target.get("variation", 0))
    return found


def untargeted(flag: Flag, kind: str, names: set[str]) -> list[Mapping[str, Any]]:
    """Return the targets without these keys; a target that loses its last key is removed."""
    kept = []
    for target in targets_of(flag):
        values = target.get("values") or []
        if kind_of(target) != kind or names.isdisjoint(values):
            kept.append(target)
        elif left := [name for name in values if name not in names]:
            kept.append({**target, "values": left})
    return kept


def retargeted(flag: Flag, kind: str, names: Sequence[str], variation: int) -> list[Mapping[str, Any]]:
    """Return the targets, with these keys only at this variation. A new target is first if it names tenants, otherwise last."""
    if all(named_by(flag, kind).get(name) == variation for name in names):
        return targets_of(flag)
    targets = untargeted(flag, kind, set(names))
    for at, target in enumerate(targets):
        if kind_of(target) == kind and target.get("variation") == variation:
            targets[at] = {**target, "values": [*(target.get("values") or []), *names]}
            return targets
    new = {"contextKind": kind, "variation": variation, "values": list(names)}
    return [new, *targets] if kind == TENANT_KIND else [*targets, new]


def revived(flag: Flag | None, new: dict[str, Any]) -> dict[str, Any]:
    """Return the flag, or a new one: if a flag is marked `deleted`, only its version and salt are reused."""
    if flag is None:
        return new
    if flag.get("deleted") is True:
        return {**new, **{name: flag[name] for name in ("version", "salt") if name in flag}}
    return dict(flag)


def raised(old: Flag | None, new: dict[str, Any]) -> Flag:
    """Return `new` with the next version, or `old` if they are equal: without a higher version the SDK calls no listener."""
    if old is not None and new == old:
        return old
    version = new.get("version")
    return {**new, "version": (version if isinstance(version, int) else 0) + 1}
