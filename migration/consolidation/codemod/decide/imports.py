"""Import statements that bind names of a legacy module: which of them are removed, and which cannot be."""

from collections.abc import Iterator

import libcst as cst

from migration.consolidation.codemod.decide.groups import CodemodDecision, refused
from migration.consolidation.codemod.read.bindings import Bindings, Bound
from migration.consolidation.codemod.read.source import Source, dotted
from migration.consolidation.codemod.read.tree import Tree


def removed_imports(source: Source, bindings: Bindings, tree: Tree) -> Iterator[CodemodDecision]:
    """Yield imports from legacy modules: those that are removed, and refusals for those that cannot be rewritten."""
    for bound in bindings.bound:
        yield from _removed(bound, source, tree)
    for star in bindings.stars:
        if bindings.is_legacy_star(star):
            yield CodemodDecision(bindings.module_of(star), stars=(star,))


def _removed(bound: Bound, source: Source, tree: Tree) -> Iterator[CodemodDecision]:
    module, line = bound.meaning.module, source.line(bound.statement)
    yield CodemodDecision(module, gone=(bound,))
    if bound.meaning.kind == "object":
        if tree.names.member(bound.module, dotted(bound.alias.name) or "") is None:
            yield refused(module, line, f"{bound.module} has no {dotted(bound.alias.name)}; remove this import, it cannot work")
        elif bound.module not in tree.legacy:
            yield CodemodDecision(module, holders={bound.module: line})
    scope = next((node for node in source.ancestors(bound.statement) if isinstance(node, cst.ClassDef | cst.FunctionDef)), None)
    if isinstance(scope, cst.ClassDef):
        yield refused(
            module,
            line,
            f"{bound.local} is imported in a class body, so it is an attribute of {scope.name.value}; import it above the class",
        )
