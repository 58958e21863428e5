"""Finds all files that can matter: names lead to files and files lead to further names, until nothing new is found."""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

import msgspec

from migration.consolidation.configuration import AuditConfiguration
from migration.consolidation.findings.implementations import Family
from migration.consolidation.findings.imports import ImportFinder
from migration.consolidation.findings.meaning import Meaning
from migration.consolidation.findings.names import Names
from migration.consolidation.inventory import Export
from migration.consolidation.reading.facts import FileFacts, Question
from migration.consolidation.reading.scan import Sighting, Words
from migration.consolidation.sources.contents import Contents
from migration.consolidation.sources.modules import ModuleNames

_NO_NAMES: Final[Mapping[str, frozenset[str]]] = {}


@dataclass(frozen=True, slots=True)
class Clue:
    """The words that show that a file imports a certain module or object."""

    word: str
    near: str  #: module name that must be found with the word, unless the file is in `folder`; "" for a top-level module
    folder: str  #: folder, with `/`, in which an import of the word is enough: a relative import need not name the module; "": none
    source: str  #: the file that the module or object is imported from

    def matches(self, path: str, near: AbstractSet[str]) -> bool:
        """Return whether a file that contains the word matches; `near` are the module names found with it."""
        if path == self.source:
            return False
        return not self.near or self.near in near or bool(self.folder and "" in near and path.startswith(self.folder))


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """The result of the search."""

    facts: Mapping[str, FileFacts]  #: the facts of every file that can matter, by path
    names: Names
    family: Family
    exports: tuple[Export, ...]


