"""Finds the scope that binds each name of a file. CPython's own symbol table decides, so this module has no rules of its own for scopes.

A scope that binds a name hides the outer name. It may be bound by an assignment, a parameter, a loop, `as`, an import, a definition, a
pattern, `del`, or an assignment expression, which in a comprehension binds in the function around it.
"""

import ast
import symtable
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

SiteKind = Literal["name", "delete", "parameter", "definition", "import", "star", "other"]
"""What binds a name: `name` is any place where the name itself is written as a target; `other` is `as` after `except`, or a pattern."""

_AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_Scoped = _AnyFunction | ast.ClassDef | ast.Lambda | _Comprehension
_COMPREHENSIONS: Final[Mapping[type[ast.AST], str]] = {
    ast.ListComp: "listcomp",
    ast.SetComp: "setcomp",
    ast.DictComp: "dictcomp",
    ast.GeneratorExp: "genexpr",
}
#: types of symbol tables to which a node of the tree belongs; newer versions of Python have further types
_NAMED: Final = ("function", "class", "module")


@dataclass(frozen=True, slots=True)
class Site:
    """A place that binds a name."""

    kind: SiteKind
    name: str
    line: int  #: line of the name for `name`, `delete` and `parameter`, of the imported name for `import`, and otherwise of the statement
    column: int  #: in bytes of UTF-8, from 0
    node: ast.AST


@dataclass(slots=True, eq=False)
class Table:
    """One scope: a module, a class, a function, a lambda or a comprehension."""

    symbols: symtable.SymbolTable
    parent: "Table | None"
    node: ast.AST | None = None  #: None until the node is reached
    sites: dict[str, list[Site]] = field(default_factory=dict)  #: the places that bind each name in this scope
    inner: dict[tuple[int, str], "deque[Table]"] = field(default_factory=dict)  #: places by line and name, in the order of the file

    @property
    def is_class(self) -> bool:
        """Whether this is the body of a class; functions in the class do not see the names that it binds."""
        return self.symbols.get_type() == "class"

    def binds(self, name: str) -> bool:
        """Return whether this scope itself binds the name."""
        symbol = self.symbol(name)
        return symbol is not None and symbol.is_local()

    def declares_global(self, name: str) -> bool:
        """Return whether this scope takes the name from the module by a `global` statement."""
        symbol = self.symbol(name)
        return symbol is not None and symbol.is_declared_global()

    def symbol(self, name: str) -> symtable.Symbol | None:
        """Return CPython's entry for the name in this scope; None: the scope does not mention the name."""
        try:
            return self.symbols.lookup(self._mangled(name))
        except KeyError:
            return None

    def _mangled(self, name: str) -> str:
        if not name.startswith("__") or name.endswith("__"):
            return name
        table: Table | None = self
        while table is not None and not table.is_class:
            table = table.parent
        owner = table.symbols.get_name().lstrip("_") if table is not None else ""
        return f"_{owner}{name}" if owner else name


class Scopes:
    """The scopes of one file.

    Args:
        tree: the parsed file.
        text: the text that was parsed.

    Raises (at construction):
        SyntaxError: the text can be parsed but not compiled, such as `return` outside of a function.
        ValueError: the text contains a null byte, or CPython orders scopes in a way that is not known here.
    """

    def __init__(self, tree: ast.Module, text: str | bytes) -> None:
        # The stubs know texts only; bytes are read with the encoding that they declare.
        self.module: Final = _tables(symtable.symtable(text, "<file>", "exec"), None)  # type: ignore[arg-type]  # the stubs leave bytes out
        self.module.node = tree
        self.uses: dict[tuple[int, int], Table] = {}  #: for each line and column: the scope in which a name is written
        self.tables: dict[ast.AST, Table] = {tree: self.module}  #: scopes by the node that makes them
        self._postponed = any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body)
        self._walk(tree)

    def owner(self, table: Table, name: str) -> Table:
        """Return the scope that binds a name used in this scope; the module if no scope binds it."""
        here: Table | None = table
        while here is not None:
            symbol = here.symbol(name)
            if symbol is not None and symbol.is_local():
                return here
            if symbol is not None and (symbol.is_declared_global() or (symbol.is_global() and not symbol.is_free())):
                return self.module
            here = here.parent
            while here is not None and here.is_class:
                here = here.parent
        return self.module

    def sites(self, table: Table, name: str) -> Sequence[Site]:
        """Return the places that may bind a name used in this scope; () if only a star import or a builtin can bind it.

        Before a class body has bound a name, the name may mean the module's.
        """
        owner = self.owner(table, name)
        found = owner.sites.get(name, [])
        return [*found, *self.module.sites.get(name, ())] if owner.is_class else found

    def at(self, line: int, column: int) -> Table | None:
        """Return the scope in which the name at a place is written; None: there is no name at the place that a scope binds."""
        return self.uses.get((line, column))

    def around(self, line: int, column: int) -> Table:
        """Return the innermost scope whose code contains a place."""
        found, start = self.module, (0, 0)
        for node, table in self.tables.items():
            first, last = _extent(node)
            if start <= first <= (line, column) < last:
                found, start = table, first
        return found

    def _walk(self, tree: ast.Module) -> None:
        """Visit all nodes in the order in which CPython makes scopes, which matters if several begin on one line."""
        pending: list[tuple[ast.AST, Table, bool]] = [(tree, self.module, True)]
        while pending:
            node, table, entered = pending.pop()
            if not entered:
                found = self._enter(node, table)
                if found is None:
                    continue
                table = found
            self._record(node, table, entered=entered)
            pending.extend(reversed(list(_next(node, table, entered=entered))))

    def _enter(self, node: ast.AST, table: Table) -> Table | None:
        """Return the scope that a node makes; None: it is in an annotation that is never evaluated, so it has none."""
        name = getattr(node, "name", None) or ("lambda" if isinstance(node, ast.Lambda) else _COMPREHENSIONS[type(node)])
        waiting = table.inner.get((getattr(node, "lineno", 0), name))
        if not waiting and self._postponed:
            return None
        if not waiting:
            raise ValueError(f"no scope is known for {name} on line {getattr(node, 'lineno', 0)}")
        found = waiting.popleft()
        found.node = node
        self.tables[node] = found
        return found

    def _record(self, node: ast.AST, table: Table, *, entered: bool) -> None:
        match node:
            case ast.Name(id=name, ctx=context):
                self.uses[node.lineno, node.col_offset] = table
                if not isinstance(context, ast.Load):
                    self._bind(table, Site("delete" if isinstance(context, ast.Del) else "name", name, node.lineno, node.col_offset, node))
            case ast.arg(arg=name):
                self.uses[node.lineno, node.col_offset] = table
                self._bind(table, Site("parameter", name, node.lineno, node.col_offset, node))
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name) if entered:
                self._bind(table, Site("definition", name, node.lineno, node.col_offset, node))
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                for alias in aliases:
                    name = alias.asname or (alias.name.partition(".")[0] if isinstance(node, ast.Import) else alias.name)
                    self._bind(table, Site("star" if name == "*" else "import", name, alias.lineno, alias.col_offset, node))
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                self._bind(table, Site("other", name, node.lineno, node.col_offset, node))
            case ast.MatchMapping(rest=str(name)):
                self._bind(table, Site("other", name, node.lineno, node.col_offset, node))

    def _bind(self, table: Table, site: Site) -> None:
        self.owner(table, site.name).sites.setdefault(site.name, []).append(site)


