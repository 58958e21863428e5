"""The parameters of a function, and whether a call fits."""

import ast
from collections.abc import Sequence

from migration.consolidation.reading.dotted import annotation_names, dotted_name
from migration.consolidation.reading.facts import CallFact, FunctionFact, FunctionKind, Signature

#: The constructor of a class that neither has nor inherits one takes no arguments.
NO_ARGUMENTS = Signature((), 0, 0, (), (), False, False)

AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef


def read_function(node: AnyFunction, *, in_class: bool) -> FunctionFact:
    """Return the facts of a function definition."""
    decorators = [name for decorator in node.decorator_list if (name := dotted_name(decorator)) is not None]
    kind = _kind(node.name, [name.rpartition(".")[2] for name in decorators]) if in_class else "function"
    skip_first = in_class and kind != "static"
    return FunctionFact(
        node.name,
        node.lineno,
        node.end_lineno or node.lineno,
        kind,
        read_signature(node.args, skip_first=skip_first),
        annotation_names(node.returns),
        any("abstract" in name or name.endswith("overload") for name in decorators),
        any(name.removesuffix("()").endswith("fixture") for name in decorators),
    )


def read_signature(arguments: ast.arguments, *, skip_first: bool) -> Signature:
    """Return the parameters as a signature, without the first one if `skip_first`."""
    positional = [parameter.arg for parameter in (*arguments.posonlyargs, *arguments.args)]
    required = len(positional) - len(arguments.defaults)
    only = len(arguments.posonlyargs)
    if skip_first and positional:
        positional, required, only = positional[1:], max(0, required - 1), max(0, only - 1)
    keywords = tuple(parameter.arg for parameter in arguments.kwonlyargs)
    needed = tuple(parameter.arg for parameter, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if default is None)
    return Signature(tuple(positional), only, required, keywords, needed, arguments.vararg is not None, arguments.kwarg is not None)


def misfit(signature: Signature, call: CallFact) -> str | None:
    """Return why the signature does not accept the call; None: it does, or unpacked arguments make that unknown."""
    if call.positional > len(signature.positional) and not signature.takes_any_positional:
        most = len(signature.positional)
        return f"takes at most {most} positional argument{'' if most == 1 else 's'}, is given {call.positional}"
    by_name = signature.positional[signature.positional_only :]
    for keyword in call.keywords:
        if keyword in signature.positional[: call.positional] and keyword in by_name:
            return f"{keyword} is given twice"
        if keyword not in by_name and keyword not in signature.keyword_only and not signature.takes_any_keyword:
            return f"has no parameter {keyword}"
    if call.unpacks:
        return None
    # A keyword argument with the name of a positional-only parameter does not set it, but is put into `**keywords`.
    wanted = signature.positional[call.positional : signature.required]
    missing = [name for name in wanted if name not in call.keywords or name not in by_name]
    missing += [name for name in signature.required_keywords if name not in call.keywords]
    return f"misses {_join(missing)}" if missing else None


def _kind(name: str, decorators: Sequence[str]) -> FunctionKind:
    if "staticmethod" in decorators:
        return "static"
    if "classmethod" in decorators or name in {"__new__", "__init_subclass__", "__class_getitem__"}:
        return "class"
    return "property" if any(decorator.endswith("property") or decorator == "setter" for decorator in decorators) else "method"


def _join(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
