"""Calls of a legacy class's method on an object of unknown type: whether an instance of the target would need another call."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from migration.consolidation.codemod.read.tree import Tree
from migration.consolidation.codemod.read.uses import Suspect
from migration.consolidation.codemod.rewrite.calls import CallRewriter, Rewritten
from migration.consolidation.codemod.rules import CodemodRule
from migration.consolidation.findings.meaning import Meaning


def weighed(suspect: Suspect, tree: Tree, calls: CallRewriter, rules: Callable[[Meaning], Sequence[CodemodRule]]) -> Suspect:
    """Return the suspect call, and whether a rule gives it another form."""
    for module, name in tree.classes:
        if found := rules(Meaning("object", module, f"{name}.{suspect.method}")):
            if suspect.by_name:
                return replace(suspect, reshaped=True)
            done = calls.rewrite(suspect.node, found, lambda item: item.name)
            if isinstance(done, Rewritten) and calls.changes(done):
                return replace(suspect, reshaped=True)
    return suspect
