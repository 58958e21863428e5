"""Names that a module-level `__getattr__` offers: from literal tables, and from branches such as `if name == "Engine"`."""

import ast
from collections.abc import Iterable, Iterator, Mapping

from migration.consolidation.reading.dotted import dotted_name
from migration.consolidation.reading.signatures import AnyFunction


def lazy_names(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield each name with its module, or with `module:attribute`; a relative module begins with dots."""
    yield from _of_tables(tree)
    for node in tree.body:
        if isinstance(node, AnyFunction) and node.name == "__getattr__" and node.args.args:
            yield from _Branches(tree, node.args.args[0].arg).block(node.body, (), {})


def _of_tables(tree: ast.Module) -> Iterator[tuple[str, str]]:
    tables = (node.value for node in ast.walk(tree) if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict))
    for table in tables:
        for key, value in zip(table.keys, table.values, strict=True):
            parts = [item.value for item in _elements(value) if isinstance(item, ast.Constant) and isinstance(item.value, str)]
            if isinstance(key, ast.Constant) and isinstance(key.value, str) and parts:
                yield key.value, ":".join(parts)


class _Branches:
    """The branches of one `__getattr__`.

    Args:
        tree: the file.
        parameter: the name of the parameter that gets the name.
    """

    def __init__(self, tree: ast.Module, parameter: str) -> None:
        self._parameter = parameter
        self._collections = {
            target.id: tuple(_texts(node.value))
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        self._top = dict(pair for node in tree.body for pair in _imported(node))

    def block(self, body: Iterable[ast.stmt], names: tuple[str, ...], imported: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Yield, for each name that leads to a branch, what the branch returns. `imported`: the objects that imports in the block bind."""
        imported = dict(imported)
        for node in body:
            imported.update(_imported(node))
            match node:
                case ast.If(test=test, body=inside, orelse=otherwise):
                    yield from self.block(inside, self._tested(test) or names, imported)
                    yield from self.block(otherwise, names, imported)
                case ast.Match(cases=cases):
                    for case in cases:
                        yield from self.block(case.body, tuple(_matched(case.pattern)) or names, imported)
                case ast.Try(body=inside) | ast.With(body=inside):
                    yield from self.block(inside, names, imported)
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if (found := self._value(value, "", imported)) is not None:
                    imported[name] = found
                case ast.Return(value=ast.expr() as value):
                    for name in names:
                        if (found := self._value(value, name, imported)) is not None:
                            yield name, found

    def _tested(self, test: ast.expr) -> tuple[str, ...]:
        match test:
            case ast.Compare(left=ast.Name(id=name), ops=[ast.Eq()], comparators=[ast.Constant(value=str(text))]) if (
                name == self._parameter
            ):
                return (text,)
            case ast.Compare(left=ast.Constant(value=str(text)), ops=[ast.Eq()], comparators=[ast.Name(id=name)]) if (
                name == self._parameter
            ):
                return (text,)
            case ast.Compare(left=ast.Name(id=name), ops=[ast.In()], comparators=[ast.Name(id=held)]) if name == self._parameter:
                return self._collections.get(held, ())
            case ast.Compare(left=ast.Name(id=name), ops=[ast.In()], comparators=[among]) if name == self._parameter:
                return tuple(_texts(among))
            case ast.BoolOp(values=values):
                return tuple(text for value in values for text in self._tested(value))
            case _:
                return ()

    def _value(self, value: ast.expr, name: str, imported: Mapping[str, str]) -> str | None:
        """Return `module:attribute` or a module for an expression; None: it is something else."""
        if isinstance(value, ast.Call):
            return self._called(value, name, imported)
        dotted = dotted_name(value)
        first, _, rest = (dotted or "()").partition(".")
        base = imported.get(first) or self._top.get(first)
        if base is None or not rest or "()" in rest:
            return base if not rest else None
        if ":" not in base and base == first:  # `import a.b.c` binds `a`, and the rest leads to the module
            module, _, attribute = (dotted or "").rpartition(".")
            return f"{module}:{attribute}"
        return f"{base.replace(':', '.')}:{rest}"

    def _called(self, call: ast.Call, name: str, imported: Mapping[str, str]) -> str | None:
        match call:
            case ast.Call(func=ast.Name(id="getattr"), args=[holder, attribute, *_]):
                module = self._value(holder, name, imported)
                text = _attribute(attribute, name, self._parameter)
                return f"{module.replace(':', '.')}:{text}" if module is not None and text else None
            case ast.Call(args=[ast.Constant(value=str(text)), *_]) if (dotted_name(call.func) or "").endswith("import_module"):
                return text
        return None


def _imported(node: ast.stmt) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        yield from ((alias.asname or alias.name, f"{module}:{alias.name}") for alias in node.names)
    elif isinstance(node, ast.Import):
        yield from (
            (alias.asname or alias.name.partition(".")[0], alias.name if alias.asname else alias.name.partition(".")[0])
            for alias in node.names
        )


def _attribute(node: ast.expr, name: str, parameter: str) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return name if isinstance(node, ast.Name) and node.id == parameter else ""


def _matched(pattern: ast.pattern) -> Iterator[str]:
    if isinstance(pattern, ast.MatchValue) and isinstance(pattern.value, ast.Constant) and isinstance(pattern.value.value, str):
        yield pattern.value.value
    elif isinstance(pattern, ast.MatchOr):
        for inner in pattern.patterns:
            yield from _matched(inner)


def _texts(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
            yield from (item.value for item in elements if isinstance(item, ast.Constant) and isinstance(item.value, str))
        case ast.Dict(keys=keys):
            yield from (item.value for item in keys if isinstance(item, ast.Constant) and isinstance(item.value, str))
        case ast.Call(args=[inner]):
            yield from _texts(inner)


def _elements(value: ast.expr) -> Iterable[ast.expr]:
    return value.elts if isinstance(value, ast.Tuple | ast.List) else [value]
