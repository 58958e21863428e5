"""Which tests a file has, and which of them may be skipped or cannot fail. The file is not imported."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_LEAVING: Final = ("pytest.skip", "pytest.xfail", "pytest.importorskip")


@dataclass(frozen=True, slots=True)
class FileTests:
    """The tests of a file."""

    faults: Mapping[str, str | None]  #: `test_it` or `TestAll::test_it` -> why the test proves nothing; None: it can fail

    @property
    def sound(self) -> tuple[str, ...]:
        """Return the tests that can fail, in source order."""
        return tuple(name for name, fault in self.faults.items() if fault is None)


def is_test_file(path: str) -> bool:
    """Return whether pytest collects a file of this name as tests, by default."""
    name = path.rpartition("/")[2]
    return name.endswith(".py") and (name.startswith("test_") or name.endswith("_test.py"))


def read_test_file(data: bytes) -> FileTests:
    """Return the tests of a file.

    Raises: SyntaxError, ValueError, RecursionError: the file does not parse.
    """
    tree = ast.parse(data)
    everywhere = _marks(_assigned(tree.body, "pytestmark")) or _leaves(tree.body)
    faults: dict[str, str | None] = {}
    for prefix, body, around in _scopes(tree.body, everywhere):
        for statement in body:
            if isinstance(statement, _FUNCTIONS) and statement.name.startswith("test"):
                faults[prefix + statement.name] = around or _fault(statement)
            elif isinstance(statement, ast.Assign) and (machine := _state_machine(statement)) is not None:
                faults[f"{machine}::runTest"] = around
    return FileTests(faults)


def _scopes(body: Sequence[ast.stmt], around: str | None, prefix: str = "") -> Iterator[tuple[str, Sequence[ast.stmt], str | None]]:
    """Yield the module and each test class as three values: the prefix of its tests' names, its statements, and the fault that all its
    tests have.
    """
    yield prefix, body, around
    for statement in body:
        if isinstance(statement, ast.ClassDef) and statement.name.startswith("Test"):
            inside = around or _marks(statement.decorator_list) or _marks(_assigned(statement.body, "pytestmark"))
            if any(isinstance(value, ast.Constant) and value.value is False for value in _assigned(statement.body, "__test__")):
                inside = inside or "its class is marked as not containing tests"
            yield from _scopes(statement.body, inside, f"{prefix}{statement.name}::")


def _state_machine(statement: ast.Assign) -> str | None:
    """Return the name under which pytest finds a state machine of Hypothesis: `TestIt = It.TestCase`."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Attribute(attr="TestCase")) if name.startswith("Test"):
            return name
    return None


def _fault(function: _Function) -> str | None:
    body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
    if all(isinstance(statement, ast.Pass) or _is_ellipsis(statement) for statement in body):
        return "it is empty"
    return _marks(function.decorator_list) or _leaves(body)


def _is_ellipsis(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and statement.value.value is Ellipsis


def _assigned(body: Sequence[ast.stmt], name: str) -> list[ast.expr]:
    """Return the values that are assigned to a name; a list or tuple gives its elements."""
    found: list[ast.expr] = []
    for statement in body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if any(isinstance(target, ast.Name) and target.id == name for target in targets) and isinstance(statement, ast.Assign):
            found += statement.value.elts if isinstance(statement.value, ast.List | ast.Tuple) else [statement.value]
    return found


def _marks(expressions: Sequence[ast.expr]) -> str | None:
    """Return why marks may prevent a test from running or from failing; None: they do not."""
    for expression in expressions:
        name = ast.unparse(expression.func if isinstance(expression, ast.Call) else expression)
        match name.removeprefix("pytest.").removeprefix("mark."):
            case "skip" | "skipif":
                return "it may be skipped"
            case "xfail":
                return "it may fail unnoticed"
    return None


def _leaves(body: Sequence[ast.stmt]) -> str | None:
    """Return why a body is always left before its end; None: it is not."""
    for statement in body:
        value = statement.value if isinstance(statement, ast.Expr | ast.Assign) else None
        if isinstance(value, ast.Call) and ast.unparse(value.func) in _LEAVING:
            return "it may be skipped"
    return None
