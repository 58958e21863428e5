"""`TABLE = {"chat": Engine}`: the class of `TABLE["chat"](...)` is known if every use of the table is such a call."""

import libcst as cst

from migration.consolidation.codemod.follow.partials import others_of
from migration.consolidation.codemod.read.source import Source
from migration.consolidation.codemod.read.tree import Tree, taken_elsewhere


def calls_by_table(source: Source, path: str, tree: Tree, node: cst.CSTNode) -> list[cst.Call] | None:
    """Return the calls of a class by its key in a table; None: it is not in a table, or some use of the table is not a call."""
    element = source.parent(node)
    table = source.parent(element)
    if not isinstance(element, cst.DictElement) or element.value is not node or not isinstance(table, cst.Dict):
        return None
    keys = [_text(item.key) if isinstance(item, cst.DictElement) else None for item in table.elements]
    assign = source.parent(table)
    variable = assign.targets[0].target if isinstance(assign, cst.Assign) and len(assign.targets) == 1 else None
    if None in keys or len(set(keys)) != len(keys) or not isinstance(variable, cst.Name) or len(source.assignments(variable)) != 1:
        return None
    if source.is_top_level(variable) and taken_elsewhere(tree, path, variable.value) is not None:
        return None
    found = []
    for name in others_of(source, variable):
        call = _call(source, name)
        if call is None:
            return None
        if _key(source.parent(name)) == keys[list(table.elements).index(element)]:
            found.append(call)
    return found


def _call(source: Source, name: cst.Name) -> cst.Call | None:
    """Return the call of a table's item that is read by a literal key; None: the table is used in another way."""
    place = source.parent(name)
    call = source.parent(place)
    is_call = _key(place) is not None and isinstance(place, cst.Subscript) and place.value is name
    return call if is_call and isinstance(call, cst.Call) and call.func is place else None


def _key(place: cst.CSTNode) -> object:
    match place:
        case cst.Subscript(slice=[cst.SubscriptElement(slice=cst.Index(value=key))]):
            return _text(key)
        case _:
            return None


def _text(node: cst.CSTNode) -> object:
    return node.evaluated_value if isinstance(node, cst.SimpleString) else None
