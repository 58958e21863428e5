"""One flag's edit in the formats of the REST API, and a check that the API shows the same flag that an SDK gets. This module does not
interpret flags.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from migration.errors import FlagSourceError
from migration.flags.editors.rest import Patch

Json = Mapping[str, Any]
_PARTS: Final = ("on", "fallthrough", "offVariation", "targets", "contextTargets", "rules", "prerequisites", "salt")
_EDITABLE: Final = ("on", "fallthrough", "offVariation", "targets", "contextTargets")
_UNCOMPARED: Final = frozenset({"id", "ref", "description", "trackEvents", "untracked", "experimentAllocation"})
"""Ids of rules and experiments: they differ between SDK and API, and do not affect buckets."""
_STANDARD: Final = (("contextKind", "user"), ("kind", "rollout"), ("bucketBy", "key"), ("bucketBy", ""))
"""LaunchDarkly's defaults."""


def differences(flag: Json, shown: Json, environment: str) -> tuple[str, ...]:
    """Return the names of the parts in which an SDK's flag differs from the API's flag; ids and defaults are ignored."""
    part = shown["environments"][environment]
    values = [variation.get("value") for variation in shown.get("variations", [])]
    found = [name for name in _PARTS if _plain(flag.get(name)) != _plain(part.get(name))]
    return (*found, *(["variations"] if list(flag.get("variations") or []) != values else []))


def json_patch(before: Json, after: Json, shown: Json, environment: str, comment: str) -> Patch:
    """Return the edit as JSON Patch, which LaunchDarkly applies only while the environment still has the version in `shown`.

    Raises:
        FlagSourceError: the edit changes a part that can only be edited at LaunchDarkly.
    """
    part, path = shown["environments"][environment], f"/environments/{environment.replace('~', '~0').replace('/', '~1')}"
    operations: list[Json] = [{"op": "test", "path": f"{path}/version", "value": part.get("version")}]
    operations += [{"op": "add", "path": "/variations/-", "value": {"value": value}} for value in _new_variations(before, after)]
    for name in _changed(before, after):
        # Targets are replaced as a whole, because the patch's test guarantees that they are unchanged since they were read.
        operations.append({"op": "replace" if name in part else "add", "path": f"{path}/{name}", "value": after.get(name)})
    return Patch(body={"comment": comment, "patch": operations}, content_type="application/json")


def semantic_patch(before: Json, after: Json, shown: Json, environment: str, comment: str) -> Patch | None:
    """Return the edit as a semantic patch, which describes the result and does not depend on the current state; None: the flag already is
    in the state that the edit wants.

    After the patch the flag serves what `after` serves. Only targets that the edit moves are changed.

    Raises:
        FlagSourceError: the edit changes a part that can only be edited at LaunchDarkly.
    """
    if _new_variations(before, after):
        raise FlagSourceError(f"{after['key']}: LaunchDarkly's flag lacks a variation; add it on its page (docs/migration/launchdarkly.md)")
    _changed(before, after, (*_EDITABLE, "prerequisites"))
    part, ids = shown["environments"][environment], [variation["_id"] for variation in shown["variations"]]
    instructions: list[Json] = []
    if after.get("on") is not part.get("on"):
        instructions.append({"kind": "turnFlagOn" if after.get("on") else "turnFlagOff"})
    if after.get("offVariation") is not None and after["offVariation"] != part.get("offVariation"):
        instructions.append({"kind": "updateOffVariation", "variationId": ids[after["offVariation"]]})
    if _plain(after.get("fallthrough")) != _plain(part.get("fallthrough")):
        instructions.append({"kind": "updateFallthroughVariationOrRollout", **_served(after["fallthrough"], ids)})
    if not after.get("prerequisites"):
        instructions += [{"kind": "removePrerequisite", "key": one["key"]} for one in part.get("prerequisites") or ()]
    instructions += _target_instructions(before, after, part, ids)
    if not instructions:
        return None
    return Patch(
        body={"comment": comment, "environmentKey": environment, "instructions": instructions},
        content_type="application/json; domain-model=launchdarkly.semanticpatch",
    )


