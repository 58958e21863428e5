"""Which files LibCST has to parse: LibCST takes a hundred times as long for a file as the audit does."""

import re
from collections.abc import Iterator
from typing import Final

from migration.consolidation.codemod.read.tree import Tree
from migration.consolidation.codemod.read.uses import is_unknown
from migration.consolidation.findings.meaning import Meaning
from migration.consolidation.sources.workers import read_bytes

_PATCH: Final = re.compile(rb"\bpatch\b|\b(?:set|del)attr\(|\bmonkeypatch\b")


def names_legacy(tree: Tree, path: str) -> bool:
    """Return whether a file may use a legacy module."""
    own = tree.names.modules.name(path)
    return any(meaning.module in tree.legacy and meaning.module != own for meaning in _meanings(tree, path))


def may_be_given(tree: Tree, path: str) -> bool:
    """Return whether a file calls a method on an object of unknown type that has the name of a legacy class's method."""
    for call in tree.facts[path].calls:
        receiver, _, method = call.callee.rpartition(".")
        if receiver and method in tree.methods and is_unknown(tree, tree.names.dotted(path, call.scope, receiver)):
            return True
    return False


def may_patch(tree: Tree, path: str) -> bool:
    """Return whether a file may patch names of other modules."""
    data = read_bytes(tree.root, path)
    return isinstance(data, bytes) and _PATCH.search(data) is not None


def _meanings(tree: Tree, path: str) -> Iterator[Meaning]:
    """Yield what the file's imports, names and strings mean, as far as that is known."""
    facts, modules = tree.facts[path], tree.names.modules
    for statement in facts.imports:
        module = modules.absolute(path, statement.level, statement.module)
        if statement.star or (module in tree.legacy and not statement.plain):
            yield Meaning("module", module)
        for name in statement.names:
            if statement.plain:
                yield Meaning("module", modules.absolute(path, 0, name.name))
            elif (found := tree.names.member(module, name.name)) is not None:
                yield found
            elif module in tree.legacy:
                yield Meaning("object", module, name.name)
    for scope, text in {*((use.scope, use.text) for use in facts.uses), *((call.scope, call.callee) for call in facts.calls)}:
        yield from _prefixes(tree, path, scope, text)
    for string in facts.strings:
        if (found := tree.names.object_named(path, string.text)) is not None:
            yield found


def _prefixes(tree: Tree, path: str, scope: int, text: str) -> Iterator[Meaning]:
    """Yield what a dotted name and each of its prefixes mean."""
    parts = text.split(".")
    for length in range(1, len(parts) + 1):
        if (found := tree.names.dotted(path, scope, ".".join(parts[:length]))) is not None:
            yield found
