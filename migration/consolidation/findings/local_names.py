"""The names that a file gives to things: by import, and by giving a variable a value."""

from collections.abc import Mapping, Sequence

from migration.consolidation.reading.facts import BindingFact, FileFacts, ImportFact


class LocalNames:
    """Finds names by file and scope; tables are made when a file is first asked for.

    Args:
        facts: of the files that were read, by path.
    """

    def __init__(self, facts: Mapping[str, FileFacts]) -> None:
        self._facts = facts
        self._imports: dict[str, dict[tuple[int, str], list[tuple[ImportFact, int]]]] = {}
        self._bindings: dict[str, dict[tuple[int, str], BindingFact]] = {}

    def imported(self, path: str, scope: int, name: str) -> Sequence[tuple[ImportFact, int]]:
        """Return the statements that import a name in this very scope, in order, each with which of its names it is."""
        if path not in self._imports:
            table: dict[tuple[int, str], list[tuple[ImportFact, int]]] = {}
            for statement in self._facts[path].imports:
                for index, imported in enumerate(statement.names):
                    if imported.name != "*":
                        local = imported.alias or (imported.name.partition(".")[0] if statement.plain else imported.name)
                        table.setdefault((statement.scope, local), []).append((statement, index))
            self._imports[path] = table
        return self._imports[path].get((scope, name), ())

    def bound(self, path: str, scope: int, name: str) -> BindingFact | None:
        """Return what gives a variable, or a `self.attribute` of a class's scope, its type; None: nothing that is known."""
        if path not in self._bindings:
            table: dict[tuple[int, str], BindingFact] = {}
            for binding in self._facts[path].bindings:
                table.setdefault((binding.scope, binding.name), binding)
            self._bindings[path] = table
        return self._bindings[path].get((scope, name))
