"""Finds places after which an instance can no longer be followed: it is stored in an object, passed as an argument, or returned.

Not all of its later calls can then be seen.
"""

from typing import Final

import libcst as cst

from migration.consolidation.codemod.read.source import Source, dotted
from migration.consolidation.codemod.read.tree import Tree
from migration.consolidation.codemod.read.uses import Uses
from migration.consolidation.findings.meaning import Meaning

_LOOKS: Final = frozenset({"isinstance", "id", "type", "bool", "repr", "str"})
#: Places where the value of an expression is read but not kept.
_LOOKED_AT: Final = (cst.Attribute, cst.Expr, cst.Comparison, cst.ComparisonTarget, cst.UnaryOperation, cst.Assert)


class Escapes:
    """The instances in one file.

    Args:
        source: the file.
        tree: says what names mean.
        uses: the file's uses of legacy modules.
    """

    def __init__(self, source: Source, tree: Tree, uses: Uses) -> None:
        self._source = source
        self._tree = tree
        self._uses = uses

    def lines(self) -> dict[str, int]:
        """Return, for each legacy module, the first line after which an instance of its classes can no longer be followed.

        A module without such a line is left out.
        """
        found: dict[str, int] = {}
        for node in self._source.nodes():
            if isinstance(node, cst.Name | cst.Attribute | cst.Call) and self._is_whole(node):
                holder = self._uses.meaning(node)
                is_instance = holder is not None and holder.kind == "instance" and (holder.module, holder.name) in self._tree.classes
                if is_instance and holder is not None and not self._stays(node, holder):
                    found.setdefault(holder.module, self._source.line(node))
        return found

    def _is_whole(self, node: cst.CSTNode) -> bool:
        """Return False if a node is the beginning of a longer dotted name, the target of an assignment, or part of an import."""
        parent = self._source.parent(node)
        match parent:
            case cst.Attribute() | cst.AssignTarget() | cst.Param() | cst.NameItem() | cst.ImportAlias() | cst.AsName() | cst.Del():
                return False
            case cst.Call(func=function) if function is node:
                return False
            case cst.NamedExpr(target=target) | cst.AnnAssign(target=target) if target is node:
                return False
            case cst.Arg(keyword=keyword) if keyword is node:
                return False
        return True

    def _stays(self, node: cst.CSTNode, holder: Meaning) -> bool:
        parent = self._source.parent(node)
        match parent:
            case cst.Await() | cst.IfExp() | cst.BooleanOperation():
                return self._stays(parent, holder)
            case cst.Arg():
                call = self._source.parent(parent)
                return isinstance(call, cst.Call) and dotted(call.func) in _LOOKS
            case cst.NamedExpr(target=target):
                return self._is_followed(target, holder) and self._stays(parent, holder)
            case cst.Assign(targets=targets):
                return all(self._is_followed(target.target, holder) for target in targets)
            case cst.AnnAssign(target=target):
                return self._is_followed(target, holder)
        is_test = isinstance(parent, cst.If | cst.While) and parent.test is node
        return is_test or isinstance(parent, _LOOKED_AT)

    def _is_followed(self, target: cst.CSTNode, holder: Meaning) -> bool:
        # A variable of an outer scope is also read where this assignment is not seen.
        return isinstance(target, cst.Name) and self._source.is_local(target) and self._uses.meaning(target) == holder
