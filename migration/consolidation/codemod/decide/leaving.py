"""Imported names that are removed: all their uses must be known, and a name that others import from here may get a new name."""

from collections.abc import Callable, Collection, Iterator

import libcst as cst

from migration.consolidation.codemod.decide.groups import CodemodDecision, refused, unseen
from migration.consolidation.codemod.read.bindings import Bindings, Bound
from migration.consolidation.codemod.read.source import AnyImport, Source, dotted
from migration.consolidation.codemod.read.tree import Tree
from migration.consolidation.codemod.rewrite.statements import Need
from migration.consolidation.codemod.rewrite.strings import computed_export, named_in_all, unknown_export, unknown_uses
from migration.consolidation.codemod.rules import ObjectName
from migration.consolidation.findings.meaning import Meaning


class Leaving:
    """The imported names of one file.

    Args:
        source: the file.
        path: the file's path.
        bindings: its imports.
        tree: says what names mean.
        successor: returns what replaces a class.
    """

    def __init__(
        self, source: Source, path: str, bindings: Bindings, tree: Tree, successor: Callable[[Meaning], ObjectName | None]
    ) -> None:
        self._source = source
        self._path = path
        self._bindings = bindings
        self._tree = tree
        self._successor = successor

    def account(self, bound: Bound, accounted: Collection[cst.CSTNode], chosen: Collection[cst.CSTNode]) -> Iterator[CodemodDecision]:
        """Yield a refusal for each name that is used in an unknown way.

        Args:
            bound: the imported name.
            accounted: the names in the file whose use is known.
            chosen: the names among `accounted` that may come from several modules, which all need the same new text.
        """
        if bound.passed is not None:
            return  # its name and its uses stay as they are
        is_path = isinstance(bound.statement, cst.Import) and bound.given is None
        rivals = [other for other in self._bindings.bound if other.local == bound.local and other.meaning != bound.meaning]
        if any(other.shares(bound) for other in rivals) and not set(bound.names) <= set(chosen):
            yield unseen(
                bound.meaning.module,
                self._source.line(bound.statement),
                f"{bound.local} is imported from more than one module; keep one of them",
            )
        for name in bound.names:
            if name in accounted or self._is_target(name):
                continue
            if is_path and self._has_another_root(bound):
                continue
            text = f"{name.value} is also used here for something other than the legacy module; import that in a separate statement"
            hidden = f"it cannot be determined what is done with {bound.local} here; use the target instead"
            yield unseen(bound.meaning.module, self._source.line(name), text if is_path else hidden, compares=True)

    def _is_target(self, name: cst.Name) -> bool:
        return isinstance(self._source.parent(name), cst.AssignTarget | cst.AnnAssign)

    def _has_another_root(self, bound: Bound) -> bool:
        """Return whether another import, which is not removed, also binds the first part of `import a.b.c`."""
        root = bound.local.partition(".")[0]
        leaving = {id(other.alias) for other in self._bindings.bound}
        aliases = [alias for statement in self._bindings.statements if isinstance(statement, cst.Import) for alias in statement.names]
        staying = [alias for alias in aliases if id(alias) not in leaving and alias.asname is None]
        return any((dotted(alias.name) or "").partition(".")[0] == root for alias in staying)

    def export(self, bound: Bound, needs: Collection[Need]) -> CodemodDecision:
        """Return the object that other files get under the bound name after the rewrite, and the import that is needed here only for them.

        Args:
            bound: the imported name.
            needs: the counterparts that the rewritten file imports so far.
        """
        module = bound.meaning.module
        if bound.passed is not None:
            return CodemodDecision(module)
        if bound.meaning.kind != "object":
            return self._module_export(bound)
        successor = self._successor(bound.meaning)
        line = unknown_export(self._source, bound.local) or unknown_uses(self._source, bound.local)
        if line is not None:
            return refused(module, line, f"a string names {bound.local} in a form that cannot be rewritten; name the target there")
        line = computed_export(self._source)
        if line is not None:
            return refused(module, line, f"`__all__` is computed here and may contain {bound.local}; write its names as a list of strings")
        # Other code may use the name in a string, so the name is removed only if `__all__` says which names the module offers.
        is_used = any(not self._is_target(name) for name in bound.names)
        given = bound.given if is_used or not self._is_offered(bound.local) else None
        if bound.names and not is_used:
            given = bound.local  # another branch binds the same name
        if given is None and successor is not None and self._is_named_elsewhere(bound.local):
            given = bound.local
        need = Need(bound.statement, successor.module, successor.name, given) if successor is not None and not is_used else None
        more = (need,) if need is not None else ()
        quoted = {bound.local: successor.name} if successor is not None and given is None else {}
        if any(isinstance(node, cst.FunctionDef | cst.ClassDef) for node in self._source.ancestors(bound.statement)):
            return CodemodDecision(module, needs=more, quoted=quoted)
        is_there = successor is not None and any((one.module, one.name) == (successor.module, successor.name) for one in (*needs, *more))
        later = (given or successor.name) if successor is not None and is_there else None
        return CodemodDecision(module, needs=more, quoted=quoted, exports={bound.local: later})

    def _module_export(self, bound: Bound) -> CodemodDecision:
        """Refuse the import of a module whose name is also taken by a string, or by `__all__`: no other name can replace it there."""
        root = bound.local.partition(".")[0]
        line = named_in_all(self._source, root) or unknown_uses(self._source, root)
        if line is None:
            is_top = not any(isinstance(node, cst.FunctionDef | cst.ClassDef) for node in self._source.ancestors(bound.statement))
            return CodemodDecision(bound.meaning.module, exports={root: None} if is_top else {})
        advice = f"a string names {root}, which is a module here; name the class there"
        return refused(bound.meaning.module, line, advice)

    def _is_offered(self, name: str) -> bool:
        return name in (self._tree.facts[self._path].public_names or ())

    def _is_named_elsewhere(self, name: str) -> bool:
        """Return whether a string in configuration, such as an entry point, takes the name from this file."""
        own = self._tree.names.modules.name(self._path)
        named = (string.text.replace(":", ".") for string in self._tree.strings if string.use == "configuration")
        return f"{own}.{name}" in named

    def export_star(self, module: str, star: AnyImport, needs: Collection[Need]) -> CodemodDecision:
        """Return what replaces the names that a star import re-exports, and the import of their counterparts if this file does not need it
        itself.
        """
        source = self._bindings.module_of(star) if isinstance(star, cst.ImportFrom) else ""
        exports: dict[str, str | None] = {}
        more: list[Need] = []
        for name in self._public(source):
            if (line := named_in_all(self._source, name) or unknown_uses(self._source, name)) is not None:
                return refused(module, line, f"a string names {name}, which comes by a star here; import it by its name")
            meaning = self._tree.names.member(source, name)
            successor = self._successor(meaning) if meaning is not None else None
            exports[name] = successor.name if successor is not None else None
            if successor is not None and not any(need.statement is star for need in (*needs, *more)):
                more.append(Need(star, successor.module, successor.name, None))
        quoted = {name: new for name, new in exports.items() if new is not None}
        return CodemodDecision(module, needs=tuple(more), exports=exports, quoted=quoted)

    def _public(self, module: str) -> tuple[str, ...]:
        facts = self._tree.names.facts_of(module)
        if facts is None:
            return ()
        imported = (name.alias or name.name for statement in facts.imports if statement.scope == 0 for name in statement.names)
        names = facts.public_names if facts.public_names is not None else (*facts.definitions, *imported)
        return tuple(name for name in names if not name.startswith("_") and name.isidentifier())