def inner_names(node: ast.expr) -> frozenset[str]:
    """Return the names that a lambda or a comprehension binds for itself; () for any other expression."""
    if isinstance(node, ast.Lambda):
        return frozenset(item.arg for item in ast.walk(node.args) if isinstance(item, ast.arg))
    if isinstance(node, _Comprehension):
        targets = (name for generator in node.generators for name in ast.walk(generator.target))
        return frozenset(name.id for name in targets if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store))
    return frozenset()


def _tables(symbols: symtable.SymbolTable, parent: Table | None) -> Table:
    table = Table(symbols, parent)
    for child in symbols.get_children():
        inner = _tables(child, table)
        holders = [inner] if child.get_type() in _NAMED else []
        holders += [found for line in inner.inner.values() for found in line] if not holders else []
        for found in holders:
            table.inner.setdefault((found.symbols.get_lineno(), found.symbols.get_name()), deque()).append(found)
    return table


def _next(node: ast.AST, table: Table, *, entered: bool) -> Iterator[tuple[ast.AST, Table, bool]]:
    """Yield the nodes inside this one, each with its scope.

    A node that makes a scope is yielded twice; its content follows the second time.
    """
    if isinstance(node, _Scoped):
        before, inside = _parts(node)
        yield from ((item, table, True) for item in (before if entered else inside))
        if entered:
            yield node, table, False
    else:
        yield from ((item, table, True) for item in _plain_parts(node))


def _plain_parts(node: ast.AST) -> Sequence[ast.AST]:
    match node:
        case ast.arg():
            return ()
        case ast.Try() | ast.TryStar():
            return (*node.body, *node.orelse, *node.handlers, *node.finalbody)
        case ast.NamedExpr():
            return (node.value, node.target)
        case _:
            return tuple(ast.iter_child_nodes(node))


def _parts(node: "_Scoped") -> tuple[Sequence[ast.AST], Sequence[ast.AST]]:
    """Return the parts of a node that are evaluated outside of the scope that the node makes, and the parts that are inside."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return tuple(_before(node)), (*_parameters(node.args), *node.body)
        case ast.ClassDef():
            return (*node.bases, *node.keywords, *node.decorator_list), node.body
        case ast.Lambda():
            return (*node.args.defaults, *filter(None, node.args.kw_defaults)), (*_parameters(node.args), node.body)
        case _:
            first, *others = node.generators
            value = [node.value, node.key] if isinstance(node, ast.DictComp) else [node.elt]
            return [first.iter], (first.target, *first.ifs, *others, *value)


def _before(node: _AnyFunction) -> Iterator[ast.AST]:
    """Yield the parts of a function that are evaluated outside of it, in CPython's order."""
    yield from node.args.defaults
    yield from filter(None, node.args.kw_defaults)
    yield from (parameter.annotation for parameter in _parameters(node.args) if parameter.annotation is not None)
    yield from [node.returns] if node.returns is not None else []
    yield from node.decorator_list


def _parameters(arguments: ast.arguments) -> list[ast.arg]:
    star = [arguments.vararg] if arguments.vararg is not None else []
    stars = [arguments.kwarg] if arguments.kwarg is not None else []
    return [*arguments.posonlyargs, *arguments.args, *star, *arguments.kwonlyargs, *stars]


def _extent(node: ast.AST) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return where the code of a scope begins and ends; the arguments of a function are not part of it."""
    first: ast.AST = node
    if isinstance(node, ast.Module):
        return (0, 0), (2**62, 0)
    if isinstance(node, _AnyFunction | ast.ClassDef):
        first = node.body[0]
    elif isinstance(node, ast.Lambda):
        first = node.body
    start = getattr(first, "lineno", 0), getattr(first, "col_offset", 0)
    return start, (getattr(node, "end_lineno", 0), getattr(node, "end_col_offset", 0))
