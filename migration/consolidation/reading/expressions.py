"""Reads the expressions of the statements that matter: calls, dotted names, strings, and what decides the type of a variable."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from migration.consolidation.reading.dotted import annotation_names, dotted_name, names_in_text
from migration.consolidation.reading.facts import HIDDEN, RETURNED, BindingFact, BoundBy, CallFact, Scope, StringFact, UseFact
from migration.consolidation.reading.hiding import owner_of
from migration.consolidation.reading.lines import Lines
from migration.consolidation.reading.outline import CodeLeaf
from migration.consolidation.reading.scopes import inner_names

#: Functions that import what a string names.
IMPORTERS: Final = frozenset({"import_module", "__import__", "find_spec", "resolve_name", "run_module", "importorskip"})


@dataclass(slots=True)
class Expressions:
    """The facts in expressions."""

    bindings: list[BindingFact] = field(default_factory=list)
    calls: list[CallFact] = field(default_factory=list)
    uses: list[UseFact] = field(default_factory=list)
    strings: list[StringFact] = field(default_factory=list)
    flows: list[tuple[str, str]] = field(default_factory=list)
    imported_variables: list[str] = field(default_factory=list)
    multiline: list[tuple[int, int]] = field(default_factory=list)  #: first and last lines of strings that span several lines


@dataclass(frozen=True, slots=True)
class _Around:
    """The context of an expression."""

    scope: int
    callee: str = ""
    flows_to: str = ""
    package: str = ""
    docstring: bool = False
    hidden: frozenset[str] = frozenset()  #: names bound by lambdas and comprehensions around the expression


class ExpressionReader:
    """Reads pieces of code, and adds their facts to `found`.

    Args:
        scopes: the scopes of the file.
        interesting: parts of dotted names that the question is about.
        literals: longer names that contain one of these are interesting too.
        lines: the lines that contain an interesting name or a literal.
    """

    def __init__(self, scopes: Sequence[Scope], interesting: frozenset[str], literals: tuple[str, ...], lines: Lines) -> None:
        self._scopes = scopes
        self._asked = interesting
        self._interesting = set(interesting)
        self._shallow = False
        self._literals = literals
        self._lines = lines
        self.found = Expressions()

    def read_result(self, node: ast.Return, scope: int) -> None:
        """Record only what a function returns."""
        if node.value is not None and (name := dotted_name(node.value)) is not None:
            self._bind(scope, ast.Name(RETURNED), "call" if name.endswith("()") else "value", (name,))

    @property
    def learned(self) -> frozenset[str]:
        """The file's variables that were found to hold an object of the family."""
        return frozenset(self._interesting - self._asked - {RETURNED})

    def read_again(self, leaf: CodeLeaf) -> None:
        """Record the uses in a leaf that was read as shallow before."""
        self._walk(leaf.node, _Around(leaf.scope))

    def read(self, leaf: CodeLeaf, *, shallow: bool) -> None:
        """Read one leaf. `shallow`: record only what it assigns to variables."""
        self._shallow = shallow
        self._read(leaf)
        self._shallow = False

    def _read(self, leaf: CodeLeaf) -> None:
        around = _Around(leaf.scope)
        match leaf.node:
            case ast.arguments():
                self._parameters(leaf.node, leaf.scope)
            case ast.With() | ast.AsyncWith():
                self._with(leaf.node, around)
            case ast.For() | ast.AsyncFor():
                self._loop(leaf.node.target, leaf.node.iter, around)
            case ast.Assign(targets=targets, value=value):
                self._assign(targets, value, around)
            case ast.AnnAssign(target=target, annotation=annotation, value=value):
                self._bind(leaf.scope, target, "instance", annotation_names(annotation))
                self._walk(annotation, around)
                if value is not None:
                    self._assign([target], value, around)
            case ast.Return(value=ast.expr() as value) | ast.Expr(value=ast.Yield(value=ast.expr() as value)):
                self._assign([ast.Name(RETURNED)], value, around)
            case ast.Expr(value=ast.Constant() as constant):
                self._string(constant, _Around(leaf.scope, docstring=True))
            case node:
                self._walk(node, around)

    def _parameters(self, arguments: ast.arguments, scope: int) -> None:
        for parameter in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            if parameter.annotation is not None:
                if names := annotation_names(parameter.annotation):
                    self.found.bindings.append(BindingFact(scope, parameter.arg, "instance", names))
                self._walk(parameter.annotation, _Around(self._scopes[scope].parent))
        for default in (*arguments.defaults, *arguments.kw_defaults):
            if default is not None:
                self._walk(default, _Around(self._scopes[scope].parent))

    def _with(self, node: ast.With | ast.AsyncWith, around: _Around) -> None:
        for item in node.items:
            if item.optional_vars is not None and (name := dotted_name(item.context_expr)) is not None:
                self._bind(around.scope, item.optional_vars, "scope", (name,))
            self._walk(item.context_expr, around)

    def _loop(self, target: ast.expr, iterable: ast.expr, around: _Around) -> None:
        """The elements of an iterable flow into the loop's variables."""
        names = [name.id for name in ast.walk(target) if isinstance(name, ast.Name)]
        source = (dotted_name(iterable) or "").removesuffix("()")
        for wrapper in (".items", ".values", ".keys"):
            source = source.removesuffix(wrapper)
        for name in names:
            if source:
                self.found.flows.append((source, name))
            elif not isinstance(iterable, ast.Constant):
                self.found.flows.append((f"{name}[]", name))
        self._walk(iterable, _Around(around.scope, flows_to=f"{names[0]}[]" if names else "", hidden=around.hidden))
        self.found.flows.extend((f"{names[0]}[]", name) for name in names[1:])

    def _assign(self, targets: Sequence[ast.expr], value: ast.expr, around: _Around) -> None:
        flows_to = next((name for target in targets if (name := dotted_name(target)) is not None), "")
        imported = _literal_import(value)
        for target in targets:
            if imported is not None:
                self._bind(around.scope, target, "import", (imported,))
            elif (name := dotted_name(value)) is not None:
                if name.partition(".")[0].removesuffix("()") not in around.hidden:
                    self._bind(around.scope, target, "call" if name.endswith("()") else "value", (name,))
            elif isinstance(value, ast.IfExp | ast.BoolOp):
                choices = value.values if isinstance(value, ast.BoolOp) else [value.body, value.orelse]
                names = [text for choice in choices if (text := dotted_name(choice)) is not None]
                self._bind(around.scope, target, "value", tuple(names))
            if isinstance(value, ast.Subscript) and (table := dotted_name(value.value)) is not None:
                self.found.flows.extend((table, name.id) for name in ast.walk(target) if isinstance(name, ast.Name))
            if not isinstance(target, ast.Name):
                self._walk(target, around)
        self._walk(value, _Around(around.scope, flows_to=flows_to, hidden=around.hidden))

    def _bind(self, scope: int, target: ast.expr, by: BoundBy, values: tuple[str, ...]) -> None:
        name = dotted_name(target)
        if name is None or not values or "()" in name:
            return
        if by in {"import", "value"} and any(self._is_interesting(value) for value in values):
            self._interesting.add(name)
        if "." not in name:
            scope = owner_of(self._scopes, scope, name)
        holder = self._scopes[scope]
        if holder.self_name and name.startswith(holder.self_name + "."):
            # An attribute of `self` is recorded in the class's scope, so that every method finds it.
            scope, name = holder.parent, "self." + name.removeprefix(holder.self_name + ".")
        elif holder.kind == "class":
            self.found.bindings.append(BindingFact(scope, "self." + name, by, values))
        self.found.bindings.append(BindingFact(scope, name, by, values))

    def _walk(self, code: ast.AST, around: _Around) -> None:
        pending: list[tuple[ast.AST, _Around]] = [] if self._shallow else [(code, around)]
        while pending:
            node, here = pending.pop()
            match node:
                case ast.Constant():
                    self._string(node, here)
                case ast.JoinedStr():
                    self._note_lines(node)
                    pending.extend((part, here) for part in node.values)
                case ast.Call():
                    pending.extend(self._call(node, here))
                case ast.Attribute() | ast.Name():
                    pending.extend(self._use(node, here))
                case ast.NamedExpr(target=target, value=value):
                    self._assign([target], value, here)
                case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                    pending.extend(self._comprehension(node, here))
                case ast.Lambda(args=arguments, body=body):
                    pending.extend((default, here) for default in (*arguments.defaults, *arguments.kw_defaults) if default is not None)
                    pending.append((body, replace(here, hidden=here.hidden | inner_names(node))))
                case _:
                    pending.extend((child, here) for child in ast.iter_child_nodes(node))

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, around: _Around
    ) -> Iterator[tuple[ast.AST, _Around]]:
        """Only the first iterable is evaluated outside of the comprehension."""
        inside = replace(around, hidden=around.hidden | inner_names(node))
        for index, generator in enumerate(node.generators):
            self._loop(generator.target, generator.iter, inside if index else around)
            yield from ((condition, inside) for condition in generator.ifs)
        yield from ((part, inside) for part in ([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]))

    def _call(self, node: ast.Call, around: _Around) -> Iterator[tuple[ast.AST, _Around]]:
        callee = dotted_name(node.func)
        last = (callee or "").rpartition(".")[2]
        package = ""
        if callee is not None:
            if self._is_interesting(callee):
                keywords = tuple(keyword.arg for keyword in node.keywords if keyword.arg is not None)
                unpacks = len(keywords) < len(node.keywords) or any(isinstance(argument, ast.Starred) for argument in node.args)
                plain = sum(not isinstance(argument, ast.Starred) for argument in node.args)
                known = f"{HIDDEN}{callee}" if callee.partition(".")[0].removesuffix("()") in around.hidden else callee
                self.found.calls.append(CallFact(node.lineno, node.col_offset, around.scope, known, plain, keywords, unpacks))
            if last in IMPORTERS and node.args:
                package = _package_argument(node)
                if (variable := dotted_name(node.args[0])) is not None:
                    self.found.imported_variables.append(variable)
        yield node.func, around
        inner = _Around(around.scope, callee=callee or "", flows_to=around.flows_to, package=package, hidden=around.hidden)
        if last == "parametrize" and len(node.args) > 1 and isinstance(names := node.args[0], ast.Constant):
            self._parametrize(str(names.value), node.args[1], inner)
            return
        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
            yield argument, inner

    def _parametrize(self, names: str, values: ast.expr, around: _Around) -> None:
        """The values of `pytest.mark.parametrize` flow into the parameters that it names."""
        parameters = [name.strip() for name in names.split(",")]
        self._walk(values, _Around(around.scope, callee=around.callee, flows_to=f"{parameters[0]}[]"))
        self.found.flows.extend((f"{parameters[0]}[]", name) for name in parameters)

    def _use(self, node: ast.Attribute | ast.Name, around: _Around) -> Iterator[tuple[ast.AST, _Around]]:
        name = dotted_name(node)
        if name is not None and "()" not in name:
            if self._is_interesting(name) and name.partition(".")[0] not in around.hidden:
                self.found.uses.append(UseFact(node.lineno, around.scope, name))
        elif isinstance(node, ast.Attribute):
            yield node.value, around

    def _string(self, node: ast.Constant, around: _Around) -> None:
        if not isinstance(node.value, str):
            return
        self._note_lines(node)
        if not self._lines.touch(node.lineno, node.end_lineno or node.lineno):
            return
        for text in names_in_text(node.value):
            if any(literal in text for literal in self._literals) or not self._interesting.isdisjoint(_parts(text)):
                line = node.lineno + _line_of(node.value, text) if node.end_lineno != node.lineno else node.lineno
                self.found.strings.append(StringFact(line, text, around.callee, around.flows_to, around.package, around.docstring))

    def _note_lines(self, node: ast.Constant | ast.JoinedStr) -> None:
        if node.end_lineno is not None and node.end_lineno > node.lineno:
            self.found.multiline.append((node.lineno, node.end_lineno))

    def _is_interesting(self, name: str) -> bool:
        return any(literal in name for literal in self._literals) or not self._interesting.isdisjoint(_parts(name))


