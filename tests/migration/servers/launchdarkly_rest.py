"""What LaunchDarkly's REST API shows of a flag, and how it applies JSON Patch and semantic patch to it.

The representation has the environment's part under `environments`, ids that SDKs never see (`_id`), and a version an environment.
"""

import copy
from typing import Any

Json = dict[str, Any]
SEMANTIC = "domain-model=launchdarkly.semanticpatch"
ENVIRONMENT_FIELDS = ("on", "salt", "version", "targets", "contextTargets", "rules", "fallthrough", "offVariation", "prerequisites")


class PatchError(Exception):
    """The API answers with this status and code and changes nothing."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def represent(flag: Json, environment: str) -> Json:
    """Return the REST representation of an SDK's flag."""
    part: Json = {name: copy.deepcopy(flag[name]) for name in ENVIRONMENT_FIELDS if name in flag}
    for rule in part.get("rules", []):
        rule["_id"] = rule.pop("id", "")
        for number, clause in enumerate(rule["clauses"]):
            clause["_id"] = f"{rule['_id']}-clause-{number}"
    part |= {"archived": False, "sel": "b7", "lastModified": 1700000000000, "_environmentName": environment.title(), "_site": {"href": "/"}}
    kind = "boolean" if flag["variations"] in ([True, False], [False, True]) else "multivariate"
    return {
        "key": flag["key"],
        "name": flag["key"],
        "kind": kind,
        "_version": 1,
        "variations": [{"_id": variation_id(index), "value": value} for index, value in enumerate(flag["variations"])],
        "environments": {environment: part},
        "_links": {"self": {"href": f"/api/v2/flags/default/{flag['key']}", "type": "application/json"}},
    }


def variation_id(index: int) -> str:
    return f"00000000-0000-4000-8000-{index:012d}"


def restore(shown: Json, flag: Json, environment: str) -> Json:
    """Return the SDK's flag after its representation was changed, one version later."""
    part = shown["environments"][environment]
    after = copy.deepcopy(flag) | {name: copy.deepcopy(part[name]) for name in ENVIRONMENT_FIELDS if name in part}
    for rule in after.get("rules", []):
        rule["id"] = rule.pop("_id", "new")
        for clause in rule["clauses"]:
            clause.pop("_id", None)
    after["variations"] = [variation["value"] for variation in shown["variations"]]
    after["version"] = flag["version"] + 1
    return after


def patched(shown: Json, body: Any, content_type: str, environment: str) -> tuple[Json, str | None]:
    """Return the changed representation and the comment.

    Raises:
        PatchError: as the API would answer.
    """
    if SEMANTIC in content_type:
        if not isinstance(body, dict) or not body.get("instructions"):
            raise PatchError(400, "invalid_request", "instructions are required")
        if body.get("environmentKey") != environment:
            raise PatchError(400, "invalid_request", "environmentKey is required")
        after = copy.deepcopy(shown)
        for instruction in body["instructions"]:
            _instruct(after, after["environments"][environment], instruction)
        return after, body.get("comment")
    operations, comment = (body.get("patch"), body.get("comment")) if isinstance(body, dict) else (body, None)
    if not isinstance(operations, list):
        raise PatchError(400, "invalid_request", "Unknown field: only JSON patch, JSON merge patch or semantic patch")
    after = copy.deepcopy(shown)
    for operation in operations:
        _operate(after, operation)
    return after, comment


def _operate(document: Json, operation: Json) -> None:
    *parents, last = [word.replace("~1", "/").replace("~0", "~") for word in operation["path"].split("/")[1:]]
    here: Any = document
    for word in parents:
        here = here[int(word)] if isinstance(here, list) else here.get(word, {})
    match operation["op"]:
        case "test":
            if (here[int(last)] if isinstance(here, list) else here.get(last)) != operation["value"]:
                raise PatchError(409, "optimistic_locking_error", f"Testing value {operation['path']} failed")
        case "replace" | "add" if isinstance(here, list):
            index = len(here) if last == "-" else int(last)
            here[index : index + (operation["op"] == "replace")] = [copy.deepcopy(operation["value"])]
        case "replace" | "add":
            here[last] = copy.deepcopy(operation["value"])
        case "remove":
            del here[last]
        case unknown:
            raise PatchError(400, "invalid_request", f"unknown operation {unknown}")


def _instruct(shown: Json, part: Json, instruction: Json) -> None:
    ids = {variation["_id"]: index for index, variation in enumerate(shown["variations"])}
    match instruction["kind"]:
        case "turnFlagOn" | "turnFlagOff":
            part["on"] = instruction["kind"] == "turnFlagOn"
        case "updateFallthroughVariationOrRollout" if "variationId" in instruction:
            part["fallthrough"] = {"variation": ids[instruction["variationId"]]}
        case "updateFallthroughVariationOrRollout":
            weights = [{"variation": ids[key], "weight": weight} for key, weight in instruction["rolloutWeights"].items()]
            part["fallthrough"] = {"rollout": {"variations": weights, "contextKind": instruction.get("rolloutContextKind", "user")}}
        case "updateOffVariation":
            part["offVariation"] = ids[instruction["variationId"]]
        case "removePrerequisite":
            part["prerequisites"] = [one for one in part.get("prerequisites", []) if one["key"] != instruction["key"]]
        case "addTargets" | "removeTargets":
            _target(part, ids[instruction["variationId"]], instruction)
        case unknown:
            raise PatchError(400, "invalid_request", f"unknown instruction: {unknown}")


def _target(part: Json, variation: int, instruction: Json) -> None:
    kind = instruction.get("contextKind", "user")
    targets = part.setdefault("targets" if kind == "user" else "contextTargets", [])
    others = (each for each in targets if each["variation"] != variation and each.get("contextKind", "user") == kind)
    if instruction["kind"] == "addTargets" and any(set(other["values"]) & set(instruction["values"]) for other in others):
        raise PatchError(400, "invalid_request", "the same context key is targeted in more than one variation")
    found = next((each for each in targets if each["variation"] == variation and each.get("contextKind", "user") == kind), None)
    if found is None:
        found = {"variation": variation, "contextKind": kind, "values": []}
        targets.append(found)
    values = [value for value in found["values"] if value not in instruction["values"]]
    found["values"] = [*values, *instruction["values"]] if instruction["kind"] == "addTargets" else values
