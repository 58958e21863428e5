"""The names that a file uses: in expressions, as parameters that pytest fills in, and in strings."""

import ast
import itertools
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Final

#: strings that may be annotations or names of fixtures
_NAMES: Final = re.compile(r"[\w.\[\], |]+")
_WORD: Final = re.compile(r"[^\W\d]\w*")
Function = ast.FunctionDef | ast.AsyncFunctionDef


def walk(node: ast.AST, cut: Collection[ast.AST]) -> Iterator[ast.AST]:
    """Yield a node and all nodes in it, without the cut ones."""
    pending = [node]
    while pending:
        node = pending.pop()
        if node not in cut:
            yield node
            pending.extend(ast.iter_child_nodes(node))


def used_names(module: ast.Module, cut: Collection[ast.AST] = ()) -> set[str]:
    """Return the names that a file uses, also in strings that may be annotations or names of fixtures."""
    docstrings = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)}
    used: set[str] = set()
    for node in walk(module, cut):
        match node:
            case ast.Name(id=name, ctx=ast.Load() | ast.Del()) | ast.arg(arg=name):
                used.add(name)
            case ast.Constant(value=str(text)) if id(node) not in docstrings and _NAMES.fullmatch(text):
                used.update(_WORD.findall(text))
    return used


def bound_names(module: ast.Module, cut: Collection[ast.AST] = ()) -> set[str]:
    """Return the names that the top level of a file binds, also inside `if` and `try`."""
    bound: set[str] = set()
    for statement in _top_level(module.body, cut):
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                bound.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                bound.update((alias.asname or alias.name).partition(".")[0] for alias in aliases if alias not in cut)
            case _:
                bound.update(target_names(statement))
    return bound


def _top_level(body: Iterable[ast.stmt], cut: Collection[ast.AST]) -> Iterator[ast.stmt]:
    """Yield the statements, and the statements inside blocks that are not separate scopes."""
    for statement in body:
        if statement in cut:
            continue
        yield statement
        if isinstance(statement, ast.If | ast.Try | ast.With):
            holders = [statement, *getattr(statement, "handlers", ())]
            inner = [getattr(holder, block, ()) for holder in holders for block in ("body", "orelse", "finalbody")]
            yield from _top_level(itertools.chain.from_iterable(inner), cut)


def target_names(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that an assignment binds; nothing for other statements."""
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        yield from (node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name))


def is_fixture(node: ast.AST) -> bool:
    """Return whether a function is a pytest fixture."""
    return isinstance(node, Function) and any("fixture" in ast.unparse(decorator).partition("(")[0] for decorator in node.decorator_list)


def is_test(node: ast.AST) -> bool:
    """Return whether pytest collects the node as a test."""
    return (isinstance(node, Function) and node.name.startswith("test")) or (
        isinstance(node, ast.ClassDef) and node.name.startswith("Test")
    )
