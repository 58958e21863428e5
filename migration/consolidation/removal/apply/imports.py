"""Finds the modules that a file imports from its own tree."""

import ast
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from migration.consolidation.removal.apply.tree import Modules

#: fields in which a statement contains other statements
_BODIES: Final = ("body", "handlers", "orelse", "finalbody", "cases")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Imported:
    """One name in an import statement that imports a file of the tree or a name from it."""

    statement: ast.Import | ast.ImportFrom
    alias: ast.alias
    path: str  #: the imported file
    name: str | None  #: the name imported from that file; "*": all names; None: the module itself
    local: str  #: the name in the importing file; dotted for `import a.b`


def imported(path: str, module: ast.Module, modules: Modules) -> Iterator[Imported]:
    """Yield what a file imports from its own tree, at the top level or inside functions and blocks.

    Args:
        path: the file's path.
        module: its syntax tree.
        modules: the modules of the tree.
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
    """Yield the statements in the order of `ast.walk`.

    Expressions are skipped: they contain no imports, and `ast.walk` spends most of its time in them.
    """
    pending: deque[ast.AST] = deque([module])
    while pending:
        node = pending.popleft()
        yield node
        for body in _BODIES:
            pending.extend(getattr(node, body, ()))
