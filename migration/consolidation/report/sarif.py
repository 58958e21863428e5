"""SARIF 2.1.0, which code hosts show at the lines of the findings (OASIS standard, 2020-03-27)."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote

from migration.consolidation.inventory import Call, Implementation, Inventory

_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_SIMILAR: Final = 0.25  #: two implementations with at least this share of common code are reported

Level = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class _Rule:
    identifier: str
    level: Level
    text: str


_RULES: Final = {
    rule.identifier: rule
    for rule in (
        _Rule("broken-import", "error", "An import of the family names a module or a name that does not exist."),
        _Rule("call-misfit", "error", "A call does not fit the signature of its callee."),
        _Rule("legacy-implementation", "warning", "An implementation that the target replaces."),
        _Rule("legacy-import", "warning", "An import of an implementation that must be removed."),
        _Rule("legacy-string", "warning", "A string or a configuration value that names an implementation that must be removed."),
        _Rule("legacy-subclass", "warning", "A class that inherits from an implementation that must be removed."),
        _Rule("legacy-call", "note", "A call that the target would not accept unchanged."),
        _Rule("legacy-mention", "note", "A comment or a document that names an implementation that must be removed."),
        _Rule("shared-state", "warning", "State that requests share, or from which nothing is ever removed."),
        _Rule("duplicated-code", "note", "Code that two implementations share."),
    )
}


@dataclass(frozen=True, slots=True)
class _Result:
    rule: str
    path: str
    line: int
    text: str


def as_sarif(inventory: Inventory) -> dict[str, Any]:
    """Return the log, ready to be encoded."""
    indices = {identifier: index for index, identifier in enumerate(_RULES)}
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "netra-migration audit",
                        "rules": [
                            {
                                "id": rule.identifier,
                                "shortDescription": {"text": rule.text},
                                "defaultConfiguration": {"level": rule.level},
                            }
                            for rule in _RULES.values()
                        ],
                    }
                },
                "originalUriBaseIds": {"SRCROOT": {"uri": Path(inventory.root).as_uri() + "/"}},
                "columnKind": "unicodeCodePoints",
                "invocations": [
                    {
                        "executionSuccessful": True,
                        "toolExecutionNotifications": [
                            {
                                "level": "warning",
                                "message": {"text": f"{problem.kind}: {problem.detail}"},
                                "locations": [_location(problem.path, 0)],
                            }
                            for problem in inventory.problems
                        ],
                    }
                ],
                "results": [_as_json(result, indices[result.rule]) for result in _results(inventory)],
            }
        ],
    }


def _results(inventory: Inventory) -> Iterator[_Result]:
    legacy = {item.module: item for item in inventory.legacy}
    yield from _broken(inventory)
    yield from _legacy(inventory, legacy)
    for call in inventory.calls:
        yield from _call_results(call)
    for state in inventory.shared_state:
        yield _Result("shared-state", state.path, state.line, f"{state.name}: {state.detail}.")
    paths = {item.module: item.path for item in inventory.implementations}
    for pair in inventory.similarity:
        if pair.ratio >= _SIMILAR:
            yield _Result("duplicated-code", paths[pair.a], 1, f"{pair.ratio:.0%} of its code and of {pair.b}'s is the same.")


def _broken(inventory: Inventory) -> Iterator[_Result]:
    for broken in inventory.broken_imports:
        missing = f"{broken.module} does not exist" if broken.name is None else f"{broken.module} has no {broken.name}"
        yield _Result("broken-import", broken.path, broken.line, missing + (", guarded by `try`." if broken.guarded else "."))


def _legacy(inventory: Inventory, legacy: Mapping[str, Implementation]) -> Iterator[_Result]:
    for item in legacy.values():
        yield _Result("legacy-implementation", item.path, 1, f"{item.name} is {_article(item)}: {item.reason}.")
    for statement in inventory.imports:
        if reached := [legacy[module] for module in statement.reaches if module in legacy]:
            yield _Result("legacy-import", statement.path, statement.line, _import_text(reached, inventory.target))
    for string in inventory.strings:
        if string.module in legacy:
            yield _Result("legacy-string", string.path, string.line, f"{string.text} names {_article(legacy[string.module])}.")
    for subclass in inventory.subclasses:
        if subclass.inherits.partition(":")[0] in legacy:
            yield _Result("legacy-subclass", subclass.path, subclass.line, f"{subclass.name} inherits from {subclass.inherits}.")
    for mention in inventory.mentions:
        if mention.module in legacy:
            yield _Result("legacy-mention", mention.path, mention.line, f"{mention.kind}: names {mention.module}.")


def _call_results(call: Call) -> Iterator[_Result]:
    if call.misfit is not None:
        yield _Result("call-misfit", call.path, call.line, f"{call.text}: {call.name} {call.misfit}.")
    elif call.target_misfit is not None:
        yield _Result("legacy-call", call.path, call.line, f"{call.text}: the target would refuse it: {call.target_misfit}.")


def _import_text(reached: list[Implementation], target: str) -> str:
    return f"Imports {' and '.join(f'{item.module} ({item.role})' for item in reached)}; {target.partition(':')[2]} replaces it."


def _article(item: Implementation) -> str:
    return "an old path of another implementation" if item.role == "re-export" else f"a {item.role} implementation"


def _as_json(result: _Result, index: int) -> dict[str, Any]:
    fingerprint = hashlib.blake2b(f"{result.rule}\0{result.path}\0{result.text}".encode(), digest_size=16).hexdigest()
    return {
        "ruleId": result.rule,
        "ruleIndex": index,
        "level": _RULES[result.rule].level,
        "message": {"text": result.text},
        "locations": [_location(result.path, result.line)],
        # The line is not part of the fingerprint, so that a code host recognises a result even if code was added above it.
        "partialFingerprints": {"netraAudit/v1": fingerprint},
    }


def _location(path: str, line: int) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": quote(path), "uriBaseId": "SRCROOT"}}
    if line:
        physical["region"] = {"startLine": line}
    return {"physicalLocation": physical}
