"""`variable = partial(Class, ...)`: it is rewritten to a lambda if every call of the variable can be seen."""

from collections.abc import Sequence

import libcst as cst

from migration.consolidation.codemod.read.source import Source, dotted, is_none, is_simple, root_name
from migration.consolidation.codemod.read.tree import Tree, taken_elsewhere
from migration.consolidation.codemod.rules import CodemodRule


def partial_call(source: Source, node: cst.CSTNode) -> cst.Call | None:
    """Return the call of `functools.partial` whose first argument is this node; None: it is used in another way."""
    argument = source.parent(node)
    call = source.parent(argument) if isinstance(argument, cst.Arg) else None
    if not isinstance(call, cst.Call) or call.args[0] is not argument or (root := root_name(call.func)) is None:
        return None
    imports = [item.node for item in source.assignments(root) if item.kind == "import" and item.node is not None]
    texts = {source.code(node).split()[1] for node in imports}
    return call if dotted(call.func) in {"partial", "functools.partial"} and texts == {"functools"} else None


def objection_to_partial(source: Source, path: str, tree: Tree, call: cst.Call, rules: Sequence[CodemodRule]) -> str | None:
    """Return why a `partial` cannot become a lambda: a call of its result cannot be found, or would not do the same; None: it can."""
    assign = source.parent(call)
    variable = assign.targets[0].target if isinstance(assign, cst.Assign) and len(assign.targets) == 1 else None
    if not isinstance(variable, cst.Name) or not source.is_top_level(variable) or len(source.assignments(variable)) != 1:
        return "the result of partial is not assigned to one variable of the module; pass on something that makes the target"
    if (other := taken_elsewhere(tree, path, variable.value)) is not None:
        return f"{other} takes {variable.value} from here; write a function instead of partial"
    roots = [root for item in call.args if (root := root_name(item.value)) is not None]
    if any(len(source.assignments(root)) != 1 for root in roots):
        return "an argument of partial may have another value when the result is called; write a function instead"
    left = next((found for rule in rules if not isinstance(found := left_to_give(call, rule), str)), [])
    for name in others_of(source, variable):
        made = source.parent(name)
        given = [item for item in made.args if not item.star and item.keyword is None] if isinstance(made, cst.Call) else []
        if not isinstance(made, cst.Call) or made.func is not name or not len(given) == len(made.args) == len(left):
            return f"{variable.value} is passed on, or called with other values than {', '.join(left)}; write a function instead of partial"
    return None


def left_to_give(call: cst.Call, rule: CodemodRule) -> list[str] | str:
    """Return the parameters of a rule that calls must still pass after `partial(callee, ...)`, or why they cannot be determined."""
    given, parameters = call.args[1:], rule.parameters
    if any(argument.star or argument.keyword is not None or not is_simple(argument.value) for argument in given):
        return "an argument of partial is not a plain name or is passed by keyword; write a function instead"
    if rule.awaits or rule.awaited or "self" in rule.used:
        return "the target is made by a coroutine; write a coroutine function instead of partial"
    left = [parameter.name for parameter in parameters[len(given) :] if parameter.presence == "required"]
    if not left or [parameter.name for parameter in parameters[len(given) :]][: len(left)] != left:
        return "partial leaves no required argument open, or an optional one comes before it; write a function instead"
    if any(parameter.presence != "required" or is_none(item.value) for parameter, item in zip(parameters, given, strict=False)):
        return "an argument of partial has no counterpart on the target"
    roots = {root.value for item in given if (root := root_name(item.value)) is not None}
    return f"{' or '.join(left)} means something else here" if roots.intersection(left) else left


def others_of(source: Source, variable: cst.Name) -> list[cst.Name]:
    """Return the other places in the file that name the same variable."""
    own = set(map(id, source.assignments(variable)))
    names = (node for node in source.nodes() if isinstance(node, cst.Name) and node.value == variable.value and node is not variable)
    return [node for node in names if own.intersection(map(id, source.assignments(node)))]
