"""The modules of its own tree that a file imports."""

import ast
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from migration.consolidation.removal.apply.tree import Modules

#: fields in which a statement holds others
_BODIES: Final = ("body", "handlers", "orelse", "finalbody", "cases")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Imported:
    """One name of an import statement that reaches a file of the tree."""

    statement: ast.Import | ast.ImportFrom
    alias: ast.alias
    path: str  #: the file that it reaches
    name: str | None  #: what it takes from there; "*": everything; None: the module itself
    local: str  #: what the importing file calls it; dotted for `import a.b`


def imported(path: str, module: ast.Module, modules: Modules) -> Iterator[Imported]:
    """Yield what a file imports from its own tree, wherever the statements stand.

    Args:
        path: of the file.
        module: its syntax tree.
        modules: of the tree.
    """
    for node in _statements(module):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if (target := modules.find(path, 0, alias.name)) is not None:
                    yield Imported(statement=node, alias=alias, path=target, name=None, local=alias.asname or alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = modules.find(path, node.level, node.module or "")
            for alias in node.names:
                inner = modules.find(path, node.level, ".".join(part for part in (node.module, alias.name) if part))
                local = alias.asname or alias.name
                if inner is not None:
                    yield Imported(statement=node, alias=alias, path=inner, name=None, local=local)
                elif base is not None:
                    yield Imported(statement=node, alias=alias, path=base, name=alias.name, local=local)


def _statements(module: ast.Module) -> Iterator[ast.AST]:
    """Yield the statements, in the order of `ast.walk`, which spends most of its time in expressions. These hold no import."""
    pending: deque[ast.AST] = deque([module])
    while pending:
        node = pending.popleft()
        yield node
        for body in _BODIES:
            pending.extend(getattr(node, body, ()))
