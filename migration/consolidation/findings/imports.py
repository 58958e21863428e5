"""Which import statements import implementations, and under which other names implementations can be imported."""

from collections.abc import Iterator, Mapping

import msgspec

from migration.consolidation.findings.implementations import Family
from migration.consolidation.findings.meaning import Meaning
from migration.consolidation.findings.names import Names
from migration.consolidation.inventory import Export, Import, ImportedName
from migration.consolidation.reading.facts import FileFacts, ImportFact
from migration.consolidation.sources.modules import ModuleNames


class ImportFinder:
    """Finds import statements and exports.

    Args:
        names: the meaning of names in all files that can matter.
        facts: the facts of all files that can matter, by path.
        family: the implementations.
    """

    def __init__(self, names: Names, facts: Mapping[str, FileFacts], family: Family) -> None:
        self._names = names
        self._facts = facts
        self._family = family

    def imports(self) -> Iterator[Import]:
        """Yield every statement that imports an implementation or its objects."""
        for path, facts in self._facts.items():
            own = self._modules.name(path)
            for statement in facts.imports:
                found = self._plain(path, statement) if statement.plain else self._from(path, statement)
                if found is not None and (reaches := tuple(module for module in found.reaches if module != own)):
                    yield found if reaches == found.reaches else _reaching(found, reaches)

    def exports(self) -> Iterator[Export]:
        """Yield every name under which a module offers an object of an implementation that another module defines."""
        for path, facts in self._facts.items():
            module = self._modules.name(path)
            for name, line in self._top_level_names(path, facts).items():
                meaning = self._names.member(module, name)
                if meaning is None or meaning.kind != "object" or meaning.module not in self._family.modules:
                    continue
                if (meaning.module, meaning.name) != (module, name):
                    yield Export(path=path, line=line, module=module, name=name, target=meaning.text)

    @property
    def _modules(self) -> ModuleNames:
        return self._names.modules

    def _plain(self, path: str, statement: ImportFact) -> Import | None:
        """Return `import a.b.c`, if one of the modules is an implementation."""
        found = []
        for name in statement.names:
            module = self._modules.absolute(path, 0, name.name)
            if module in self._family.modules:
                found.append((module, ImportedName(name=name.name, alias=name.alias, target=module)))
        if not found:
            return None
        return _statement(path, statement, found[0][0], [name for _, name in found], [module for module, _ in found])

    def _from(self, path: str, statement: ImportFact) -> Import | None:
        """Return `from a.b import c`, if `a.b` or `a.b.c` is an implementation, or `c` is an object of one."""
        module = self._modules.absolute(path, statement.level, statement.module)
        if statement.star:
            return self._star(path, statement, module)
        reaches = [module] if module in self._family.modules else []
        names = []
        for name in statement.names:
            meaning = self._names.member(module, name.name)
            in_family = meaning is not None and meaning.module in self._family.modules
            names.append(ImportedName(name=name.name, alias=name.alias, target=meaning.text if meaning and in_family else None))
            if meaning and in_family and module not in reaches:
                reaches.append(meaning.module)
        return _statement(path, statement, module, names, reaches) if reaches else None

    def _star(self, path: str, statement: ImportFact, module: str) -> Import | None:
        passed = dict(self._passed_by_star(module))
        names = [ImportedName(name=name, alias=None, target=meaning.text) for name, meaning in sorted(passed.items())]
        reaches = [module] if module in self._family.modules else [meaning.module for meaning in passed.values()]
        return _statement(path, statement, module, names, reaches) if reaches else None

    def _passed_by_star(self, module: str) -> Iterator[tuple[str, Meaning]]:
        facts, path = self._names.facts_of(module), self._modules.path(module)
        if facts is None or path is None:
            return
        names = facts.public_names if facts.public_names is not None else (*self._top_level_names(path, facts), *facts.definitions)
        for name in names:
            meaning = self._names.member(module, name)
            public = facts.public_names is not None or not name.startswith("_")
            if public and meaning is not None and meaning.kind == "object" and meaning.module in self._family.modules:
                yield name, meaning

    def _top_level_names(self, path: str, facts: FileFacts) -> dict[str, int]:
        names = dict.fromkeys((name for name, _ in facts.lazy), 0)
        names.update((alias.name, alias.line) for alias in facts.aliases)
        for statement in facts.imports:
            if statement.scope != 0:
                continue
            if statement.star:
                module = self._modules.absolute(path, statement.level, statement.module)
                if module != self._modules.name(path):
                    names.update((name, 0) for name in self._star_names(module))
            elif not statement.plain and self._names.facts_of(self._modules.absolute(path, statement.level, statement.module)) is not None:
                # A module that was not read does not contain objects of the family.
                names.update((name.alias or name.name, statement.line) for name in statement.names)
        return names

    def _star_names(self, module: str) -> Iterator[str]:
        facts = self._names.facts_of(module)
        if facts is None:
            return
        if facts.public_names is not None:
            yield from facts.public_names
            return
        yield from (name for name in facts.definitions if not name.startswith("_"))
        for statement in facts.imports:
            if statement.scope == 0 and not statement.plain:
                yield from (name.alias or name.name for name in statement.names if not (name.alias or name.name).startswith(("_", "*")))


def _statement(path: str, statement: ImportFact, module: str, names: list[ImportedName], reaches: list[str]) -> Import:
    return Import(
        path=path,
        line=statement.line,
        end_line=statement.end_line,
        form="star" if statement.star else "import" if statement.plain else "from",
        level=statement.level,
        module=module,
        names=tuple(names),
        where=statement.where,
        reaches=tuple(dict.fromkeys(reaches)),
    )


def _reaching(found: Import, reaches: tuple[str, ...]) -> Import:
    return msgspec.structs.replace(found, reaches=reaches)