def _parts(name: str) -> list[str]:
    return name.replace("()", "").replace(":", ".").replace("/", ".").split(".")


def _line_of(text: str, part: str) -> int:
    return text.count("\n", 0, text.find(part))


def _literal_import(value: ast.expr) -> str | None:
    """Return the absolute name that a call of an import function gets as a literal; None: the value is something else."""
    if not isinstance(value, ast.Call) or (dotted_name(value.func) or "").rpartition(".")[2] not in IMPORTERS:
        return None
    name = value.args[0].value if value.args and isinstance(value.args[0], ast.Constant) else None
    if not isinstance(name, str) or not name.startswith("."):
        return name if isinstance(name, str) else None
    return absolute_name(name, _package_argument(value))


def absolute_name(name: str, package: str) -> str | None:
    """Return a relative name as an absolute one; None: it leads out of the package, or the package is not known."""
    level = len(name) - len(name.lstrip("."))
    parts = package.split(".")
    if not package or "__" in package or level > len(parts):
        return None
    return ".".join([*parts[: len(parts) - level + 1], name.lstrip(".")])


def _package_argument(node: ast.Call) -> str:
    given = node.args[1] if len(node.args) > 1 else next((keyword.value for keyword in node.keywords if keyword.arg == "package"), None)
    if isinstance(given, ast.Constant):
        return str(given.value)
    return dotted_name(given) or "" if given is not None else ""
