"""What is checked of every changed file before it is offered.

It compiles, names nothing undefined, breaks no import, imports no legacy module that was replaced, and keeps all other lines; its diff
makes the new file of the old one. All is done in memory, and costs as much as the changed files, not as the tree.
"""

import ast
import builtins
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from ahocorasick_rs import BytesAhoCorasick

from migration.consolidation.codemod.read.tree import Tree
from migration.consolidation.codemod.report.applying import as_diff
from migration.consolidation.codemod.report.patching import applied
from migration.consolidation.codemod.report.values import CodemodChange
from migration.consolidation.inventory import Problem
from migration.consolidation.reading.scopes import Scopes
from migration.consolidation.sources.workers import read_bytes

_ALWAYS: Final = frozenset(dir(builtins)) | {
    "__file__",
    "__path__",
    "__builtins__",
    "__annotations__",
    "__module__",
    "__qualname__",
    "__class__",
}


class _Parsed:
    """One text of a file."""

    def __init__(self, data: bytes) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the file had invalid escapes before
            self.tree = ast.parse(data)
            compile(self.tree, "<file>", "exec", dont_inherit=True)
            self.scopes = Scopes(self.tree, data)

    @property
    def bound(self) -> frozenset[str]:
        """The names that the module binds."""
        return frozenset(self.scopes.module.sites)

    def undefined(self) -> frozenset[str]:
        """Return the names that are read and that nothing binds, except perhaps a star import."""
        names = (node for node in ast.walk(self.tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))
        return frozenset(node.id for node in names if node.id not in _ALWAYS and not self._is_bound(node))

    def imports(self, tree: Tree, path: str) -> frozenset[tuple[str, str]]:
        """Return each imported module of the tree with each name taken from it; "" for the module itself, "*" for all names."""
        return frozenset(_imports(self.tree, tree, path))

    def takes_by_star(self, names: Collection[str]) -> bool:
        """Return whether the file uses one of these names, in code that does not bind it or in a string, so that a star must give it."""
        strings = {node.value for node in ast.walk(self.tree) if isinstance(node, ast.Constant)}
        return not set(names).isdisjoint(self.undefined() | strings)

    def _is_bound(self, node: ast.Name) -> bool:
        table = self.scopes.at(node.lineno, node.col_offset)
        return table is None or bool(self.scopes.sites(table, node.id))


def failures(tree: Tree, changes: Sequence[CodemodChange], named: Collection[str]) -> dict[str, str]:
    """Return the changed files that fail a check, each with what is wrong; {} if all changes are sound.

    Args:
        tree: the files as they are.
        changes: the changed files.
        named: the modules that rules name; one that does not exist yet is the business of the rule's author.
    """
    found: dict[str, str] = {}
    before: dict[str, _Parsed] = {}
    after: dict[str, _Parsed] = {}
    for change in changes:
        try:
            before[change.path] = _Parsed(change.before)
        except (SyntaxError, ValueError, RecursionError):
            continue  # it did not compile before, so it need not compile now
        try:
            after[change.path] = _Parsed(change.after)
        except (SyntaxError, ValueError, RecursionError) as error:
            found[change.path] = f"the rewritten file would not parse or compile ({error})"
    for change in changes:
        if change.path in after and (wrong := _wrong(tree, change, before[change.path], after, named)) is not None:
            found.setdefault(change.path, wrong)
    lost = {path: before[path].bound - after[path].bound for path in after if "*" not in after[path].bound}
    for path, taken in _taken(tree, {path: names for path, names in lost.items() if names}, after):
        found.setdefault(path, f"{taken} imports a name that would be missing here")
    return found


def _wrong(tree: Tree, change: CodemodChange, before: _Parsed, after: Mapping[str, _Parsed], named: Collection[str]) -> str | None:
    now = after[change.path]
    new = now.undefined() - before.undefined() if "*" not in now.bound else frozenset[str]()
    if new:
        return f"{', '.join(sorted(new))} would not be defined"
    for module, name in sorted(now.imports(tree, change.path) - before.imports(tree, change.path)):
        is_later = module in named and not tree.names.modules.exists(module)
        if not is_later and not _resolves(tree, module, name.strip("*"), after):
            return f"{module}{'.' + name if name else ''} could not be imported"
    left = sorted(module for module, _ in now.imports(tree, change.path) if module in tree.legacy and tree.origin(module) in change.modules)
    if left:
        return f"{left[0]} would still be imported, so a second run would change the file again"
    if not _keeps_lines(change):
        return "a line would differ that has nothing to do with the rewrite"
    diff = as_diff(change).encode("utf-8", errors="surrogateescape")
    return None if applied(diff, change.before) == change.after else "the diff would not make the new file of the old one"


def _keeps_lines(change: CodemodChange) -> bool:
    """Return whether all lines that no edit touches are still there, in their order."""
    kept = (line for number, line in enumerate(change.before.split(b"\n"), 1) if number not in change.lines)
    later = iter(change.after.split(b"\n"))
    return all(any(line == other for other in later) for line in kept)


def _resolves(tree: Tree, module: str, name: str, after: Mapping[str, _Parsed]) -> bool:
    modules = tree.names.modules
    if not modules.exists(module):
        return not modules.knows_top(module)  # it is installed, and was imported from there before
    path = modules.path(module)
    if not name or path is None or modules.exists(f"{module}.{name}"):
        return not name or modules.exists(f"{module}.{name}") or modules.is_left_out(module)
    if path in after:
        return not after[path].bound.isdisjoint({name, "*", "__getattr__"})
    data = read_bytes(tree.root, path)
    try:
        return isinstance(data, Problem) or not _Parsed(data).bound.isdisjoint({name, "*", "__getattr__"})
    except (SyntaxError, ValueError, RecursionError):
        return True


def _taken(tree: Tree, lost: Mapping[str, frozenset[str]], after: Mapping[str, _Parsed]) -> Iterator[tuple[str, str]]:
    """Yield each changed file with a file that still imports a name that it loses. Every file of the tree is searched once."""
    if not lost:
        return
    modules = tree.names.modules
    owners = {modules.name(path): path for path in lost}
    words = sorted({name for names in lost.values() for name in names})
    automaton = BytesAhoCorasick([word.encode() for word in words])
    stems = sorted({module.rpartition(".")[2].encode() for module in owners})
    for path in modules.paths:
        data = read_bytes(tree.root, path) if path not in after else b""
        if isinstance(data, Problem):
            continue
        if path not in after and not (any(stem in data for stem in stems) and automaton.find_matches_as_indexes(data)):
            continue
        try:
            parsed = after[path] if path in after else _Parsed(data)
        except (SyntaxError, ValueError, RecursionError):
            continue
        for module, name in sorted(parsed.imports(tree, path)):
            missing = lost.get(owners.get(module, ""), frozenset())
            is_taken = parsed.takes_by_star(missing) if name == "*" else name in missing and not modules.exists(f"{module}.{name}")
            if is_taken:
                yield owners[module], path


def _imports(parsed: ast.Module, tree: Tree, path: str) -> Iterator[tuple[str, str]]:
    modules = tree.names.modules
    for node in ast.walk(parsed):
        if isinstance(node, ast.Import):
            yield from ((modules.absolute(path, 0, alias.name), "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = modules.absolute(path, node.level, node.module or "")
            yield from ((module, alias.name) for alias in node.names)