def archived(before: Json, environment: str, comment: str) -> Patch:
    """Return the archiving of a flag as JSON Patch, which LaunchDarkly applies only while the flag has the version of `before`."""
    path = f"/environments/{environment.replace('~', '~0').replace('/', '~1')}/version"
    operations = [{"op": "test", "path": path, "value": before["version"]}, {"op": "replace", "path": "/archived", "value": True}]
    return Patch(body={"comment": comment, "patch": operations}, content_type="application/json")


def held(flag: Json, shown: Json, environment: str) -> Json:
    """Return the API's current flag in the SDK's form."""
    part = shown["environments"][environment]
    return {**flag, **{name: part[name] for name in (*_EDITABLE, "version") if name in part}}


def _changed(before: Json, after: Json, editable: Collection[str] = _EDITABLE) -> list[str]:
    changed = [name for name in _PARTS if before.get(name) != after.get(name)]
    if foreign := [name for name in changed if name not in editable]:
        raise FlagSourceError(
            f"{after['key']}: {', '.join(foreign)} of a hosted flag is edited at LaunchDarkly, not here; nothing was changed"
        )
    return changed


def _new_variations(before: Json, after: Json) -> list[Any]:
    old, new = list(before.get("variations") or []), list(after.get("variations") or [])
    if new[: len(old)] != old:
        raise FlagSourceError(f"{after['key']}: variations of a hosted flag are edited at LaunchDarkly, not here; nothing was changed")
    return new[len(old) :]


def _served(fallthrough: Json, ids: list[str]) -> Json:
    if fallthrough.get("variation") is not None:
        return {"variationId": ids[fallthrough["variation"]]}
    rollout = fallthrough["rollout"]
    weights = {ids[one["variation"]]: one["weight"] for one in rollout["variations"]}
    return {"rolloutWeights": weights, "rolloutContextKind": rollout.get("contextKind", "user")}


def _target_instructions(before: Json, after: Json, part: Json, ids: list[str]) -> Iterator[Json]:
    """Yield the instructions for the keys whose target changed. LaunchDarkly refuses a key at two variations, so each key is removed from
    its old variation first.
    """
    old, new, now = _targeted(before), _targeted(after), _targeted(part)
    for kind, key in sorted(name for name in {*old, *new} if old.get(name) != new.get(name)):
        at, wanted = now.get((kind, key)), new.get((kind, key))
        if at == wanted:
            continue
        if at is not None:
            yield {"kind": "removeTargets", "contextKind": kind, "variationId": ids[at], "values": [key]}
        if wanted is not None:
            yield {"kind": "addTargets", "contextKind": kind, "variationId": ids[wanted], "values": [key]}


def _targeted(flag: Json) -> dict[tuple[str, str], int]:
    """Return the variation at which each key of each kind is targeted."""
    lists = (*(flag.get("targets") or ()), *(flag.get("contextTargets") or ()))
    return {
        (target.get("contextKind") or "user", key): target["variation"] for target in reversed(lists) for key in target.get("values") or ()
    }


def _plain(value: object) -> object:
    """Return the value without ids, defaults and parts that affect no tenant."""
    if isinstance(value, Mapping):
        named = {name: one for name, one in value.items() if not name.startswith("_") and name not in _UNCOMPARED}
        plain = {name: _plain(one) for name, one in named.items() if (name, one) not in _STANDARD}
        return {name: one for name, one in plain.items() if one is not None}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value if not _is_nobody(one)] or None
    return None if value is False or value == {} else value


def _is_nobody(one: object) -> bool:
    """Whether the value is a target without keys or a share without tenants, which LaunchDarkly adds."""
    if not isinstance(one, Mapping) or "variation" not in one:
        return False
    return ("values" in one and not one["values"]) or one.get("weight") == 0
