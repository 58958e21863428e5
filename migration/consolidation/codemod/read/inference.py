"""Types without annotations: of the result of a function or a `partial`, of a fixture, of a mock, of an import by a string.

They become further bindings in the facts of a file. These bindings refer to synthetic imports, whose names no file can contain.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from migration.consolidation.codemod.read.focus import LeftOut, without
from migration.consolidation.findings.meaning import Meaning
from migration.consolidation.findings.names import Names
from migration.consolidation.inventory import Problem
from migration.consolidation.reading.dotted import dotted_name
from migration.consolidation.reading.facts import BindingFact, BoundName, FileFacts, FunctionFact, ImportFact, Signature
from migration.consolidation.sources.modules import ModuleNames
from migration.consolidation.sources.workers import read_bytes

_AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef
#: Length of a chain of functions, each returning the result of the next one, through which return types are followed.
_ROUNDS: Final = 3
#: Python does not allow an identifier to begin with this character, so no name in a file has it there.
_DOT: Final = "\N{MIDDLE DOT}"
_ANYTHING: Final = Signature((), 0, 0, (), (), takes_any_positional=True, takes_any_keyword=True)
#: A file without one of these words neither imports by a string nor makes a mock.
_MADE: Final = re.compile(rb"\b(?:import_module|__import__|resolve_name|create_autospec)\b|Mock\b")
_SPECIFIED: Final = ("spec", "spec_set")


@dataclass(slots=True)
class _Function:
    node: _AnyFunction
    scope: int
    results: list[str] = field(default_factory=list)  #: the dotted name after each `return` and `yield`
    opaque: bool = False  #: some `return` or `yield` has an expression that is not a dotted name

    @property
    def is_fixture(self) -> bool:
        return any((dotted_name(decorator) or "").removesuffix("()").endswith("fixture") for decorator in self.node.decorator_list)


@dataclass(slots=True)
class _File:
    path: str
    tree: ast.Module
    functions: list[_Function]
    may_make: bool  #: it may import by a string, or make a mock
    fixtures: dict[str, Meaning] = field(default_factory=dict)


def infer(root: Path, facts: dict[str, FileFacts], modules: ModuleNames, left_out: Mapping[str, Sequence[LeftOut]]) -> None:
    """Add the types that can be inferred to the facts.

    Args:
        root: the audited folder.
        facts: the facts of each file, by path; changed in place.
        modules: all modules of the tree.
        left_out: the parts of files that the facts leave out.
    """
    files = [file for path in facts if (file := _parse(root, path, facts[path], left_out.get(path, ()))) is not None]
    for file in files:
        inference = _Inference(file, facts, Names(modules, {}))
        if file.may_make:
            inference.dynamic_imports_and_mocks()
        inference.partials()
    for _ in range(_ROUNDS):
        before = dict(facts)
        names = Names(modules, before)
        for file in files:
            _Inference(file, facts, names).results()
        for file in files:
            _Inference(file, facts, names).fixtures_of_parameters({other.path: other for other in files})
        if facts == before:
            return


def _parse(root: Path, path: str, facts: FileFacts, left_out: Sequence[LeftOut]) -> _File | None:
    data = read_bytes(root, path)
    if isinstance(data, Problem) or facts.problem is not None:
        return None
    tree = ast.parse(without(data, left_out))
    numbers: dict[str, list[int]] = {}
    for number, scope in enumerate(facts.scopes):
        numbers.setdefault(scope.name, []).append(number)
    seen: Counter[str] = Counter()
    functions = []
    for name, node in _definitions(tree, ""):
        occurrence = seen[name]
        seen[name] += 1
        if isinstance(node, _AnyFunction) and occurrence < len(numbers.get(name, ())):
            functions.append(_described(node, numbers[name][occurrence]))
    return _File(path, tree, functions, _MADE.search(data) is not None)


def _definitions(node: ast.AST, around: str) -> Iterator[tuple[str, ast.AST]]:
    """Yield functions and classes with their dotted names, in the order in which the audit numbers scopes."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _AnyFunction | ast.ClassDef):
            name = f"{around}.{child.name}" if around else child.name
            yield name, child
            yield from _definitions(child, name)
        else:
            yield from _definitions(child, around)


