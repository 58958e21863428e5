"""Places where a legacy class may simply get its new name, because the use does not depend on the class's signature."""

from typing import Final

import libcst as cst

from migration.consolidation.codemod.read.source import Source, dotted

_TAKE_A_CLASS: Final = frozenset({"NewType", "TypeVar", "Mock", "MagicMock", "AsyncMock", "NonCallableMock"})
_BY_KEYWORD: Final = frozenset({"spec", "spec_set", "bound"})


def objection_to_rename(source: Source, node: cst.CSTNode) -> str | None:
    """Return why a class that is named here, but not called, cannot simply be renamed; None: it can."""
    parent = source.parent(node)
    if any(isinstance(ancestor, cst.Annotation) for ancestor in source.ancestors(node)):
        return None
    match parent:
        case (
            cst.Assign()
            | cst.AnnAssign()
            | cst.Expr()
            | cst.Assert()
            | cst.If()
            | cst.Comparison()
            | cst.ComparisonTarget()
            | cst.UnaryOperation()
        ):
            return None
        case cst.Arg():
            return _as_argument(source, parent)
        case _ if isinstance(source.parent(parent), cst.ClassDef):
            return "a subclass overrides and calls methods that the target does not have; make it wrap the target, or remove it"
    return "the class is passed on, so its later calls cannot be seen; pass on something that makes the target, and call that"


def is_replaced(source: Source, node: cst.CSTNode) -> bool:
    """Return whether a member of a class is replaced: by `patch.object(Class, ...)`, `setattr(Class, ...)`, or an assignment."""
    parent = source.parent(node)
    call = source.parent(parent)
    if isinstance(parent, cst.Attribute):
        return isinstance(call, cst.AssignTarget | cst.AugAssign | cst.Del)
    callee = (dotted(call.func) or "") if isinstance(parent, cst.Arg) and isinstance(call, cst.Call) and call.args[0] is parent else ""
    return callee.rpartition(".")[2] in {"setattr", "delattr", "object", "multiple"}


def _as_argument(source: Source, argument: cst.Arg) -> str | None:
    call = source.parent(argument)
    if isinstance(call, cst.ClassDef):
        return "a subclass overrides and calls methods that the target does not have; make it wrap the target, or remove it"
    name = (dotted(call.func) or "").rpartition(".")[2] if isinstance(call, cst.Call) else ""
    if name in {"cast", "create_autospec"}:
        return None
    if name in _TAKE_A_CLASS and argument.keyword is not None and argument.keyword.value in _BY_KEYWORD:
        return None
    if name == "object" and isinstance(call, cst.Call) and (dotted(call.func) or "").endswith("patch.object"):
        return "a member of the class is patched; name the target's member"
    return f"the class is given to {name or 'a call'}, so its later calls cannot be seen; pass on something that makes the target"