class SourceSearch:
    """One search.

    Args:
        contents: returns the sightings and facts of files.
        modules: all modules of the tree.
        configuration: defines the family.
        prefix: turns a path of the tree into a path of the configuration.
    """

    def __init__(self, contents: Contents, modules: ModuleNames, configuration: AuditConfiguration, prefix: str) -> None:
        self._contents = contents
        self._modules = modules
        self._configuration = configuration
        self._prefix = prefix
        self._facts: dict[str, FileFacts] = {}
        #: for each file: the question with which it was read, and the names in it
        self._asked: dict[str, tuple[Question, frozenset[str]]] = {}
        self._marked: set[str] = set()  #: files that contain a literal, or import a module whose name is like a literal
        self._seen: dict[str, dict[str, set[str]]] = {}  #: the words of each file, each with the module names found with it
        self._stars: dict[str, tuple[str, ...]] = {}  #: the modules of a file's star imports, as written
        self._looked_for: set[Clue] = set()
        self._question = Question((*configuration.literals(), *configuration.stems()), (), ())

    def run(self) -> SearchResult:
        """Search until there is no new file and no new name."""
        self._read(self._configured_paths())
        methods = self._family(self._names()).public_methods(_meaning(self._configuration.target))
        definers = set(self._look_first(methods))
        self._read(definers)
        # Only now are all methods of the family known. Each remaining file is read once, and all these methods are looked for in it.
        self._question = msgspec.structs.replace(self._question, methods=tuple(sorted(self._family(self._names()).methods())))
        while True:
            names = self._names()
            family = self._family(names)
            exports = tuple(ImportFinder(names, self._facts, family).exports())
            clues = {*self._module_clues(family.modules), *self._export_clues(exports), *self._variable_clues(names, family)}
            self._look_for(clues)
            self._question = msgspec.structs.replace(self._question, names=tuple(sorted({clue.word for clue in clues})))
            matching = self._matching(clues)
            for path in self._importing_all({*family.modules, *(export.module for export in exports)}):
                matching[path] = frozenset(self._seen.get(path, ()))  # a star import may import any name
            if not self._read({*definers, *self._facts, *self._marked, *matching, *self._imported_from()}, matching):
                return SearchResult(facts=dict(sorted(self._facts.items())), names=names, family=family, exports=exports)

    def _look_first(self, methods: Iterable[str]) -> Iterator[str]:
        """Look for the family's literals in all files; yield the files that may define a class of the family."""
        clues = set(self._module_clues(self._configured_modules()))
        methods = tuple(sorted(methods))
        enough = max(1, int(self._configuration.shape_share * len(methods)))
        wanted = msgspec.structs.replace(
            self._words(clues), literals=self._configuration.literals(), methods=methods, stems=self._configuration.stems()
        )
        for path, sighting in self._scan(wanted):
            if sighting.defines_class or (methods and sighting.methods >= enough):
                yield path

    def _look_for(self, clues: set[Clue]) -> None:
        new = clues - self._looked_for
        known = {clue.word for clue in self._looked_for}
        # If a word was searched before, only the files in which it was found are scanned again.
        again = {clue for clue in new if clue.word in known}
        words = {clue.word for clue in again}
        holding = [path for path, seen in self._seen.items() if not words.isdisjoint(seen)]
        for some, paths in ((new - again, None), (again, holding)):
            for _ in self._scan(self._words(some), paths) if some else ():
                pass

    def _words(self, clues: set[Clue]) -> Words:
        self._looked_for |= clues
        near: dict[str, set[str]] = {}
        for clue in clues:
            near.setdefault(clue.word, set()).update([clue.near] if clue.near else [], [""] if clue.folder else [])
        return Words(words=tuple(near), near=tuple(tuple(sorted(names)) for names in near.values()))

    def _scan(self, words: Words, paths: Iterable[str] | None = None) -> Iterator[tuple[str, Sighting]]:
        literals = set(words.literals)
        for path, sighting in self._contents.scan(words, paths):
            if sighting.imports_stem or not literals.isdisjoint(sighting.words):
                self._marked.add(path)
            if found := [word for word in sighting.words if word not in literals]:
                seen = self._seen.setdefault(path, {})
                for word in found:
                    seen.setdefault(word, set())
                for word, name in sighting.near:
                    seen[word].add(name)
            if sighting.stars:
                self._stars[path] = sighting.stars
            yield path, sighting

    def _importing_all(self, modules: set[str]) -> Iterator[str]:
        """Yield the files with a star import of one of the modules."""
        for path, stars in self._stars.items():
            for name in stars:
                module = name.lstrip(".")
                if self._modules.absolute(path, len(name) - len(module), module) in modules:
                    yield path

    def _matching(self, clues: Iterable[Clue]) -> dict[str, frozenset[str]]:
        """Return the files that match a clue, each with the words of the clues that it matches."""
        by_word: dict[str, list[Clue]] = {}
        for clue in clues:
            by_word.setdefault(clue.word, []).append(clue)
        found = {}
        for path, seen in self._seen.items():
            words = [word for word, near in seen.items() if any(clue.matches(path, near) for clue in by_word.get(word, ()))]
            if words:
                found[path] = frozenset(words)
        return found

    def _imported_from(self) -> Iterator[str]:
        """Yield the modules from which names of the family are imported, to check that they define these names."""
        literals = self._configuration.literals()
        for path, facts in list(self._facts.items()):
            for statement in facts.imports:
                if any(literal in name.name for name in statement.names for literal in literals):
                    module = self._modules.absolute(path, statement.level, statement.module)
                    if (found := self._modules.path(module)) is not None:
                        yield found

    def _read(self, paths: Iterable[str], names: Mapping[str, frozenset[str]] = _NO_NAMES) -> bool:
        """Read the files that were not read yet, or were read without some names that are known now. Returns whether there was such a file.

        Args:
            paths: the paths of the files.
            names: the searched names that each file contains; a file that contains none is not a key.
        """
        general = msgspec.structs.replace(self._question, names=())
        wanted = {path: (general, names.get(path, frozenset())) for path in paths}
        wanted = {path: asked for path, asked in wanted.items() if self._asked.get(path) != asked}
        self._asked.update(wanted)
        for path, facts in self._contents.read(sorted(wanted), self._question):
            self._facts[path] = facts
        return bool(wanted)

    def _names(self) -> Names:
        return Names(self._modules, self._facts)

    def _family(self, names: Names) -> Family:
        return Family(names, self._facts, self._configuration, self._prefix)

    def _configured_modules(self) -> list[str]:
        configured = [_meaning(text).module for text in (self._configuration.target, self._configuration.factory) if text]
        paths = (path.removeprefix(self._prefix) for path in self._configuration.roles if path.startswith(self._prefix))
        return [*configured, *(self._modules.name(path) for path in paths if self._modules.has(path))]

    def _configured_paths(self) -> list[str]:
        return [path for module in self._configured_modules() if (path := self._modules.path(module)) is not None]

    def _module_clues(self, modules: Iterable[str]) -> Iterator[Clue]:
        """Yield clues to imports of a module: its name and its package's name, or in the same package its name alone."""
        for module in modules:
            package, _, stem = module.rpartition(".")
            path = self._modules.path(module) or ""
            yield Clue(stem, package.rpartition(".")[2], _folder(path), path)

    def _export_clues(self, exports: Iterable[Export]) -> Iterator[Clue]:
        """Yield clues to imports of another name of an implementation: the name itself and the name of its module."""
        literals = self._configuration.literals()
        for export in exports:
            if not any(literal in export.name for literal in literals):
                yield self._name_clue(export.name, export.module)

    def _variable_clues(self, names: Names, family: Family) -> Iterator[Clue]:
        """Yield clues to imports of module variables whose values are instances of the family's classes."""
        for path, facts in self._facts.items():
            module = self._modules.name(path)
            for name in {binding.name for binding in facts.bindings if binding.scope == 0}:
                meaning = names.value(Meaning("object", module, name))
                if meaning.kind == "instance" and meaning.name in family.classes.get(meaning.module, ()):
                    yield self._name_clue(name, module)

    def _name_clue(self, name: str, module: str) -> Clue:
        """Return the clue to imports of a name. Only files in a package can omit the package's name, as in `from . import name`."""
        path = self._modules.path(module) or ""
        return Clue(name, module.rpartition(".")[2], _folder(path) if path.endswith("__init__.py") else "", path)


def _folder(path: str) -> str:
    return path.rpartition("/")[0] + "/" if "/" in path else ""


def _meaning(text: str) -> Meaning:
    module, _, name = text.partition(":")
    return Meaning("object", module, name)
