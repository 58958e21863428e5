"""A name that may come from several legacy modules, as after `if ... else`: it is rewritten where each module needs the same new text."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import libcst as cst

from migration.consolidation.codemod.read.bindings import Bindings, Bound
from migration.consolidation.codemod.read.source import Source
from migration.consolidation.codemod.read.surface import Surfaces
from migration.consolidation.codemod.read.tree import Tree
from migration.consolidation.codemod.read.uses import call_fact
from migration.consolidation.codemod.rewrite.calls import CallRewriter, Rewritten
from migration.consolidation.codemod.rules import CodemodRule, ObjectName
from migration.consolidation.findings.meaning import Meaning


@dataclass(frozen=True, slots=True)
class Chosen:
    """A call with the same new text for each import that may bind the name."""

    bounds: tuple[Bound, ...]
    done: Rewritten


class Choices:
    """The names of one file that more than one import may bind.

    Args:
        source: the file.
        bindings: its imports.
        tree: says what names mean.
        calls: rewrites calls.
        surfaces: decide which calls the target accepts unchanged.
        rules: gives the rules for a callee.
    """

    def __init__(
        self,
        source: Source,
        bindings: Bindings,
        tree: Tree,
        *,
        calls: CallRewriter,
        surfaces: Surfaces,
        rules: Callable[[Meaning], Sequence[CodemodRule]],
    ) -> None:
        self._source = source
        self._bindings = bindings
        self._tree = tree
        self._calls = calls
        self._surfaces = surfaces
        self._rules = rules

    def chosen(self, node: cst.CSTNode) -> Chosen | None:
        """Return the rewritten call of the name, if a method is called on its result; None: the imports need different texts."""
        bounds = self._bindings.alternatives(node) if isinstance(node, cst.Name) and not self._is_in_a_string(node.value) else ()
        call = self._source.parent(node)
        member = self._source.parent(call)
        later = self._source.parent(member)
        if len(bounds) <= 1 or not isinstance(call, cst.Call) or call.func is not node:
            return None
        if not isinstance(member, cst.Attribute) or not isinstance(later, cst.Call) or later.func is not member:
            return None
        done = self._same([self._rewritten(call, bound.meaning) for bound in bounds])
        made = [self._tree.names.called(bound.meaning) for bound in bounds]
        if done is None or not all(self._tells(later, member.attr.value, instance) for instance in made):
            return None
        methods = [self._method(instance, member.attr.value) for instance in made if instance is not None]
        if any(self._rules(method) for method in methods) and self._same([self._rewritten(later, method) for method in methods]) is None:
            return None
        return Chosen(tuple(bounds), done)

    def _is_in_a_string(self, name: str) -> bool:
        """Return whether a string may contain the name, as a quoted annotation or `__all__` does."""
        word = re.compile(rf"\b{name}\b")
        return any(isinstance(node, cst.SimpleString) and word.search(node.value) for node in self._source.nodes())

    def _rewritten(self, call: cst.Call, meaning: Meaning) -> Rewritten | str:
        return self._calls.rewrite(call, self._rules(meaning), _own_name)

    def _same(self, found: Sequence[Rewritten | str]) -> Rewritten | None:
        done = [item for item in found if isinstance(item, Rewritten)]
        return done[0] if len(done) == len(found) and all(item == done[0] for item in done) else None

    def _tells(self, call: cst.Call, name: str, instance: Meaning | None) -> bool:
        """Return whether the target certainly accepts the call of a method: rewritten by a rule, or unchanged."""
        if instance is None or instance.kind != "instance":
            return False
        is_ruled = bool(self._rules(self._method(instance, name)))
        return is_ruled or self._surfaces.objection_to_call(instance, name, call_fact(self._source, call)) is None

    def _method(self, instance: Meaning, name: str) -> Meaning:
        return Meaning("object", instance.module, f"{instance.name}.{name}")


def _own_name(item: ObjectName) -> str:
    return item.name
