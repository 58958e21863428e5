"""Imported names that go: every use of theirs has to be known, and what others may import from here is called otherwise afterwards."""

from collections.abc import Callable, Collection

import libcst as cst

from migration.consolidation.codemod.decide.groups import Group
from migration.consolidation.codemod.read.bindings import Bindings, Bound
from migration.consolidation.codemod.read.source import Source, dotted
from migration.consolidation.codemod.read.tree import Tree
from migration.consolidation.codemod.rewrite.statements import Need
from migration.consolidation.codemod.rules import ObjectName
from migration.consolidation.findings.meaning import Meaning


class Leaving:
    """The names of one file.

    Args:
        source: the file.
        bindings: its imports.
        tree: says what names mean.
        successor: says what a class becomes.
    """

    def __init__(self, source: Source, bindings: Bindings, tree: Tree, successor: Callable[[Meaning], ObjectName | None]) -> None:
        self._source = source
        self._bindings = bindings
        self._tree = tree
        self._successor = successor

    def account(self, group: Group, bound: Bound, accounted: Collection[cst.CSTNode], chosen: Collection[cst.CSTNode]) -> None:
        """Refuse the group when a name is used in a way that nobody understood.

        Args:
            group: of the legacy module.
            bound: the imported name.
            accounted: the names in the file whose use is known.
            chosen: those of them that may come from more than one module, and become the same from each.
        """
        is_path = isinstance(bound.statement, cst.Import) and bound.given is None
        rivals = [other for other in self._bindings.bound if other.local == bound.local and other.meaning != bound.meaning]
        if any(other.shares(bound) for other in rivals) and not set(bound.names) <= set(chosen):
            group.refuse(self._source.line(bound.statement), f"{bound.local} is imported from more than one module; keep one of them")
        for name in bound.names:
            if name in accounted or self._is_target(name):
                continue
            if is_path and self._has_another_root(bound):
                continue
            text = f"{name.value} is used here for something else than the legacy module; import it in a statement of its own"
            hidden = f"nobody can tell what is done with {bound.local} here; use the target instead"
            group.refuse(self._source.line(name), text if is_path else hidden)

    def _is_target(self, name: cst.Name) -> bool:
        return isinstance(self._source.parent(name), cst.AssignTarget | cst.AnnAssign)

    def _has_another_root(self, bound: Bound) -> bool:
        """Return whether another statement, which stays, binds the first part of `import a.b.c` too."""
        root = bound.local.partition(".")[0]
        leaving = {id(other.alias) for other in self._bindings.bound}
        aliases = [alias for statement in self._bindings.statements if isinstance(statement, cst.Import) for alias in statement.names]
        staying = [alias for alias in aliases if id(alias) not in leaving and alias.asname is None]
        return any((dotted(alias.name) or "").partition(".")[0] == root for alias in staying)

    def export(self, group: Group, bound: Bound) -> None:
        """Note what others find under the bound name afterwards, and import what nobody in this file uses but others may."""
        if bound.meaning.kind != "object":
            return
        successor = self._successor(bound.meaning)
        given = bound.given if bound.names else None
        if successor is not None and not bound.names:
            group.needs.append(Need(bound.statement, successor.module, successor.name, None))
        if successor is not None and given is None:
            group.quoted[bound.local] = successor.name
        if not any(isinstance(node, cst.FunctionDef | cst.ClassDef) for node in self._source.ancestors(bound.statement)):
            is_there = successor is not None and any((need.module, need.name) == (successor.module, successor.name) for need in group.needs)
            group.exports[bound.local] = (given or successor.name) if successor is not None and is_there else None

    def export_stars(self, group: Group) -> None:
        """Note what becomes of the names that star imports pass on, and import the class that stays where nobody in this file uses it."""
        for star in group.stars:
            module = self._bindings.module_of(star) if isinstance(star, cst.ImportFrom) else ""
            passed = [(name, self._tree.names.member(module, name)) for name in self._public(module)]
            for name, meaning in passed:
                successor = self._successor(meaning) if meaning is not None else None
                group.exports[name] = successor.name if successor is not None else None
                if successor is not None and not any(need.statement is star for need in group.needs):
                    group.needs.append(Need(star, successor.module, successor.name, None))

    def _public(self, module: str) -> tuple[str, ...]:
        facts = self._tree.names.facts_of(module)
        if facts is None:
            return ()
        imported = (name.alias or name.name for statement in facts.imports if statement.scope == 0 for name in statement.names)
        names = facts.public_names if facts.public_names is not None else (*facts.definitions, *imported)
        return tuple(name for name in names if not name.startswith("_") and name.isidentifier())
