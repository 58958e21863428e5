"""Whether a variable always has its first value: the audit uses the first value, but a rewrite must be right for every value."""

import libcst as cst
from libcst.metadata import Assignment

from migration.consolidation.codemod.read.source import Source
from migration.consolidation.codemod.read.tree import Tree
from migration.consolidation.codemod.read.uses import Uses
from migration.consolidation.findings.meaning import Meaning


class Variables:
    """The variables of one file.

    Args:
        source: the file.
        path: the file's path.
        tree: says what names mean.
        uses: the file's uses of legacy modules.
    """

    def __init__(self, source: Source, path: str, tree: Tree, uses: Uses) -> None:
        self._source = source
        self._path = path
        self._tree = tree
        self._uses = uses

    def objection(self, receiver: cst.BaseExpression, holder: Meaning) -> str | None:
        """Return why a receiver may not be an instance of this class; None: it certainly is one."""
        if isinstance(receiver, cst.Name):
            values = [self._value(item) for item in self._source.assignments(receiver) if isinstance(item, Assignment)]
            certain = len(values) <= 1 and not isinstance(values[0] if values else None, cst.IfExp | cst.BooleanOperation)
            if not certain and not all(value is None or self._is(value, holder) for value in values):
                return f"{receiver.value} may have another value too; give the other value another name"
        elif isinstance(receiver, cst.Attribute) and isinstance(receiver.value, cst.Name) and not self._is_one_attribute(receiver, holder):
            return f"{self._source.code(receiver)} may have another value too; give the other value another name"
        return None

    def _value(self, assignment: Assignment) -> cst.BaseExpression | None:
        """Return the assigned expression; None: there is none, as for a parameter or after `with`."""
        node = self._source.parent(assignment.node)
        around = self._source.parent(node) if isinstance(node, cst.AssignTarget) else node
        return around.value if isinstance(around, cst.Assign | cst.AnnAssign | cst.NamedExpr) else None

    def _is(self, value: cst.BaseExpression, holder: Meaning) -> bool:
        match value:
            case cst.Name(value="None"):
                return True
            case cst.IfExp(body=one, orelse=other) | cst.BooleanOperation(left=one, right=other):
                return self._is(one, holder) and self._is(other, holder)
            case _:
                return self._uses.meaning(value) == holder

    def _is_one_attribute(self, receiver: cst.Attribute, holder: Meaning) -> bool:
        """Return whether all values assigned to an attribute of `self` are instances of the class."""
        facts = self._tree.facts[self._path]
        number = self._source.numbers[receiver]
        while number >= 0 and facts.scopes[number].kind != "class":
            number = facts.scopes[number].parent
        name = f"self.{receiver.attr.value}"
        bound = {binding for binding in facts.bindings if (binding.scope, binding.name) == (number, name)}
        if len(bound) <= 1 and not any(len(binding.values) > 1 for binding in bound):
            return True
        meanings = set()
        for binding in bound:
            for value in binding.values:
                found = self._tree.names.dotted(self._path, number, value)
                meanings.add(Meaning("instance", found.module, found.name) if found is not None else None)
        return meanings == {holder}
