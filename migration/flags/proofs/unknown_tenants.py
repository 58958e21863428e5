"""Unknown tenants: the paths through a flag on which an edit can move them, and the stages that they move to.

LaunchDarkly's evaluator uses the first match of prerequisites, targets, rules, fallthrough. If an edit leaves the first three unchanged,
every tenant takes the same path before and after the edit, and only a path whose end differs moves tenants. If a flag is new or is switched
on, the paths differ, and each of them is evaluated. To evaluate the end of a path, a flag is made that has only this path, and the SDK
evaluates it.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from migration.flags.edits.targets import Flag, kind_of, targets_of
from migration.flags.meaning.contexts import context
from migration.flags.meaning.data import SURFACE_KIND, TENANT_KIND, FlagData
from migration.flags.meaning.evaluation import FlagEvaluator
from migration.flags.proofs.probes import Dealing, Stretch, cut_points
from migration.flags.proofs.stage_moves import Found
from migration.model import Stage

_OUTCOME = ("variation", "rollout")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """One path through a flag."""

    who: str  #: the tenants on the path, in words; "": those that no target and no rule names
    outcome: Mapping[str, Any] | None  #: the end of the path: `variation` or `rollout`; None: the flag gives no value


def forbidden_changes(key: str, old: Flag | None, new: Flag | None) -> Iterator[str]:
    """Yield a sentence for each change of the flag that no edit may make, or whose effect cannot be determined."""
    if new is None:
        if old is not None:
            yield f"{key} would be removed, which puts all tenants at `off`"
        return
    if (first := _first_listed(new)) not in (None, Stage.OFF.value):
        yield f"{new['key']} would list {first} first, and a context without a tenant gets the first variation; `off` must be listed first"
    if old is None:
        return
    before, after = (_dealing(flag) for flag in (old, new))
    if (old.get("salt") or "") != (new.get("salt") or "") or (before is not None and after is not None and before != after):
        yield f"{new['key']} would get another salt, seed or attribute for buckets, which assigns all tenants to new buckets"
    for name in ("variations", "rules", "prerequisites", "targets"):
        if (old.get(name) or []) != (new.get(name) or []):
            yield f"{new['key']} would get other {name}, and their effect on unknown tenants cannot be determined"
    if _of_surfaces(old) != _of_surfaces(new):
        yield f"{new['key']} would get other targets of kind {SURFACE_KIND}, and their effect cannot be determined"


@dataclass(frozen=True, slots=True)
class Shares:
    """The percentage at each stage of the tenants that no target and no rule names."""

    before: dict[Stage, float] = field(default_factory=lambda: defaultdict(float))
    after: dict[Stage, float] = field(default_factory=lambda: defaultdict(float))


def everybody_else(old: Flag | None, new: Flag | None, found: Found) -> Shares:
    """Find the moves of unknown tenants; return the shares at each stage. None: there is no flag, so all are at `off`."""
    shares = Shares()
    before, after, some = _ways(old), _ways(new), new or old
    if some is None:
        return shares
    alike = old is not None and new is not None and (old.get("on") is True) is (new.get("on") is True)
    for one in before:
        for other in after:
            # A tenant takes the same path before and after the edit, unless the flag is new or was switched on.
            if not alike or one.who == other.who:
                _compare(old or some, new or some, (one, other), found, shares)
    return shares


def _compare(old: Flag, new: Flag, ways: tuple[_Way, _Way], found: Found, shares: Shares) -> None:
    before, after = ways
    who, key = after.who or before.who, new["key"]
    if who and before.outcome == after.outcome and old.get("variations") == new.get("variations"):
        return
    now, then = _only(old, before.outcome), _only(new, after.outcome)
    with FlagEvaluator.of(FlagData(flags={key: now})) as one, FlagEvaluator.of(FlagData(flags={key: then})) as other:
        for stretch in _stretches(now, then):
            if stretch.probe is None:
                found.problems.append(
                    f"no tenant was found for the buckets {stretch.low:,} to {stretch.high:,} of 100,000, so nothing can be shown "
                    "about them"
                )
                continue
            asked = context(stretch.probe, found.surface)
            # If the SDK finds an error in a flag, control serves.
            at, to = one.held_at(key, asked) or Stage.OFF, other.held_at(key, asked)
            if to is None:
                found.problems.append(f"{key} would give no stage to {who or f'{stretch.percent:g} % of the tenants'}")
            elif who:
                found.others[at, to].append(f"{who} (their identity cannot be determined)")
            else:
                found.percents[at, to] += stretch.percent
                shares.before[at] += stretch.percent
                shares.after[to] += stretch.percent


def _ways(flag: Flag | None) -> tuple[_Way, ...]:
    """Return the paths through the flag that tenants without a target can take."""
    off = None if flag is None or flag.get("offVariation") is None else {"variation": flag["offVariation"]}
    if flag is None or flag.get("on") is not True:
        return (_Way(who="", outcome=off),)
    targets = [
        _Way(who=f"whom target {number}, of kind {kind_of(target)}, names", outcome={"variation": target["variation"]})
        for number, target in enumerate(_of_surfaces(flag), 1)
    ]
    rules = [
        _Way(
            who=f"whom rule {number} matches", outcome={name: rule[name] for name in ("variation", "rollout") if rule.get(name) is not None}
        )
        for number, rule in enumerate(flag.get("rules") or [], 1)
    ]
    failed = [_Way(who="for whom a prerequisite fails", outcome=off)] if flag.get("prerequisites") else []
    return (*failed, *targets, *rules, _Way(who="", outcome=flag.get("fallthrough") or {}))


def _only(flag: Flag, outcome: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a copy of the flag that gives this outcome to every tenant."""
    bare: dict[str, Any] = {**flag, "prerequisites": [], "targets": [], "contextTargets": [], "rules": []}
    if outcome is None:
        return {**bare, "on": False, "offVariation": None, "fallthrough": {}}
    return {**bare, "on": True, "fallthrough": dict(outcome)}


def _stretches(now: Flag, then: Flag) -> tuple[Stretch, ...]:
    """Return the ranges of buckets in which all tenants move from the same stage to the same other stage."""
    dealing = _dealing(then) or _dealing(now) or Dealing.of(then, {"contextKind": TENANT_KIND})
    return dealing.stretches([*cut_points(now["fallthrough"]), *cut_points(then["fallthrough"])])


def _dealing(flag: Flag) -> Dealing | None:
    fallthrough = flag.get("fallthrough") or {}
    rollout = fallthrough.get("rollout")
    return None if rollout is None or fallthrough.get("variation") is not None else Dealing.of(flag, rollout)


def _first_listed(flag: Flag) -> object:
    """Return the first stage in the fallthrough's rollout; None: it has none."""
    fallthrough = flag.get("fallthrough") or {}
    listed = (fallthrough.get("rollout") or {}).get("variations") or []
    if fallthrough.get("variation") is not None or not listed:
        return None
    index, variations = listed[0].get("variation"), flag.get("variations") or []
    return variations[index] if isinstance(index, int) and 0 <= index < len(variations) else None


def _of_surfaces(flag: Flag) -> list[Mapping[str, Any]]:
    """Return the targets that name surfaces, which is the context kind used here in addition to tenants."""
    return [target for target in targets_of(flag) if kind_of(target) == SURFACE_KIND and target.get("values")]
