"""Imports whose failure is handled: such an import checks whether a module or a name exists, so it must not name another module."""

from typing import Final

import libcst as cst

from migration.consolidation.codemod.read.source import Source, dotted

_CATCH_IMPORTS: Final = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException", "AttributeError"})
_EXPECT: Final = frozenset(
    {"raises", "suppress", "assertRaises", "assertRaisesRegex", "warns", "assertWarns", "deprecated_call", "catch_warnings"}
)


def is_probe(source: Source, node: cst.CSTNode, *, is_used: bool) -> bool:
    """Return whether the failure of an import is handled as a result of its own.

    A fallback does not count: a `try` that contains only the import, and whose handlers only bind the names to None or import something
    else.

    Args:
        source: the file.
        node: the import statement, or the call that imports.
        is_used: whether the imported name is used in the file; if it is not used, the import can only be a check.
    """
    inner = node
    for around in source.ancestors(node):
        if isinstance(around, cst.With) and any(_expects(item) for item in around.items):
            return True
        is_tried = isinstance(around, cst.Try | cst.TryStar) and inner is around.body and any(map(_catches, around.handlers))
        if is_tried and isinstance(around, cst.Try | cst.TryStar) and not (is_used and _is_fallback(source, around)):
            return True
        if isinstance(around, cst.FunctionDef) and any("xfail" in source.code(item.decorator) for item in around.decorators):
            return True
        inner = around
    return False


def _expects(item: cst.WithItem) -> bool:
    callee = dotted(item.item.func) if isinstance(item.item, cst.Call) else None
    return (callee or "").rpartition(".")[2] in _EXPECT


def _catches(handler: cst.ExceptHandler | cst.ExceptStarHandler) -> bool:
    caught = handler.type
    if caught is None:
        return True
    types = [item.value for item in caught.elements] if isinstance(caught, cst.Tuple) else [caught]
    return any((dotted(item) or "ImportError").rpartition(".")[2] in _CATCH_IMPORTS for item in types)


def _is_fallback(source: Source, block: cst.Try | cst.TryStar) -> bool:
    if block.orelse is not None or block.finalbody is not None or not _lines(block.body, cst.Import, cst.ImportFrom):
        return False
    return all(_binds_none(source, handler.body) for handler in block.handlers)


def _lines(body: cst.BaseSuite, *kinds: type[cst.CSTNode]) -> bool:
    lines = body.body if isinstance(body, cst.IndentedBlock) else [body]
    return all(
        isinstance(line, cst.SimpleStatementLine | cst.SimpleStatementSuite) and all(isinstance(item, kinds) for item in line.body)
        for line in lines
    )


def _binds_none(source: Source, body: cst.BaseSuite) -> bool:
    if not _lines(body, cst.Assign, cst.Import, cst.ImportFrom):
        return False
    assigned = [node for node in _below(source, body) if isinstance(node, cst.Assign)]
    return all(isinstance(item.value, cst.Name) and item.value.value == "None" for item in assigned)


def _below(source: Source, node: cst.CSTNode) -> list[cst.CSTNode]:
    return [node, *(inner for child in source.children(node) for inner in _below(source, child))]
