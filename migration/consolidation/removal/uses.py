"""The remaining uses of a surface's control, from an audit."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from migration.consolidation.configuration import AuditConfiguration
from migration.consolidation.inventory import Inventory
from migration.consolidation.removal.manifest import SurfaceParts

UseKind = Literal["import", "attribute", "subclass", "call", "string"]


class Use(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One place that names an engine of the surface, or calls it."""

    path: str
    line: int
    kind: UseKind
    module: str  #: the engine's module


class RemainingUses(msgspec.Struct, frozen=True, kw_only=True):
    """All places outside the engines and their adapter, sorted by path and line."""

    code: tuple[Use, ...]  #: imports, attributes, subclasses and calls in the remaining files
    passed_on: tuple[Use, ...]  #: imports that only re-export a name; a use of the re-exported name is in `code`
    strings: tuple[Use, ...]  #: dotted names in the remaining code and configuration
    tests: tuple[Use, ...]  #: uses of all kinds in tests, which are removed with control or rewritten


def uses_of(parts: SurfaceParts, inventory: Inventory, configuration: AuditConfiguration) -> RemainingUses:
    """Return the uses of the surface's engines.

    Args:
        parts: the parts that belong to control; uses in them do not count.
        inventory: the inventory of the whole tree, with paths relative to the manifest's folder.
        configuration: names the folders that contain tests.
    """
    modules = _modules(parts, inventory)
    goes = {*parts.engines, parts.adapter}
    found = sorted({use for use in _all(inventory) if use.module in modules and use.path not in goes})
    tests = tuple(use for use in found if set(use.path.split("/")[:-1]) & set(configuration.doubles))
    stays = [use for use in found if use not in tests]
    passing = _passing_on(inventory)
    code = [use for use in stays if use.kind != "string"]
    # If a module does more with an engine than re-export it, the import counts as a use too.
    doers = {(use.path, use.module) for use in code if (use.path, use.line, use.module) not in passing}
    return RemainingUses(
        code=tuple(use for use in code if (use.path, use.module) in doers),
        passed_on=tuple(use for use in code if (use.path, use.module) not in doers),
        strings=tuple(use for use in stays if use.kind == "string"),
        tests=tests,
    )


def _modules(parts: SurfaceParts, inventory: Inventory) -> set[str]:
    """Return the modules of the surface's engines, and all modules that only re-export them.

    A use of such a module is a use of the engine, even if the manifest does not name the module.
    """
    modules = {item.module for item in inventory.implementations if item.path in parts.engines}
    passing = {item.path: item.module for item in inventory.implementations if item.role == "re-export"}
    reached = [(passing[statement.path], statement.reaches) for statement in inventory.imports if statement.path in passing]
    while new := {module for module, reaches in reached if not modules.isdisjoint(reaches)} - modules:
        modules |= new
    return modules


def files_of(uses: Iterable[Use]) -> list[str]:
    """Return the files of these places, sorted."""
    return sorted({use.path for use in uses})


def _passing_on(inventory: Inventory) -> set[tuple[str, int, str]]:
    """Return path, line and module of the imports that re-export every name of an implementation."""
    offered = {(export.path, export.name) for item in inventory.implementations for export in item.exports}
    return {
        (statement.path, statement.line, module)
        for statement in inventory.imports
        for module in statement.reaches
        if statement.form == "from"
        and all((statement.path, name.alias or name.name) in offered for name in statement.names if name.target is not None)
    }


def _all(inventory: Inventory) -> Iterable[Use]:
    for statement in inventory.imports:
        for module in statement.reaches:
            yield Use(path=statement.path, line=statement.line, kind="import", module=module)
    for attribute in inventory.attribute_uses:
        yield Use(path=attribute.path, line=attribute.line, kind="attribute", module=attribute.module)
    for subclass in inventory.subclasses:
        yield Use(path=subclass.path, line=subclass.line, kind="subclass", module=subclass.inherits.partition(":")[0])
    for call in inventory.calls:
        yield Use(path=call.path, line=call.line, kind="call", module=call.module)
    for string in inventory.strings:
        # A path alone loads nothing. The manifest itself names engines by path, and a linter's configuration may do so too.
        if string.use != "path":
            yield Use(path=string.path, line=string.line, kind="string", module=string.module)
