"""What CPython's compiler makes of each name of a file, for comparison with our resolver: a local, a cell, a global."""

import ast
import dis
import sysconfig
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from random import Random

from migration.consolidation.reading.scopes import Scopes

_VARIABLES = {
    f"{action}_{kind}": kind for action in ("LOAD", "STORE", "DELETE") for kind in ("FAST", "DEREF", "CLASSDEREF", "GLOBAL", "NAME")
}


def real_files(count: int, seed: int) -> Iterator[tuple[Path, bytes]]:
    """Yield files of installed packages that the running Python compiles, in an order that the seed decides."""
    paths = sorted(Path(sysconfig.get_paths()["purelib"]).rglob("*.py"))
    Random(seed).shuffle(paths)  # noqa: S311 - a choice of files, not a secret
    for path in paths:
        if not count:
            return
        data = path.read_bytes()
        if len(data) > 10 and _compiles(data):
            count -= 1
            yield path, data


def differences(data: bytes) -> tuple[int, list[str]]:
    """Return how many names were compared, and those that the compiler resolves in another way."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(data)
        code, scopes = compile(tree, "<file>", "exec"), Scopes(tree, data)
    places = {_place(node): node for node in ast.walk(tree) if isinstance(node, ast.Name)}
    compared, wrong = 0, []
    for inner in _codes(code):
        for step in dis.get_instructions(inner):
            kind, position = _VARIABLES.get(step.opname), step.positions
            node = places.get((position.lineno, position.col_offset, position.end_lineno, position.end_col_offset)) if position else None
            # The compiler gives its own steps, such as the `del` of the name after `except ... as`, the place of the code before.
            if kind is None or node is None or not str(step.argval).endswith(node.id):
                continue
            compared += 1
            if not _agrees(scopes, node, kind):
                wrong.append(f"line {node.lineno}: {node.id} is {step.opname}")
    return compared, wrong


def _agrees(scopes: Scopes, node: ast.Name, kind: str) -> bool:
    table = scopes.at(node.lineno, node.col_offset)
    assert table is not None
    owner = scopes.owner(table, node.id)
    is_module = owner is scopes.module
    match kind:
        case "FAST":
            return owner is table and owner.symbols.get_type() == "function"
        case "GLOBAL":
            return is_module
        case "NAME":
            return owner is table or is_module
        case _:
            return not is_module and owner.symbols.get_type() == "function"


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _place(node: ast.Name) -> tuple[int | None, ...]:
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset


def _compiles(data: bytes) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(data, "<file>", "exec")
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True
