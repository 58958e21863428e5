"""Names that a legacy module only imports from elsewhere. Consumers import such a name from the module that defines it instead."""

from collections.abc import Collection
from typing import Final

from migration.consolidation.codemod.rules import ObjectName
from migration.consolidation.findings.names import Names

_MOST_STEPS: Final = 20  #: at most this many modules that import the name from each other are followed


def origin_of(names: Names, legacy: Collection[str], module: str, name: str) -> ObjectName | None:
    """Return the first module outside of `legacy` from which a legacy module gets a name, and the name in that module.

    None: the legacy module defines the name itself, does not have it, imports it in more than one way or inside of a block, or imports a
    whole module under this name.
    """
    for _ in range(_MOST_STEPS):
        facts, path = names.facts_of(module), names.modules.path(module)
        if facts is None or path is None or name in facts.definitions:
            return None
        found = [
            (statement, imported.name)
            for statement in facts.imports
            for imported in statement.names
            if statement.scope == 0 and (imported.alias or imported.name) == name
        ]
        if len(found) != 1 or found[0][0].plain or found[0][0].where:
            return None
        statement, name = found[0]
        module = names.modules.absolute(path, statement.level, statement.module)
        if names.modules.exists(f"{module}.{name}") and names.member(module, name) is None:
            return None
        meaning = names.member(module, name)
        if not module or (meaning is not None and meaning.kind == "module"):
            return None
        if module not in legacy:
            return ObjectName(module, name)
    return None