def _described(node: _AnyFunction, scope: int) -> _Function:
    function = _Function(node, scope)
    for inner in _own_nodes(node):
        if isinstance(inner, ast.Return | ast.Yield) and inner.value is not None:
            name = dotted_name(inner.value)
            if name is None:
                function.opaque = True
            else:
                function.results.append(name)
    return function


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a function without those of functions and classes inside it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, _AnyFunction | ast.Lambda | ast.ClassDef):
            yield child
            yield from _own_nodes(child)


class _Inference:
    """The types that can be inferred in one file."""

    def __init__(self, file: _File, facts: dict[str, FileFacts], names: Names) -> None:
        self._file = file
        self._all = facts
        self._names = names

    @property
    def _facts(self) -> FileFacts:
        return self._all[self._file.path]

    def results(self) -> None:
        """Record the return types of functions without a return annotation."""
        for function in self._file.functions:
            meanings = {self._names.dotted(self._file.path, function.scope, text) for text in function.results}
            if function.opaque or len(meanings) != 1 or (meaning := meanings.pop()) is None or meaning.kind != "instance":
                continue
            if function.is_fixture:
                self._file.fixtures[function.node.name] = meaning
            if function.node.returns is None:
                self._returns(function, self._synthetic(meaning))

    def fixtures_of_parameters(self, files: Mapping[str, _File]) -> None:
        """Bind the parameters of tests and fixtures to the results of the fixtures of the same name."""
        known = self._visible_fixtures(files)
        for function in self._file.functions if known else ():
            if not (function.is_fixture or function.node.name.startswith("test")):
                continue
            for parameter in (*function.node.args.args, *function.node.args.kwonlyargs):
                if parameter.annotation is None and (meaning := known.get(parameter.arg)) is not None:
                    self._bind(BindingFact(function.scope, parameter.arg, "instance", (self._synthetic(meaning),)))

    def dynamic_imports_and_mocks(self) -> None:
        """Bind variables that hold a module or object imported by a string literal, or a mock with a specification."""
        owners = {id(inner): function.scope for function in self._file.functions for inner in _own_nodes(function.node)}
        texts = _texts(self._file.tree)
        for node in ast.walk(self._file.tree):
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.value, ast.Call):
                target = dotted_name(node.targets[0])
                if target is None or "()" in target or "." in target:
                    continue
                scope = owners.get(id(node), 0)
                if (specified := _specification(node.value)) is not None:
                    self._bind(BindingFact(scope, target, "instance", (specified,)), first=True)
                elif (imported := literal_import(_with_text(node.value, texts))) is not None:
                    self._bind(BindingFact(scope, target, "value", (self._imported(imported),)), first=True)

    def partials(self) -> None:
        """Treat `name = partial(Class, ...)` at the top level as a function that returns an instance of the class."""
        for node in self._file.tree.body:
            if not isinstance(node, ast.Assign) or len(node.targets) != 1 or (given := partial_of(node.value)) is None:
                continue
            target, made = node.targets[0], dotted_name(given)
            if isinstance(target, ast.Name) and made is not None:
                function = FunctionFact(
                    target.id, node.lineno, node.end_lineno or node.lineno, "function", _ANYTHING, (made,), abstract=False
                )
                self._all[self._file.path] = msgspec.structs.replace(self._facts, functions=(*self._facts.functions, function))

    def _visible_fixtures(self, files: Mapping[str, _File]) -> dict[str, Meaning]:
        folders = self._file.path.split("/")[:-1]
        found: dict[str, Meaning] = {}
        for depth in range(len(folders) + 1):
            outer = files.get("/".join([*folders[:depth], "conftest.py"]))
            found.update(outer.fixtures if outer is not None else {})
        for statement in self._facts.imports:
            module = self._names.modules.absolute(self._file.path, statement.level, statement.module)
            origin = files.get(self._names.modules.path(module) or "")
            fixtures = origin.fixtures if origin is not None and not statement.plain else {}
            found.update({name.alias or name.name: fixtures[name.name] for name in statement.names if name.name in fixtures})
            found.update(fixtures if statement.star else {})
        return found | self._file.fixtures

    def _synthetic(self, meaning: Meaning) -> str:
        """Add an import of the class, and return the name that it binds."""
        return self._imported(meaning.text)

    def _imported(self, text: str) -> str:
        """Add an import of a module, `a.b`, or of an object, `a.b:c`, and return the name that it binds."""
        module, _, name = text.partition(":")
        local = _DOT + text.replace(".", _DOT).replace(":", _DOT)
        statement = ImportFact(0, 0, 0, (), not name, 0, module if name else "", (BoundName(name or module, local),))
        if statement not in self._facts.imports:
            self._all[self._file.path] = msgspec.structs.replace(self._facts, imports=(*self._facts.imports, statement))
        return local

    def _bind(self, binding: BindingFact, *, first: bool = False) -> None:
        if binding not in self._facts.bindings:
            bindings = (binding, *self._facts.bindings) if first else (*self._facts.bindings, binding)
            self._all[self._file.path] = msgspec.structs.replace(self._facts, bindings=bindings)

    def _returns(self, function: _Function, name: str) -> None:
        def described(fact: FunctionFact) -> FunctionFact:
            same = fact.line == function.node.lineno and fact.name == function.node.name
            return msgspec.structs.replace(fact, returns=(name,)) if same else fact

        facts = self._facts
        self._all[self._file.path] = msgspec.structs.replace(
            facts,
            functions=tuple(described(fact) for fact in facts.functions),
            classes=tuple(msgspec.structs.replace(item, methods=tuple(described(fact) for fact in item.methods)) for item in facts.classes),
        )


