"""The meaning of the tree that is rewritten: of each name in every file that can matter, and which modules must be removed."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ahocorasick_rs import BytesAhoCorasick

from migration.consolidation.codemod.read.inference import infer
from migration.consolidation.configuration import AuditConfiguration
from migration.consolidation.findings.documents import search_documents
from migration.consolidation.findings.meaning import Meaning
from migration.consolidation.findings.names import Names
from migration.consolidation.findings.search import SearchResult, SourceSearch
from migration.consolidation.findings.strings import Reference, find_strings
from migration.consolidation.inventory import DottedString, Problem
from migration.consolidation.reading.facts import FileFacts, Question
from migration.consolidation.reading.reader import read_source
from migration.consolidation.sources.contents import Contents
from migration.consolidation.sources.discovery import SourceTree, discover
from migration.consolidation.sources.modules import ModuleNames
from migration.consolidation.sources.store import Store
from migration.consolidation.sources.workers import Workers, read_bytes
from migration.errors import ConfigurationError

_IDENTIFIER: Final = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A tree, understood."""

    root: Path
    names: Names
    facts: Mapping[str, FileFacts]  #: of every file that can matter
    target: Meaning
    legacy: frozenset[str]  #: modules that have to go
    behind: Mapping[str, str]  #: of those that define nothing themselves: the module whose objects they pass on
    classes: frozenset[tuple[str, str]]  #: module and name of the family's classes in them
    methods: frozenset[str]  #: of these classes, that are called from outside
    strings: tuple[DottedString, ...]  #: dotted strings that name one of the modules, in code and configuration
    problems: tuple[Problem, ...]  #: files that cannot be rewritten because they cannot be read

    def origin(self, module: str) -> str:
        """Return the legacy module that defines what this legacy module offers: another one for a re-export."""
        return self.behind.get(module, module)


def understand(root: Path, configuration: AuditConfiguration) -> Tree:
    """Return what the tree at `root`, an absolute path without links, means.

    Raises:
        ConfigurationError: there is no class at the configured target.
    """
    files = discover(root, configuration)
    modules = ModuleNames(root, (file.path for file in files.python), configuration.source_roots)
    with Workers(root, _nothing) as workers:
        contents = Contents(files.python, Store(None, root, 0), workers, root)
        found = SourceSearch(contents, modules, configuration, configuration.prefix(root)).run()
    methods = found.family.methods()
    callers = _callers(root, (file.path for file in files.python), methods)
    facts = _read_whole(root, sorted({*found.facts, *callers}), found, configuration, methods)
    problems = [*files.problems, *contents.unreadable.values(), *(file.problem for file in facts.values() if file.problem)]
    infer(root, facts, modules)
    target = _target(configuration, Names(modules, facts))
    roles = {item.module: item.role for item in found.family.describe(found.exports) if item.role not in {"target", "factory"}}
    return Tree(
        root=root,
        names=Names(modules, facts),
        facts=facts,
        target=target,
        legacy=frozenset(roles),
        behind={
            export.module: export.target.partition(":")[0] for export in reversed(found.exports) if roles.get(export.module) == "re-export"
        },
        classes=frozenset((module, name) for module in roles for name in found.family.classes.get(module, ())),
        methods=methods,
        strings=tuple(_strings(files, found, configuration, frozenset(roles))),
        problems=tuple(sorted(problems, key=lambda problem: problem.path)),
    )


def _callers(root: Path, paths: Iterable[str], methods: Iterable[str]) -> Iterator[str]:
    """Yield the files that call something by the name of one of the methods, whether they name an implementation or not."""
    automaton = BytesAhoCorasick([f".{method}(".encode() for method in sorted(methods)])
    for path in paths:
        data = read_bytes(root, path)
        if not isinstance(data, Problem) and automaton.find_matches_as_indexes(data):
            yield path


def _read_whole(
    root: Path, paths: Iterable[str], found: SearchResult, configuration: AuditConfiguration, methods: frozenset[str]
) -> dict[str, FileFacts]:
    """Read all statements of these files: the words to look for are all identifiers of the file."""
    facts: dict[str, FileFacts] = {}
    for path in paths:
        data = read_bytes(root, path)
        if isinstance(data, Problem):
            continue
        identifiers = tuple(sorted(set(_IDENTIFIER.findall(data.decode(errors="replace")))))
        facts[path] = read_source(data, path, Question(configuration.literals(), identifiers, tuple(sorted(methods))))
    return {**found.facts, **facts}


def _strings(files: SourceTree, found: SearchResult, configuration: AuditConfiguration, legacy: frozenset[str]) -> Iterator[DottedString]:
    reference = Reference(found.names, found.family)
    words = sorted({*configuration.literals(), *(module.rpartition(".")[2] for module in found.family.modules)})
    documents = search_documents(files.root, [(file, True) for file in files.configuration], words, reference, _nothing)
    for string in (*find_strings(found.facts, reference), *documents.strings):
        if string.module in legacy:
            yield string


def _target(configuration: AuditConfiguration, names: Names) -> Meaning:
    module, _, name = configuration.target.partition(":")
    target = Meaning("object", module, name)
    if names.class_of(target) is None:
        raise ConfigurationError(
            f"target = {configuration.target!r}: there is no such class in this tree; correct [tool.netra-migration.audit]"
        )
    return target


def _nothing(_files: int) -> None:
    """Show no progress: the caller reports slow steps."""


def taken_elsewhere(tree: Tree, path: str, name: str) -> str | None:
    """Return a place, `path:line`, that may take a name of the file's top level from it; None: no other file of the tree does.

    Every file is looked at: what takes a variable need not name an implementation, so the audit may have left it alone.
    """
    own = tree.names.modules.name(path)
    stem = own.rpartition(".")[2]
    for other in tree.names.modules.paths:
        data = read_bytes(tree.root, other) if other != path else b""
        if not isinstance(data, Problem) and name.encode() in data and (stem.encode() in data or b"*" in data):
            facts = read_source(data, other, Question((), (name, stem), ()))
            if (line := _takes(facts, other, own, name, tree.names.modules)) is not None:
                return f"{other}:{line}"
    return None


def _takes(facts: FileFacts, path: str, own: str, name: str, modules: ModuleNames) -> int | None:
    """Return the line on which a file, which holds a name, imports that name from a module, or the module; None: it does neither."""
    for statement in facts.imports:
        module = modules.absolute(path, statement.level, statement.module)
        for imported in statement.names:
            if statement.plain:
                taken = modules.absolute(path, 0, imported.name) == own
            else:
                taken = (module == own and imported.name in {name, "*"}) or f"{module}.{imported.name}" == own
            if taken:
                return statement.line
    named = (string.line for string in facts.strings if string.text.replace(":", ".") in {own, f"{own}.{name}"} and not string.docstring)
    return next(named, None)
