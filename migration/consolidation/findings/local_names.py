"""The names that a file gives to things: by definition, by import, and by assignment to a variable."""

from collections.abc import Mapping, Sequence

from migration.consolidation.reading.facts import BindingFact, ClassFact, FileFacts, ImportFact


class LocalNames:
    """Finds names by file and scope. The tables of a file are made at the first request for it.

    Args:
        facts: the facts of the files that were read, by path.
    """

    def __init__(self, facts: Mapping[str, FileFacts]) -> None:
        self._facts = facts
        self._imports: dict[str, dict[tuple[int, str], list[tuple[ImportFact, int]]]] = {}
        self._bindings: dict[str, dict[tuple[int, str], BindingFact]] = {}
        self._classes: dict[str, dict[str, ClassFact]] = {}
        self._defined: dict[str, frozenset[str]] = {}
        self._stars: dict[str, tuple[ImportFact, ...]] = {}

    def class_named(self, path: str, name: str) -> ClassFact | None:
        """Return the class of this dotted name; None: there is none."""
        if path not in self._classes:
            self._classes[path] = {item.name: item for item in self._facts[path].classes}
        return self._classes[path].get(name)

    def defines(self, path: str, name: str) -> bool:
        """Return whether the file's top level has a class or a function of this name."""
        if path not in self._defined:
            facts = self._facts[path]
            functions = (function.name for function in facts.functions)
            self._defined[path] = frozenset((*functions, *(item.name for item in facts.classes if item.scope == 0)))
        return name in self._defined[path]

    def stars(self, path: str) -> tuple[ImportFact, ...]:
        """Return the star imports of the file's top level."""
        if path not in self._stars:
            self._stars[path] = tuple(statement for statement in self._facts[path].imports if statement.star and statement.scope == 0)
        return self._stars[path]

    def imported(self, path: str, scope: int, name: str) -> Sequence[tuple[ImportFact, int]]:
        """Return the statements that import a name in exactly this scope, in order, each with the index of the name in the statement."""
        if path not in self._imports:
            table: dict[tuple[int, str], list[tuple[ImportFact, int]]] = {}
            for statement in self._facts[path].imports:
                for index, imported in enumerate(statement.names):
                    local = imported.alias or (imported.name.partition(".")[0] if statement.plain else imported.name)
                    table.setdefault((statement.scope, local), []).append((statement, index))
            self._imports[path] = table
        return self._imports[path].get((scope, name), ())

    def bound(self, path: str, scope: int, name: str) -> BindingFact | None:
        """Return what decides the type of a variable, or of a `self.attribute` in a class's scope; None: unknown."""
        if path not in self._bindings:
            table: dict[tuple[int, str], BindingFact] = {}
            for binding in self._facts[path].bindings:
                table.setdefault((binding.scope, binding.name), binding)
            self._bindings[path] = table
        return self._bindings[path].get((scope, name))
