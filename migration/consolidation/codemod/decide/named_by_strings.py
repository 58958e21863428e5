"""Names in the strings of a file, and how they are rewritten: patched names, modules that are imported by a string literal, lazy tables."""

from collections.abc import Callable, Collection, Iterator

import libcst as cst

from migration.consolidation.codemod.decide.groups import CodemodDecision, refused, unseen
from migration.consolidation.codemod.follow.lazy import LazyEntry, find_lazy_entries
from migration.consolidation.codemod.follow.partials import others_of
from migration.consolidation.codemod.read.source import Source
from migration.consolidation.codemod.read.surface import Surface
from migration.consolidation.codemod.read.tree import Tree, taken_elsewhere
from migration.consolidation.codemod.rewrite.edits import Edit
from migration.consolidation.codemod.rewrite.patches import OpenPatch, Patched, Patches
from migration.consolidation.codemod.rewrite.strings import ImportedByLiteral, asks_what_is_loaded, find_literal_imports, requote
from migration.consolidation.codemod.rules import ObjectName
from migration.consolidation.findings.meaning import Meaning


class NamedByStrings:
    """The strings of one file.

    Args:
        source: the file.
        path: the file's path.
        tree: says what names mean.
        successor: returns what replaces a class.
        meaning: returns what an expression means.
        differs: returns whether the target has a method in another form, or not at all.
    """

    def __init__(
        self,
        source: Source,
        path: str,
        tree: Tree,
        *,
        successor: Callable[[Meaning], ObjectName | None],
        meaning: Callable[[cst.CSTNode], Meaning | None],
        differs: Callable[[str], bool],
    ) -> None:
        self._patches = tuple(Patches(source, path, tree, meaning).find())
        self._source = source
        self._path = path
        self._tree = tree
        self._successor = successor
        self._differs = differs

    def patches(self, target: Surface) -> Iterator[CodemodDecision]:
        """Rewrite the names that `patch` gets, or refuse them. `target`: the members of the target."""
        for patched in self._patches:
            if isinstance(patched, Patched):
                yield from self._patch(patched, target)

    @property
    def open_patches(self) -> tuple[OpenPatch, ...]:
        """The patches of a name that cannot be determined."""
        return tuple(patched for patched in self._patches if isinstance(patched, OpenPatch))

    def imports(self, accounted: Collection[cst.CSTNode]) -> Iterator[CodemodDecision]:
        """Rewrite imports by a string literal, or refuse them. `accounted`: the names in the file whose use is known."""
        for imported in find_literal_imports(self._source, self._tree):
            yield from self._literal(imported, accounted)

    def lazy_tables(self) -> Iterator[CodemodDecision]:
        """Rewrite the tables that a module-level `__getattr__` looks up, or refuse them."""
        for entry in find_lazy_entries(self._source, self._path, self._tree):
            yield from self._lazy(entry)

    def _patch(self, patched: Patched, target: Surface) -> Iterator[CodemodDecision]:
        module, line = patched.meaning.module, self._source.line(patched.node)
        yield CodemodDecision(module)
        successor = self._successor(patched.meaning)
        if not self._is_own(patched):
            yield CodemodDecision(module, patches=(patched,))
        else:
            yield CodemodDecision(module, replaces=line, patched_whole=patched.rest if len(patched.rest) == 1 else ())
        if successor is None:
            yield refused(module, line, f"{patched.meaning.name} is patched and has no counterpart on the target")
        elif (objection := self._objection_to_patch(patched, target, successor)) is not None:
            yield refused(module, line, objection)
        elif self._is_own(patched) and isinstance(literal := patched.node, cst.SimpleString):
            text = patched.text(successor.module, successor.name)
            yield CodemodDecision(module, edits=(Edit(self._source.bare_span(literal), (requote(literal, text),)),))

    def _is_own(self, patched: Patched) -> bool:
        """Return whether a class is patched where it is defined, or in a module that only re-exports it; a subclass is a consumer."""
        return patched.holder == patched.meaning.module or patched.holder in self._tree.behind

    def _objection_to_patch(self, patched: Patched, target: Surface, successor: ObjectName) -> str | None:
        """Return why a patch would not do the same on the target; None: it would."""
        name, member = patched.rest[0], patched.rest[1] if len(patched.rest) > 1 else None
        other = next((word for word in sorted(patched.words) if member is None and self._differs(word)), None)
        objections = {
            f"{member} is patched and {successor.name} does not have it in this form": member is not None
            and (not target.has(member) or self._differs(member)),
            f"{patched.holder}.{name} is patched here by a name that is put together; write it out": not (
                patched.is_whole or patched.is_name
            ),
            f"what replaces {name} here is called with the old arguments; write it for the new ones": patched.is_replaced,
            f"{other} is named where the patched class is used, and has another form on the target; rewrite both": other is not None,
            "the test checks the arguments that the patched class was called with; write the new arguments": patched.asserts_calls,
            f"{name} is patched in {patched.holder}, which is removed; patch where the target is used": patched.is_name
            and self._is_own(patched),
        }
        return next((objection for objection, holds in objections.items() if holds), None)

    def _literal(self, imported: ImportedByLiteral, accounted: Collection[cst.CSTNode]) -> Iterator[CodemodDecision]:
        meaning, line = imported.meaning, self._source.line(imported.literal)
        module = meaning.module
        yield CodemodDecision(module)
        successor = self._successor(meaning) if meaning.kind == "object" else ObjectName(self._tree.target.module, "")
        if imported.held is None:
            yield unseen(
                module,
                line,
                f"{meaning.module} is imported by a string, and its use cannot be followed; import the target instead",
                compares=True,
            )
        elif asks_what_is_loaded(self._source, meaning.module) is not None:
            yield unseen(
                module, line, f"{meaning.module} is looked up among the loaded modules; look the target's module up", compares=True
            )
        elif meaning.kind == "module" and self._is_taken(imported.held):
            yield unseen(module, line, f"another file takes {imported.held.value} from here; import the target instead", compares=True)
        elif imported.is_shared:
            yield unseen(
                module,
                line,
                f"the name of {meaning.module} is in a variable that other code may read; import the target instead",
                compares=True,
            )
        elif successor is None:
            yield refused(module, line, f"{meaning.name} has no counterpart on the target")
        elif any(name not in accounted for name in others_of(self._source, imported.held)):
            yield unseen(module, line, f"the uses of {imported.held.value} cannot all be seen; import the target instead", compares=True)
        else:
            yield CodemodDecision(module, edits=tuple(imported.edits(self._source, successor, self._successor_in(meaning.module))))

    def _is_taken(self, held: cst.Name) -> bool:
        return self._source.is_top_level(held) and taken_elsewhere(self._tree, self._path, held.value) is not None

    def _lazy(self, entry: LazyEntry) -> Iterator[CodemodDecision]:
        module, line = entry.meaning.module, self._source.line(entry.key)
        yield CodemodDecision(module)
        successor = self._successor(entry.meaning) if entry.meaning.kind == "object" else None
        if successor is None:
            yield refused(
                module, line, f"{entry.meaning.name or entry.meaning.module} has no counterpart on the target; remove it from this table"
            )
        elif successor.name != entry.name and successor.name in entry.beside:
            yield refused(module, line, f"this table has a {successor.name} already; remove {entry.name} from it")
        else:
            values = (successor.name, successor.module, successor.name)
            literals = (entry.key, entry.module, entry.attribute)
            edits = (
                Edit(self._source.bare_span(node), (requote(node, value),))
                for node, value in zip(literals, values, strict=True)
                if node.evaluated_value != value
            )
            yield CodemodDecision(module, exports={entry.name: successor.name}, edits=tuple(edits))

    def _successor_in(self, module: str) -> Callable[[str], str | None]:
        def successor(name: str) -> str | None:
            meaning = self._tree.names.member(module, name)
            found = self._successor(meaning) if meaning is not None else None
            return found.name if found is not None else None

        return successor
