"""Which names the scopes of a file hide from outer scopes, by CPython's symbol table, as in `scopes`, but without a walk over the file."""

import symtable
import warnings
from collections.abc import Iterator, Sequence

import msgspec

from migration.consolidation.reading.facts import BoundName, ImportFact, Scope
from migration.consolidation.reading.outline import CodeOutline


def hide(outline: CodeOutline, text: str) -> None:
    """Add to each scope of an outline the names that it hides. If a file can be parsed but not compiled, its scopes hide nothing.

    Args:
        outline: the statements of the file; its scopes are replaced.
        text: the file's text.
    """
    if len(outline.scopes) == 1:
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = symtable.symtable(text, "<file>", "exec")
    except (SyntaxError, ValueError):
        return
    tables = {(table.get_lineno(), table.get_name()): table for table in _all(module)}
    star = any(statement.star for statement in outline.imports)
    bound: list[frozenset[str]] = [_of_module(outline)]  # the names that each scope and the scopes around it bind
    for number, scope in enumerate(outline.scopes):
        if not number:
            continue
        around = bound[scope.parent]
        table = tables.get((outline.scope_lines[number], scope.name.rpartition(".")[2]))
        own = frozenset(table.get_identifiers()) if table is not None else frozenset()
        names = own if star or scope.kind == "function" else own & around
        symbols = [table.lookup(name) for name in names] if table is not None else []
        local = frozenset(symbol.get_name() for symbol in symbols if symbol.is_local())
        given = frozenset(symbol.get_name() for symbol in symbols if symbol.is_parameter())
        hides = local if star else local & around
        outline.scopes[number] = msgspec.structs.replace(
            scope,
            hides=tuple(sorted(hides)),
            parameters=tuple(sorted(hides & given)),
            from_module=tuple(sorted(symbol.get_name() for symbol in symbols if symbol.is_declared_global())),
            from_function=tuple(sorted(symbol.get_name() for symbol in symbols if symbol.is_nonlocal())),
        )
        bound.append(around if scope.kind == "class" else around | local)


def owner_of(scopes: Sequence[Scope], number: int, name: str) -> int:
    """Return the number of the scope in which the name is bound if this scope assigns to it."""
    while name in scopes[number].from_module or name in scopes[number].from_function:
        if name in scopes[number].from_module:
            return 0
        number = scopes[number].parent
        while scopes[number].kind == "class":
            number = scopes[number].parent
    return number


def _all(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _all(child)


def _of_module(outline: CodeOutline) -> frozenset[str]:
    imported = (_local(statement, name) for statement in outline.imports if statement.scope == 0 for name in statement.names)
    return frozenset((*outline.definitions, *imported, *(alias.name for alias in outline.aliases)))


def _local(statement: ImportFact, name: BoundName) -> str:
    return name.alias or (name.name.partition(".")[0] if statement.plain else name.name)
