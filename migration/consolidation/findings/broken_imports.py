"""Broken imports of the family: of a module that does not exist, or of a name that a module does not have."""

from collections.abc import Iterator, Mapping

from migration.consolidation.configuration import AuditConfiguration
from migration.consolidation.findings.implementations import Family
from migration.consolidation.findings.names import Names
from migration.consolidation.inventory import BrokenImport
from migration.consolidation.reading.facts import FileFacts, ImportFact


class BrokenImportFinder:
    """Finds broken imports of the tree's own packages. Imports of installed packages are not checked.

    Args:
        names: the meaning of names in all files that can matter.
        facts: the facts of all files that can matter, by path.
        family: the implementations.
        configuration: has the class patterns of the family.
    """

    def __init__(self, names: Names, facts: Mapping[str, FileFacts], family: Family, configuration: AuditConfiguration) -> None:
        self._names = names
        self._facts = facts
        self._family = family
        self._stems = frozenset(module.rpartition(".")[2] for module in family.modules) - {""}
        self._marks = (*configuration.literals(), *configuration.stems())

    def in_statements(self) -> Iterator[BrokenImport]:
        """Yield the modules and names in import statements that do not exist."""
        for path, facts in self._facts.items():
            for statement in facts.imports:
                yield from self._plain(path, statement) if statement.plain else self._from(path, statement)

    def in_strings(self) -> Iterator[BrokenImport]:
        """Yield the names in imported or patched strings that do not exist."""
        for path, facts in self._facts.items():
            importing = {*facts.imported_variables}
            for string in facts.strings:
                last = string.callee.rpartition(".")[2]
                if string.docstring or not (last in {"import_module", "__import__", "patch"} or string.flows_to in importing):
                    continue
                if not string.text.startswith(".") and not string.text.endswith(".py"):
                    yield from self._string(path, string.line, string.text.replace(":", "."))

    def _plain(self, path: str, statement: ImportFact) -> Iterator[BrokenImport]:
        for name in statement.names:
            module = self._names.modules.absolute(path, 0, name.name)
            if self._belongs(module) and self._is_missing(module):
                yield _broken(path, statement, module, None)

    def _from(self, path: str, statement: ImportFact) -> Iterator[BrokenImport]:
        modules = self._names.modules
        module = modules.absolute(path, statement.level, statement.module)
        names = [name.name for name in statement.names]
        if statement.level and not module:
            if self._belongs(statement.module, *names):
                yield _broken(path, statement, "." * statement.level + statement.module, None)
        elif self._is_missing(module):
            if self._belongs(module, *names):
                yield _broken(path, statement, module, None)
        elif modules.exists(module) and not statement.star:
            for name in names:
                if (module in self._family.modules or self._belongs(name)) and self._lacks(module, name):
                    yield _broken(path, statement, module, name)

    def _string(self, path: str, line: int, text: str) -> Iterator[BrokenImport]:
        modules = self._names.modules
        parts = modules.absolute(path, 0, text).split(".")
        length = next((length for length in range(len(parts), 0, -1) if modules.exists(".".join(parts[:length]))), 0)
        module, rest = ".".join(parts[:length]), parts[length:]
        if not length or not rest or not self._belongs(*parts):
            return
        if modules.is_package(module):
            missing = self._names.member(module, rest[0]) is None and not self._is_dynamic(module)
            if missing and self._belongs(*rest):
                yield BrokenImport(path=path, line=line, module=".".join([module, *rest]), name=None, guarded=False, form="string")
        elif module in self._family.modules and self._lacks(module, rest[0]):
            yield BrokenImport(path=path, line=line, module=module, name=rest[0], guarded=False, form="string")

    def _is_missing(self, module: str) -> bool:
        return self._names.modules.knows_top(module) and not self._names.modules.exists(module)

    def _lacks(self, module: str, name: str) -> bool:
        """Return whether a module certainly has no such name.

        For a module that was not read, or that computes its names, the answer is False.
        """
        facts = self._names.facts_of(module)
        if facts is None:
            if self._names.modules.is_left_out(module):
                return False
            return self._names.modules.path(module) is None and not self._names.modules.exists(f"{module}.{name}")
        if facts.problem is not None or self._is_dynamic(module):
            return False
        return (
            name not in self._every_name(facts) and self._names.member(module, name) is None and not self._star_of_elsewhere(module, facts)
        )

    @staticmethod
    def _every_name(facts: FileFacts) -> set[str]:
        imported = (name.alias or name.name.partition(".")[0] for statement in facts.imports for name in statement.names)
        return {*facts.definitions, *imported, "__file__", "__name__", "__doc__", "__path__", "__version__"}

    def _star_of_elsewhere(self, module: str, facts: FileFacts) -> bool:
        """Return whether a star import may import unknown names."""
        path = self._names.modules.path(module) or ""
        stars = [statement for statement in facts.imports if statement.star]
        return any(self._names.facts_of(self._names.modules.absolute(path, star.level, star.module)) is None for star in stars)

    def _is_dynamic(self, module: str) -> bool:
        facts = self._names.facts_of(module)
        return facts is not None and facts.dynamic_names

    def _belongs(self, *names: str) -> bool:
        return any(mark in name for mark in self._marks for name in names) or any(
            not self._stems.isdisjoint(name.split(".")) for name in names
        )


def _broken(path: str, statement: ImportFact, module: str, name: str | None) -> BrokenImport:
    return BrokenImport(path=path, line=statement.line, module=module, name=name, guarded="try" in statement.where, form="import")
