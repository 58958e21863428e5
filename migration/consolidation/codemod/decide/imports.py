"""Import statements that bind names of a legacy module: which of them are removed, and which cannot be."""

from collections.abc import Iterator

import libcst as cst

from migration.consolidation.codemod.decide.groups import CodemodDecision, refused
from migration.consolidation.codemod.decide.probes import is_probe
from migration.consolidation.codemod.read.bindings import Bindings, Bound
from migration.consolidation.codemod.read.source import Source, dotted
from migration.consolidation.codemod.read.tree import Tree
from migration.consolidation.codemod.rewrite.statements import Need
from migration.consolidation.codemod.rewrite.strings import asks_what_is_loaded


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
    is_used = any(not isinstance(source.parent(name), cst.AssignTarget) for name in bound.names)
    if is_probe(source, bound.statement, is_used=is_used):
        yield refused(module, line, f"the failure of this import is looked at; ask for what is meant to be there instead of {bound.local}")
    if not is_used and (loaded := asks_what_is_loaded(source, module)) is not None:
        yield refused(module, loaded, f"{module} is looked up among the loaded modules; look the target's module up")
    is_class = tree.names.class_of(bound.meaning) is not None
    if not is_used and not is_class and bound.passed is None and (taken := taken_by_pytest(source, bound.local)) is not None:
        yield refused(module, line, f"pytest may pass {bound.local} as a fixture to {taken}; import it from where it will be")
    if bound.passed is not None:
        given = bound.local if bound.local != bound.passed.name else None
        yield CodemodDecision(module, needs=(Need(bound.statement, bound.passed.module, bound.passed.name, given),))
    elif bound.meaning.kind == "object":
        if tree.names.member(bound.module, dotted(bound.alias.name) or "") is None:
            yield refused(module, line, f"{bound.module} has no {dotted(bound.alias.name)}; remove this import, it cannot work")
        elif bound.module not in tree.legacy:
            yield CodemodDecision(module, holders={bound.module: line})
    elif isinstance(bound.statement, cst.ImportFrom) and not tree.names.modules.exists(f"{bound.module}.{dotted(bound.alias.name)}"):
        yield CodemodDecision(module, holders={bound.module: line})  # another consumer imports the module
    scope = next((node for node in source.ancestors(bound.statement) if isinstance(node, cst.ClassDef | cst.FunctionDef)), None)
    if isinstance(scope, cst.ClassDef):
        yield refused(
            module,
            line,
            f"{bound.local} is imported in a class body, so it is an attribute of {scope.name.value}; import it above the class",
        )


def taken_by_pytest(source: Source, name: str) -> str | None:
    """Return the parameter or string that may request a fixture of this name from pytest; None: there is none in the file."""
    for node in source.nodes():
        if isinstance(node, cst.Param) and node.name.value == name:
            return f"the parameter on line {source.line(node)}"
        if isinstance(node, cst.SimpleString) and node.evaluated_value == name:
            call = next((item for item in source.ancestors(node) if isinstance(item, cst.Call)), None)
            if call is not None and (dotted(call.func) or "").rpartition(".")[2] in {"usefixtures", "getfixturevalue"}:
                return f"line {source.line(node)}"
    return None
