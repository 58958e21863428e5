"""`f(*parts, **{"name": value})` if the unpacked value is known: a literal, or a variable whose only value is a tuple."""

from collections.abc import Iterator, Sequence

import libcst as cst

from migration.consolidation.codemod.read.source import Source, is_simple, root_name


def unpacked(source: Source, call: cst.Call) -> list[cst.Arg] | None:
    """Return the arguments of a call with each unpacked value written out; None: a value is not known."""
    found: list[cst.Arg] = []
    for argument in call.args:
        inner = [argument] if not argument.star else _by_place(source, argument.value) if argument.star == "*" else _by_name(argument.value)
        if inner is None or (found and found[-1].keyword is not None and any(item.keyword is None for item in inner)):
            return None
        found.extend(inner)
    return found


def _by_place(source: Source, value: cst.BaseExpression) -> list[cst.Arg] | None:
    if isinstance(value, cst.Tuple | cst.List):
        elements: Sequence[cst.BaseElement] = value.elements
    elif isinstance(value, cst.Name) and (held := _held(source, value)) is not None and all(_stays(source, item) for item in held.elements):
        elements = held.elements
    else:
        return None
    return [cst.Arg(item.value) for item in elements] if all(isinstance(item, cst.Element) for item in elements) else None


def _held(source: Source, name: cst.Name) -> cst.Tuple | None:
    """Return the tuple that is the only value ever assigned to a variable; None: it may have another value."""
    bound = source.assignments(name)
    if len(bound) != 1 or bound[0].kind != "name" or bound[0].node is None:
        return None
    assign = source.parent(source.parent(bound[0].node))
    is_plain = isinstance(assign, cst.Assign) and len(assign.targets) == 1 and assign.targets[0].target is bound[0].node
    return assign.value if is_plain and isinstance(assign, cst.Assign) and isinstance(assign.value, cst.Tuple) else None


def _stays(source: Source, element: cst.BaseElement) -> bool:
    """Return whether the element has the same value wherever it is evaluated: a literal, or a name that is bound once."""
    root = root_name(element.value)
    return (
        is_simple(element.value) and not isinstance(element.value, cst.Attribute) and (root is None or len(source.assignments(root)) == 1)
    )


def _by_name(value: cst.BaseExpression) -> list[cst.Arg] | None:
    return list(_keywords(value)) if isinstance(value, cst.Dict) and all(_is_keyword(item) for item in value.elements) else None


def _keywords(value: cst.Dict) -> Iterator[cst.Arg]:
    for item in value.elements:
        if isinstance(item, cst.DictElement) and isinstance(item.key, cst.SimpleString):
            yield cst.Arg(item.value, keyword=cst.Name(str(item.key.evaluated_value)))


def _is_keyword(item: cst.BaseDictElement) -> bool:
    return isinstance(item, cst.DictElement) and isinstance(item.key, cst.SimpleString) and str(item.key.evaluated_value).isidentifier()
