"""Whether a variable always has its first value: the audit uses the first value, but a rewrite must be right for every value."""

import libcst as cst

from migration.consolidation.codemod.read.source import Binding, Source
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
            bindings = self._source.assignments(receiver)
            if not all(self._agrees(item, holder, alone=len(bindings) == 1) for item in bindings):
                return f"{receiver.value} may have another value too; give the other value another name"
        elif isinstance(receiver, cst.Attribute) and isinstance(receiver.value, cst.Name) and not self._is_one_attribute(receiver, holder):
            return f"{self._source.code(receiver)} may have another value too; give the other value another name"
        return None

    def _agrees(self, binding: Binding, holder: Meaning, *, alone: bool) -> bool:
        """Return whether a place binds an instance of the class, or nothing. `alone`: nothing else binds the name."""
        node = binding.node
        if binding.kind in {"import", "delete"}:
            return alone or binding.kind == "delete"
        if binding.kind == "parameter" and isinstance(node, cst.Param):
            return alone or (node.annotation is not None and self._is_annotated(node.annotation, holder))
        if binding.kind != "name" or node is None:
            return alone  # the audit knows its type from the block around it
        around = self._source.parent(node)
        assign = self._source.parent(around) if isinstance(around, cst.AssignTarget) else around
        if isinstance(assign, cst.AnnAssign) and assign.value is None:
            return True
        if not isinstance(assign, cst.Assign | cst.AnnAssign | cst.NamedExpr) or assign.value is None:
            return alone
        plain = not isinstance(assign.value, cst.IfExp | cst.BooleanOperation)
        return (alone and plain) or self._is(assign.value, holder)

    def _is_annotated(self, annotation: cst.Annotation, holder: Meaning) -> bool:
        match annotation.annotation:
            case cst.Name() | cst.Attribute() as named:
                meaning = self._uses.meaning(named)
                return meaning is not None and (meaning.module, meaning.name) == (holder.module, holder.name)
            case _:
                return False

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
