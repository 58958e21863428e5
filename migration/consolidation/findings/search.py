"""Finds all files that can matter: names lead to files, files to further names, until nothing new is found."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from migration.consolidation.configuration import AuditConfiguration
from migration.consolidation.findings.implementations import Family
from migration.consolidation.findings.imports import ImportFinder
from migration.consolidation.findings.names import Meaning, Names
from migration.consolidation.inventory import Export
from migration.consolidation.reading.facts import FileFacts, Question
from migration.consolidation.sources.contents import Contents
from migration.consolidation.sources.modules import ModuleNames
from migration.consolidation.sources.scan import Sighting, Words

_STAR: Final = "*"
_STEM: Final = "import"  #: no name can be called so


@dataclass(frozen=True, slots=True)
class Clue:
    """A file matters when it holds `word` together with `near`, or when it holds `word` and lies in `folder`."""

    word: str  #: or `*` for a star import
    near: str
    folder: str  #: with `/`; "" is the whole tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the search ended with."""

    facts: Mapping[str, FileFacts]  #: of every file that can matter, by path
    names: Names
    family: Family
    exports: tuple[Export, ...]


class Search:
    """One search.

    Args:
        contents: gives files' sightings and facts.
        modules: all modules of the tree.
        configuration: says what belongs to the family.
        prefix: what makes a path of the tree one of the configuration.
    """

    def __init__(self, contents: Contents, modules: ModuleNames, configuration: AuditConfiguration, prefix: str) -> None:
        self._contents = contents
        self._modules = modules
        self._configuration = configuration
        self._prefix = prefix
        self._facts: dict[str, FileFacts] = {}
        self._answers: dict[str, Question] = {}  #: what each file was asked, as far as its words go
        self._seen: dict[str, set[str]] = {}
        self._looked_for: set[str] = set()
        self._question = Question((*configuration.literals(), *configuration.stems()), (), ())

    def run(self) -> Found:
        """Search until no file and no name is new."""
        self._read(self._configured_paths())
        methods = self._family().public_methods(_meaning(self._configuration.target))
        definers = set(self._look_first(methods))
        self._read(definers)
        # Only now is it known which methods the family has, and every other file is read once, with all of them.
        self._question = msgspec.structs.replace(self._question, methods=tuple(sorted(self._family().methods())))
        while True:
            family = self._family()
            exports = tuple(ImportFinder(self._names(), self._facts, family).exports())
            clues = {*self._module_clues(family), *self._export_clues(exports), *self._variable_clues(family)}
            self._look_for({word for clue in clues for word in (clue.word, clue.near)})
            self._question = msgspec.structs.replace(self._question, names=tuple(sorted({clue.word for clue in clues} - {_STAR})))
            if not self._read({*definers, *self._facts, *self._matching(clues), *self._imported_from()}):
                return Found(facts=dict(sorted(self._facts.items())), names=self._names(), family=family, exports=exports)

    def _look_first(self, methods: Iterable[str]) -> Iterator[str]:
        """Look for the family's literals in all files; yield those that may define a class of it."""
        words = {word for clue in self._module_clues_of(self._configured_modules()) for word in (clue.word, clue.near)}
        methods = tuple(sorted(methods))
        enough = max(1, int(self._configuration.shape_share * len(methods)))
        wanted = Words(self._configuration.literals(), tuple(sorted(words)), methods, self._configuration.stems())
        for path, sighting in self._scan(wanted):
            if sighting.defines_class or (methods and sighting.methods >= enough):
                yield path

    def _look_for(self, words: set[str]) -> None:
        if new := words - self._looked_for - {_STAR, ""}:
            for _ in self._scan(Words((), tuple(sorted(new)), ())):
                pass

    def _scan(self, words: Words) -> Iterator[tuple[str, Sighting]]:
        self._looked_for.update(words.literals, words.words)
        for path, sighting in self._contents.scan(words):
            if sighting.words or sighting.has_star or sighting.imports_stem:
                seen = self._seen.setdefault(path, set())
                seen.update(sighting.words, [_STAR] if sighting.has_star else [], [_STEM] if sighting.imports_stem else [])
            yield path, sighting

    def _matching(self, clues: Iterable[Clue]) -> Iterator[str]:
        by_word: dict[str, list[Clue]] = {}
        for clue in clues:
            by_word.setdefault(clue.word, []).append(clue)
        literals = {*self._configuration.literals(), _STEM}
        for path, seen in self._seen.items():
            if not literals.isdisjoint(seen) or any(
                clue.near in seen or path.startswith(clue.folder) for word in seen for clue in by_word.get(word, ())
            ):
                yield path

    def _imported_from(self) -> Iterator[str]:
        """Yield the modules that names of the family are imported from, so that it can be said whether they have them."""
        literals = self._configuration.literals()
        for path, facts in list(self._facts.items()):
            for statement in facts.imports:
                if any(literal in name.name for name in statement.names for literal in literals):
                    module = self._modules.absolute(path, statement.level, statement.module)
                    if (found := self._modules.path(module)) is not None:
                        yield found

    def _read(self, paths: Iterable[str]) -> bool:
        """Read the files whose words the question holds more of than when they were read last. Returns whether there were any."""
        wanted: dict[str, Question] = {}
        for path in paths:
            seen = self._seen.get(path, set())
            question = msgspec.structs.replace(self._question, names=tuple(name for name in self._question.names if name in seen))
            if self._answers.get(path) != question:
                wanted[path] = question
        self._answers.update(wanted)
        for path, facts in self._contents.read(sorted(wanted), self._question):
            self._facts[path] = facts
        return bool(wanted)

    def _names(self) -> Names:
        return Names(self._modules, self._facts)

    def _family(self) -> Family:
        return Family(self._names(), self._facts, self._configuration, self._prefix)

    def _configured_modules(self) -> list[str]:
        configured = [_meaning(text).module for text in (self._configuration.target, self._configuration.factory)]
        paths = (path.removeprefix(self._prefix) for path in self._configuration.roles if path.startswith(self._prefix))
        return [*configured, *(self._modules.name(path) for path in paths if self._modules.has(path))]

    def _configured_paths(self) -> list[str]:
        return [path for module in self._configured_modules() if (path := self._modules.path(module)) is not None]

    def _module_clues(self, family: Family) -> Iterator[Clue]:
        return self._module_clues_of(family.modules)

    def _module_clues_of(self, modules: Iterable[str]) -> Iterator[Clue]:
        """Yield what an import of a module holds: its name and its package's, or in the same package its name alone."""
        for module in modules:
            package, _, stem = module.rpartition(".")
            yield Clue(stem, package.rpartition(".")[2], self._folder(module))

    def _export_clues(self, exports: Iterable[Export]) -> Iterator[Clue]:
        """Yield what an import of a further name holds: that name, or a star, and the name of the module that has it."""
        literals = self._configuration.literals()
        for export in exports:
            stem = export.module.rpartition(".")[2]
            folder = self._folder(export.module)
            yield Clue(_STAR, stem, folder)
            if not any(literal in export.name for literal in literals):
                yield Clue(export.name, stem, folder)

    def _variable_clues(self, family: Family) -> Iterator[Clue]:
        """Yield what an import of a module's variable holds whose value is an instance of one of the family's classes."""
        names = self._names()
        for path, facts in self._facts.items():
            module = self._modules.name(path)
            for name in {binding.name for binding in facts.bindings if binding.scope == 0}:
                meaning = names.value(Meaning("object", module, name))
                if meaning.kind == "instance" and meaning.name in family.classes.get(meaning.module, ()):
                    yield Clue(name, module.rpartition(".")[2], self._folder(module))

    def _folder(self, module: str) -> str:
        path = self._modules.path(module) or ""
        return path.rpartition("/")[0] + "/" if "/" in path else ""


def _meaning(text: str) -> Meaning:
    module, _, name = text.partition(":")
    return Meaning("object", module, name)
