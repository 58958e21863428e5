"""The statements of a file: imports, classes, functions, top-level names. Expressions are only collected here; those that matter are read
later.

For a function whose lines contain none of the searched words, only the return value is recorded.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from migration.consolidation.inventory import Where
from migration.consolidation.reading.dotted import annotation_names, dotted_name
from migration.consolidation.reading.facts import AliasFact, BoundName, ClassFact, FunctionFact, ImportFact, Scope
from migration.consolidation.reading.lines import COMPOUND, Lines, statements_in
from migration.consolidation.reading.signatures import AnyFunction, read_function

_GENERATES_INIT: Final = ("dataclass", "define", "attrs", "attr.s", "mutable", "frozen", "NamedTuple", "BaseModel", "Struct", "TypedDict")


class CodeLeaf(NamedTuple):
    """A piece of code that contains no statements. A file has thousands of such pieces, so the class is a tuple."""

    node: ast.AST
    scope: int
    first: int  #: line
    last: int  #: line
    only_result: bool = False  #: the node is a `return`, and only the returned value matters


@dataclass(slots=True)
class CodeOutline:
    """The facts in the statements of one file."""

    scopes: list[Scope] = field(default_factory=lambda: [Scope("module", "", -1, "")])
    imports: list[ImportFact] = field(default_factory=list)
    classes: list[ClassFact] = field(default_factory=list)
    functions: list[FunctionFact] = field(default_factory=list)
    aliases: list[AliasFact] = field(default_factory=list)
    definitions: list[str] = field(default_factory=list)
    public_names: tuple[str, ...] | None = None
    scope_lines: dict[int, int] = field(default_factory=dict)  #: for each scope: the line of its `def` or `class`
    leaves: list[CodeLeaf] = field(default_factory=list)  #: pieces of code on the lines that matter, and `return` statements


def read_outline(tree: ast.Module, lines: Lines | None, *, may_warn: bool) -> CodeOutline:
    """Return the outline of a parsed file.

    Args:
        tree: the file.
        lines: the lines that contain words of the question; None: all lines.
        may_warn: the file contains the word `DeprecationWarning`.
    """
    outline = CodeOutline()
    _Walk(outline, lines, may_warn=may_warn).block(tree.body, 0, ())
    return outline


def base_names(node: ast.ClassDef) -> Iterator[str]:
    """Yield the dotted names of the base classes, without type arguments."""
    for base in node.bases:
        if (name := dotted_name(base.value if isinstance(base, ast.Subscript) else base)) is not None:
            yield name


def top_level_aliases(body: Sequence[ast.stmt]) -> Iterator[tuple[str, str]]:
    """Yield the aliases at the top level, each with the dotted name that it means."""
    for node in body:
        value, targets = _assignment(node)
        if value is not None:
            if (dotted := dotted_name(value)) is not None and "()" not in dotted:
                yield from ((name.id, dotted) for target in targets for name in _flat(target) if isinstance(name, ast.Name))
        elif isinstance(node, COMPOUND):
            yield from top_level_aliases(list(statements_in(node)))


class _Walk:
    """One walk over the statements of a file. `scope` is the number of the scope that contains a statement, `where` are the blocks around
    it.
    """

    def __init__(self, outline: CodeOutline, lines: Lines | None, *, may_warn: bool) -> None:
        self._outline = outline
        self._lines = lines
        self._may_warn = may_warn

    def block(self, body: Sequence[ast.stmt], scope: int, where: tuple[Where, ...]) -> None:
        for statement in body:
            self._statement(statement, scope, where)

    def _statement(self, node: ast.stmt, scope: int, where: tuple[Where, ...]) -> None:
        if isinstance(node, COMPOUND):
            self._compound(node, scope, where)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self._function(node, scope, where)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            self._import(node, scope, where)
        elif isinstance(node, ast.ClassDef):
            self._class(node, scope, where)
        else:
            if scope == 0:
                self._top_level(node)
            self._leaf(node, scope)

    def _import(self, node: ast.Import | ast.ImportFrom, scope: int, where: tuple[Where, ...]) -> None:
        plain = isinstance(node, ast.Import)
        level, module = (0, "") if isinstance(node, ast.Import) else (node.level, node.module or "")
        names = tuple(BoundName(alias.name, alias.asname) for alias in node.names)
        self._outline.imports.append(ImportFact(node.lineno, node.end_lineno or node.lineno, scope, where, plain, level, module, names))

    def _function(self, node: AnyFunction, scope: int, where: tuple[Where, ...]) -> None:
        around = self._outline.scopes[scope]
        if scope == 0:
            self._outline.definitions.append(node.name)
            self._outline.functions.append(read_function(node, in_class=False))
        parameters = (*node.args.posonlyargs, *node.args.args)
        self_name = parameters[0].arg if around.kind == "class" and parameters else ""
        inside = self._scope(Scope("function", _join(around.name, node.name), scope, self_name), node.lineno)
        for decorator in node.decorator_list:
            self._leaf(decorator, scope)
        if self._lines is not None and not self._lines.touch(node.lineno, node.end_lineno or node.lineno):
            self._results(node.body, inside)
            return
        # Parameters belong to the function's own scope, so their annotations define types there.
        self._between(node.args, inside, node.lineno, node.body[0].lineno)
        if node.returns is not None:
            self._leaf(node.returns, scope)
        self.block(node.body, inside, (*where, "function"))

    def _class(self, node: ast.ClassDef, scope: int, where: tuple[Where, ...]) -> None:
        name = _join(self._outline.scopes[scope].name, node.name)
        if scope == 0:
            self._outline.definitions.append(node.name)
        self._outline.classes.append(read_class(node, name, scope, may_warn=self._may_warn))
        inside = self._scope(Scope("class", name, scope, ""), node.lineno)
        for expression in (*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)):
            self._leaf(expression, scope)
        self.block(node.body, inside, (*where, "class"))

    def _compound(self, node: ast.stmt, scope: int, where: tuple[Where, ...]) -> None:
        kind: Where | None = None
        if isinstance(node, ast.If):
            kind = "type-checking" if (dotted_name(node.test) or "").rpartition(".")[2] == "TYPE_CHECKING" else "if"
        elif isinstance(node, ast.Try | ast.TryStar):
            kind = "try"
        if scope == 0 and isinstance(node, ast.For | ast.AsyncFor | ast.With | ast.AsyncWith):
            self._bind_targets(node)
        if isinstance(node, ast.With | ast.AsyncWith | ast.For | ast.AsyncFor):
            self._between(node, scope, node.lineno, node.body[0].lineno)
        for name, value in ast.iter_fields(node):
            # The `else:` of an `if TYPE_CHECKING:` also runs, so it is not only for type checkers.
            inner = where if kind is None else (*where, "if" if name == "orelse" and kind == "type-checking" else kind)
            self._field(node, value, scope, inner)

    def _field(self, node: ast.stmt, value: object, scope: int, where: tuple[Where, ...]) -> None:
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, ast.stmt):
                self._statement(item, scope, where)
            elif isinstance(item, ast.ExceptHandler):
                self.block(item.body, scope, (*where[:-1], "except"))
            elif isinstance(item, ast.match_case):
                self.block(item.body, scope, where)
            elif isinstance(item, ast.expr) and not isinstance(node, ast.For | ast.AsyncFor):
                self._leaf(item, scope)

    def _bind_targets(self, node: ast.For | ast.AsyncFor | ast.With | ast.AsyncWith) -> None:
        targets = [node.target] if isinstance(node, ast.For | ast.AsyncFor) else [item.optional_vars for item in node.items]
        self._outline.definitions.extend(name.id for target in targets if target for name in ast.walk(target) if isinstance(name, ast.Name))

    def _top_level(self, node: ast.stmt) -> None:
        """Record the names that an assignment at the top level binds."""
        value, targets = _assignment(node)
        names = [name.id for target in targets for name in _flat(target) if isinstance(name, ast.Name)]
        self._outline.definitions.extend(names)
        if "__all__" in names and value is not None:
            self._public(node, value)
        elif value is not None and (dotted := dotted_name(value)) is not None and "()" not in dotted:
            self._outline.aliases.extend(AliasFact(name, dotted, node.lineno) for name in names)

    def _public(self, node: ast.stmt, value: ast.expr) -> None:
        if not isinstance(value, ast.List | ast.Tuple):
            return
        names = tuple(item.value for item in value.elts if isinstance(item, ast.Constant) and isinstance(item.value, str))
        self._outline.public_names = ((self._outline.public_names or ()) if isinstance(node, ast.AugAssign) else ()) + names

    def _leaf(self, node: ast.stmt | ast.expr, scope: int) -> None:
        self._between(node, scope, node.lineno, node.end_lineno or node.lineno)

    def _between(self, node: ast.AST, scope: int, first: int, last: int) -> None:
        if self._lines is None or self._lines.touch(first, last):
            self._outline.leaves.append(CodeLeaf(node, scope, first, last))
        elif isinstance(node, ast.Return):
            self._outline.leaves.append(CodeLeaf(node, scope, first, last, only_result=True))

    def _results(self, body: Sequence[ast.stmt], scope: int) -> None:
        """Record the return value of a function, if nothing else in the function matters."""
        for node in body:
            if isinstance(node, ast.Return):
                self._outline.leaves.append(CodeLeaf(node, scope, node.lineno, node.end_lineno or node.lineno, only_result=True))
            elif isinstance(node, COMPOUND):
                self._results(list(statements_in(node)), scope)

    def _scope(self, scope: Scope, line: int) -> int:
        self._outline.scope_lines[len(self._outline.scopes)] = line
        self._outline.scopes.append(scope)
        return len(self._outline.scopes) - 1


def read_class(node: ast.ClassDef, name: str, scope: int, *, may_warn: bool) -> ClassFact:
    """Return the facts of a class statement. `may_warn`: the file contains the word `DeprecationWarning`."""
    bases = tuple(base_names(node))
    methods = tuple(read_function(item, in_class=True) for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef))
    annotated = [item for item in node.body if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)]
    decorators = [dotted_name(decorator) or "" for decorator in node.decorator_list]
    return ClassFact(
        name,
        node.lineno,
        node.end_lineno or node.lineno,
        scope,
        bases,
        methods,
        tuple(
            (item.target.id, names[0])
            for item in annotated
            if isinstance(item.target, ast.Name) and (names := annotation_names(item.annotation))
        ),
        any(text.removesuffix("()").endswith(_GENERATES_INIT) for text in (*decorators, *bases)),
        _says_deprecated(node, decorators) or (may_warn and _warns_deprecated(node)),
    )


def _says_deprecated(node: ast.ClassDef, decorators: Sequence[str]) -> bool:
    docstring = ast.get_docstring(node, clean=False) or ""
    return "deprecated" in docstring.lower() or any("deprecated" in decorator for decorator in decorators)


def _warns_deprecated(node: ast.ClassDef) -> bool:
    constructors = (item for item in node.body if isinstance(item, ast.FunctionDef) and item.name in {"__init__", "__new__"})
    return any(
        isinstance(name, ast.Name) and name.id == "DeprecationWarning" for constructor in constructors for name in ast.walk(constructor)
    )


def _assignment(node: ast.stmt) -> tuple[ast.expr | None, Sequence[ast.expr]]:
    match node:
        case ast.Assign(targets=targets, value=value):
            return value, targets
        case ast.AnnAssign(target=target, value=value):
            return value, [target] if value is not None else []
        case ast.AugAssign(target=target, value=value):
            return value, [target]
        case _:
            return None, []


def _flat(target: ast.expr) -> Sequence[ast.expr]:
    if isinstance(target, ast.Tuple | ast.List):
        return [inner for item in target.elts for inner in _flat(item)]
    return [target.value if isinstance(target, ast.Starred) else target]


def _join(outer: str, name: str) -> str:
    return f"{outer}.{name}" if outer else name
