"""A user that is passed to each call of a method and not to the constructor: `Engine(registry).execute_agent(context, user)`.

The user can be passed to the constructor instead under two conditions. First, only such calls are made on the object, all in the function
that makes it. Second, the user is a parameter of that function and is never assigned again.
"""

from collections.abc import Callable, Sequence

import libcst as cst

from migration.consolidation.codemod.follow.partials import others_of
from migration.consolidation.codemod.read.source import Source, is_none
from migration.consolidation.codemod.rules import Parameter

_AnyFunction = cst.FunctionDef | cst.Lambda
#: Returns the position of the parameter of this name in the method that an expression means; None: the method does not have it.
PlaceOf = Callable[[cst.Attribute, str], int | None]


def named_later(source: Source, call: cst.Call, parameter: Parameter, place_of: PlaceOf) -> cst.Arg | None:
    """Return the argument that later calls pass for a parameter of a constructor's rule; None: not all calls pass the same one."""
    members = _members(source, call) if parameter.method else []
    function = _function(source, call)
    given: list[cst.Arg] = []
    for member in members:
        later = source.parent(member)
        if not isinstance(later, cst.Call) or later.func is not member or _function(source, later) is not function:
            return None
        if member.attr.value == parameter.method:
            argument = _argument(later, parameter.name, place_of(member, parameter.name))
            if argument is None or not _is_parameter_of(source, argument.value, function):
                return None
            given.append(argument)
    names = {source.code(argument.value) for argument in given}
    return cst.Arg(given[0].value) if len(names) == 1 else None


def _members(source: Source, call: cst.Call) -> Sequence[cst.Attribute]:
    """Return the attributes that are read from the object; () if the object is also used in another way."""
    parent = source.parent(call)
    if isinstance(parent, cst.Attribute):
        return [parent]
    variable = parent.targets[0].target if isinstance(parent, cst.Assign) and len(parent.targets) == 1 else None
    if not isinstance(variable, cst.Name) or len(source.assignments(variable)) != 1:
        return []
    holders = [source.parent(name) for name in others_of(source, variable)]
    members = [holder for holder in holders if isinstance(holder, cst.Attribute)]
    return members if len(members) == len(holders) else []


def _argument(call: cst.Call, name: str, place: int | None) -> cst.Arg | None:
    if any(argument.star for argument in call.args) or place is None:
        return None
    by_name = next((item for item in call.args if item.keyword is not None and item.keyword.value == name), None)
    by_place = call.args[place] if place < len(call.args) and call.args[place].keyword is None else None
    return by_name or by_place


def _is_parameter_of(source: Source, value: cst.BaseExpression, function: _AnyFunction | None) -> bool:
    if not isinstance(value, cst.Name) or is_none(value) or function is None:
        return False
    bound = source.assignments(value)
    nodes = [item.node for item in bound]
    return len(bound) == 1 and [isinstance(node, cst.Param) and _function(source, node) is function for node in nodes] == [True]


def _function(source: Source, node: cst.CSTNode) -> _AnyFunction | None:
    return next((item for item in source.ancestors(node) if isinstance(item, _AnyFunction)), None)
