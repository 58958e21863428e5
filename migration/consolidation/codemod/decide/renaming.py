"""The new name for a use of a legacy class, and the import that it needs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import libcst as cst

from migration.consolidation.codemod.decide.groups import CodemodDecision, refused
from migration.consolidation.codemod.read.bindings import Bindings, NameOrigin
from migration.consolidation.codemod.read.source import Source, by_getattr, dotted, root_name
from migration.consolidation.codemod.read.tree import Tree
from migration.consolidation.codemod.read.uses import ObjectUse, PassedOn
from migration.consolidation.codemod.rewrite.edits import Edit
from migration.consolidation.codemod.rewrite.statements import Need
from migration.consolidation.codemod.rewrite.strings import requote
from migration.consolidation.codemod.rules import ObjectName
from migration.consolidation.findings.meaning import Meaning


class UseRenamer:
    """Renames uses in one file.

    Args:
        source: the file.
        bindings: its imports.
        tree: all files.
        successor: returns what replaces a class of the family; None: that is not known.
    """

    def __init__(self, source: Source, bindings: Bindings, tree: Tree, successor: Callable[[Meaning], ObjectName | None]) -> None:
        self._source, self._bindings, self._tree, self._successor = source, bindings, tree, successor

    def renamed(self, use: ObjectUse, origin: NameOrigin) -> Iterator[CodemodDecision]:
        """Yield the new name of the use, or why it cannot be renamed."""
        module, successor = use.meaning.module, self._successor(use.meaning)
        if successor is None:
            return
        text, need = self.new_name(use, successor, origin)
        if need is not None and (clash := self.clash(use.node, need)) is not None:
            yield refused(module, self._source.line(use.node), clash)
            return
        old = self._source.code(use.node)
        edits = (Edit(self._source.bare_span(use.node), (text,)),) if text != old else ()
        if (isinstance(use.node, cst.Attribute) or origin.bound is None) and edits and origin.statement is not None:
            yield CodemodDecision(module, quoted={old: text})
        yield CodemodDecision(module, needs=tuple(in_each_place([need] if need is not None else [], origin)), edits=edits)
        yield self.nones(module, origin)

    def passed_on(self, use: PassedOn, accounted: set[cst.CSTNode]) -> Iterator[CodemodDecision]:
        """Rewrite an attribute of a legacy module so that it comes from the module that defines it.

        `accounted`: the set to which the handled name is added.
        """
        root = root_name(use.node)
        bound = self._bindings.of(root, dotted(use.node) or "") if root is not None else None
        if root is None or bound is None:
            return
        accounted.add(root)
        need = Need(bound.statement, use.origin.module, use.origin.name, None)
        if (clash := self.clash(use.node, need)) is not None:
            yield refused(use.module, self._source.line(use.node), clash)
        else:
            yield CodemodDecision(use.module, needs=(need,), edits=(Edit(self._source.bare_span(use.node), (use.origin.name,)),))

    def new_name(self, use: ObjectUse, successor: ObjectName, origin: NameOrigin) -> tuple[str, Need | None]:
        """Return the new name of the class in the file, and the import that it needs."""
        if origin.statement is None:
            if isinstance(use.node, cst.Name):
                return use.node.value, None
            if isinstance(use.node, cst.Attribute):
                return f"{self._source.code(use.node.value)}.{successor.name}", None
            holder, literal = by_getattr(use.node) or (use.node, cst.SimpleString("''"))
            return f"getattr({self._source.code(holder)}, {requote(literal, successor.name)})", None
        given = origin.bound.given if origin.bound is not None and origin.bound.meaning.kind == "object" else None
        return given or successor.name, Need(origin.statement, successor.module, successor.name, given)

    def nones(self, module: str, origin: NameOrigin) -> CodemodDecision:
        """Return the new name for each place where the file sets the old name to None because its import failed."""
        successor = self._successor(origin.bound.meaning) if origin.bound is not None else None
        if origin.bound is None or origin.bound.given is not None or successor is None:
            return CodemodDecision(module)
        return CodemodDecision(module, edits=tuple(Edit(self._source.bare_span(node), (successor.name,)) for node in origin.nones))

    def clash(self, node: cst.CSTNode, need: Need) -> str | None:
        """Return why a name cannot be imported here: the file uses it for something else; None: it can."""
        name = need.given or need.name
        wanted = Meaning("object", need.module, need.name)
        leaving = {id(bound.statement) for bound in self._bindings.bound if bound.local == name}
        for item in self._source.bound(node, name):
            statement = item.node if item.kind == "import" else None
            same = isinstance(statement, cst.ImportFrom) and (
                id(statement) in leaving or self._tree.names.member(self._bindings.module_of(statement), name) == wanted
            )
            if not same:
                return f"something else is called {name} in this file; give it another name"
        return None


def in_each_place(needs: Sequence[Need], origin: NameOrigin) -> Iterator[Need]:
    """Yield the names that have to be imported, also for each other statement that imports the old name."""
    yield from needs
    for statement in origin.also:
        yield from (replace(need, statement=statement) for need in needs if need.statement is origin.statement)
