"""Checks of an object's class: `isinstance`, `issubclass`, `type(x) is`, `case Class():`.

The result stays the same only if every checked object becomes an instance of the target too.
"""

from dataclasses import dataclass
from typing import Final

import libcst as cst

from migration.consolidation.codemod.read.source import Binding, Source, dotted
from migration.consolidation.codemod.read.uses import Uses

_ASK: Final = frozenset({"isinstance", "issubclass"})


@dataclass(frozen=True, slots=True)
class ClassCheck:
    """One check of a class."""

    subject: cst.CSTNode  #: the checked object
    looks_inside: bool  #: whether the check is a pattern that also checks attributes


def class_check(source: Source, node: cst.CSTNode) -> ClassCheck | None:
    """Return the check that contains the name of a class; None: the name is not in a check."""
    inner, parent = node, source.parent(node)
    while isinstance(parent, cst.Element | cst.Tuple) or (
        isinstance(parent, cst.BinaryOperation) and isinstance(parent.operator, cst.BitOr)
    ):
        inner, parent = parent, source.parent(parent)
    match parent:
        case cst.Arg():
            call = source.parent(parent)
            is_asked = isinstance(call, cst.Call) and dotted(call.func) in _ASK and len(call.args) > 1 and call.args[1] is parent
            return ClassCheck(call.args[0].value, looks_inside=False) if is_asked and isinstance(call, cst.Call) else None
        case cst.MatchClass(cls=named) if named is inner:
            around = next((item for item in source.ancestors(parent) if isinstance(item, cst.Match)), None)
            return ClassCheck(around.subject, bool(parent.patterns or parent.kwds)) if around is not None else None
        case cst.Comparison(left=left, comparisons=[one]):
            return _compared(one.comparator if left is inner else left)
        case cst.ComparisonTarget():
            whole = source.parent(parent)
            return _compared(whole.left) if isinstance(whole, cst.Comparison) and len(whole.comparisons) == 1 else None
    return None


def may_be_compared(source: Source, node: cst.CSTNode) -> bool:
    """Return whether a class is in a set, a key of a dictionary, or the right side of `in`, where it is found by being the same class."""
    inner, parent = node, source.parent(node)
    while isinstance(parent, cst.Element | cst.Tuple | cst.List):
        inner, parent = parent, source.parent(parent)
    return isinstance(parent, cst.Set | cst.ComparisonTarget) or (isinstance(parent, cst.DictElement) and parent.key is inner)


def is_dispatched(source: Source, node: cst.CSTNode) -> bool:
    """Return whether a class is the annotation of a parameter by which `singledispatch` chooses a function."""
    inside = list(source.ancestors(node))
    function = next((item for item in inside if isinstance(item, cst.FunctionDef)), None)
    decorators = [(dotted(item.decorator) or "").removesuffix("()") for item in function.decorators] if function is not None else []
    return any(isinstance(item, cst.Annotation) for item in inside) and any(name.endswith(".register") for name in decorators)


def objection_to_check(source: Source, uses: Uses, check: ClassCheck) -> str | None:
    """Return why the checked object may be one that is not rewritten; None: every object is known, or comes from the caller."""
    if check.looks_inside:
        return "the pattern asks for attributes of the old class; write it for the target"
    subject = check.subject
    text = source.code(subject)
    why = f"it cannot be seen what {text} is, and it may be an object of the old class; change the check when that object is changed"
    if uses.meaning(subject) is not None or not isinstance(subject, cst.Name):
        return None if uses.meaning(subject) is not None else why
    return None if all(_is_known(source, uses, item) for item in source.assignments(subject)) else why


def comes_from_elsewhere(source: Source, uses: Uses, check: ClassCheck) -> bool:
    """Return whether the checked object may have been made elsewhere, because the file assigns an unknown value to it."""
    subject = check.subject
    if not isinstance(subject, cst.Name):
        return not isinstance(subject, cst.Call) or uses.meaning(subject) is None
    bindings = source.assignments(subject)
    return not bindings or any(item.kind != "name" or not _is_known(source, uses, item) for item in bindings)


def _compared(other: cst.CSTNode) -> ClassCheck | None:
    if isinstance(other, cst.Name) and other.value == "None":
        return None
    if isinstance(other, cst.Call) and dotted(other.func) == "type" and len(other.args) == 1:
        return ClassCheck(other.args[0].value, looks_inside=False)
    return ClassCheck(other, looks_inside=False)


def _is_known(source: Source, uses: Uses, binding: Binding) -> bool:
    """Return whether a place binds an object of a known class, or a parameter that is not a fixture of pytest."""
    node = binding.node
    if node is None or binding.kind not in {"name", "parameter"}:
        return binding.kind in {"import", "delete"}
    if binding.kind == "parameter":
        function = next((item for item in source.ancestors(node) if isinstance(item, cst.FunctionDef)), None)
        return function is None or not function.name.value.startswith("test")
    around = source.parent(node)
    assign = source.parent(around) if isinstance(around, cst.AssignTarget) else around
    value = assign.value if isinstance(assign, cst.Assign | cst.AnnAssign | cst.NamedExpr) else None
    is_plain = isinstance(value, cst.BaseString | cst.BaseNumber) or (
        isinstance(value, cst.Name) and value.value in {"None", "True", "False"}
    )
    return value is not None and (is_plain or uses.meaning(value) is not None)
