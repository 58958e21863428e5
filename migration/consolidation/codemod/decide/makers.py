"""Class methods and static methods of a legacy class that have no rule: they may make an instance, as `Engine.from_file(path)` does."""

from migration.consolidation.codemod.read.surface import Surfaces
from migration.consolidation.codemod.read.tree import Tree
from migration.consolidation.codemod.rules import ObjectName
from migration.consolidation.findings.meaning import Meaning


def is_maker(tree: Tree, member: Meaning) -> bool:
    """Return whether a member of a class is a method that may make an instance without being given one."""
    function = tree.names.function_of(member)
    return function is not None and function.kind in {"class", "static"}


def objection_to_maker(tree: Tree, surfaces: Surfaces, legacy: Meaning, successor: ObjectName | None, member: Meaning | None) -> str | None:
    """Return why a class method cannot be called on the successor: both classes inherit it, it calls their constructors, and these take
    different arguments; None: it can, or the member is something else.
    """
    if successor is None or member is None or not is_maker(tree, member):
        return None
    new = Meaning("object", successor.module, successor.name)
    owner = Meaning("object", member.module, member.name.rpartition(".")[0])
    is_shared = owner not in {legacy, new} and owner in set(tree.names.bases(new))
    if not is_shared or surfaces.are_made_alike(legacy, new):
        return None
    name = member.name.rpartition(".")[2]
    return f"{name} is inherited from {owner.name} and makes the class, whose constructor takes other arguments; write a rule for {name}"