def _specification(call: ast.Call) -> str | None:
    """Return the class that a mock has as its specification."""
    name = (dotted_name(call.func) or "").rpartition(".")[2]
    if name.endswith("Mock"):
        return next((dotted_name(keyword.value) for keyword in call.keywords if keyword.arg in _SPECIFIED), None)
    is_instance = any(
        keyword.arg == "instance" and isinstance(keyword.value, ast.Constant) and keyword.value.value for keyword in call.keywords
    )
    return dotted_name(call.args[0]) if name == "create_autospec" and is_instance and call.args else None


def _texts(tree: ast.Module) -> dict[str, str]:
    """Return the variables that always hold one literal text: each is assigned once in the file and is not a parameter."""
    bound = Counter(node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load))
    bound.update(node.arg for node in ast.walk(tree) if isinstance(node, ast.arg))
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str() as text)) if bound[name] == 1:
                found[name] = text
    return found


def _with_text(call: ast.Call, texts: Mapping[str, str]) -> ast.Call:
    """Return the call; if its first argument is a variable in `texts`, the variable's text replaces it."""
    first = call.args[0] if call.args else None
    text = texts.get(first.id) if isinstance(first, ast.Name) else None
    return ast.Call(call.func, [ast.Constant(text), *call.args[1:]], call.keywords) if text is not None else call


def partial_of(value: ast.expr) -> ast.expr | None:
    """Return the first argument of `partial`, the callable; None: the expression is not a call of `partial`."""
    is_partial = isinstance(value, ast.Call) and dotted_name(value.func) in {"partial", "functools.partial"}
    return value.args[0] if isinstance(value, ast.Call) and is_partial and value.args else None


def literal_import(call: ast.Call) -> str | None:
    """Return the absolute name, `a.b` or `a.b:c`, that a call imports by a string literal; None: the call imports nothing that way."""
    name = (dotted_name(call.func) or "").rpartition(".")[2]
    if name not in {"import_module", "__import__", "resolve_name"} or not call.args:
        return None
    first = call.args[0]
    if not isinstance(first, ast.Constant) or not isinstance(first.value, str):
        return None
    text = first.value
    if name == "__import__" and not any(keyword.arg == "fromlist" for keyword in call.keywords):
        return None  # without `fromlist`, `__import__` returns the top package
    if not text.startswith("."):
        return text
    given = [*call.args[1:2], *(keyword.value for keyword in call.keywords if keyword.arg == "package")]
    package = given[0].value if given and isinstance(given[0], ast.Constant) and isinstance(given[0].value, str) else None
    if package is None:
        return None
    level = len(text) - len(text.lstrip("."))
    parts = package.split(".")
    return ".".join([*parts[: len(parts) - level + 1], text.lstrip(".")]) if level <= len(parts) else None
