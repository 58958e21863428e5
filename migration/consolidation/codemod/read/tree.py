"""The meaning of the tree that is rewritten: what each name means in every file that can matter, and which modules must be removed."""

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

#: How the name that is patched stands in a string, alone or at the end, or before a member.
_QUOTED: Final = ((b'"', b'"'), (b"'", b"'"), (b".", b'"'), (b".", b"'"), (b".", b"."))
_IDENTIFIER: Final = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """The meaning of a tree."""

    root: Path
    names: Names
    facts: Mapping[str, FileFacts]  #: the facts of every file that can matter
    target: Meaning
    legacy: frozenset[str]  #: modules that must be removed
    behind: Mapping[str, str]  #: for a legacy module that defines nothing itself: the module whose objects it re-exports
    classes: frozenset[tuple[str, str]]  #: module and name of the family's classes in the legacy modules
    methods: frozenset[str]  #: methods of these classes that are called from outside
    strings: tuple[DottedString, ...]  #: dotted strings in code and configuration that name a legacy module
    problems: tuple[Problem, ...]  #: files that cannot be rewritten because they cannot be read

    def origin(self, module: str) -> str:
        """Return the legacy module that defines the objects of this legacy module: for a re-export it is another module."""
        return self.behind.get(module, module)


def understand(root: Path, configuration: AuditConfiguration) -> Tree:
    """Return the meaning of the tree at `root`, an absolute path without symbolic links.

    Raises:
        ConfigurationError: there is no class at the configured target.
    """
    files = discover(root, configuration)
    modules = ModuleNames(root, (file.path for file in files.python), configuration.source_roots, files.left_out)
    with Workers(root, _nothing) as workers:
        contents = Contents(files.python, Store(None, root, 0), workers, root)
        found = SourceSearch(contents, modules, configuration, configuration.prefix(root)).run()
    methods = found.family.methods()
    callers = _callers(root, (file.path for file in files.python), methods)
    patching = _patching(root, (file.path for file in files.python), _aliases(found))
    facts = _read_whole(root, sorted({*found.facts, *callers, *patching}), found, configuration, methods)
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
    """Yield the files that call a method of one of these names, whether or not they name an implementation."""
    automaton = BytesAhoCorasick([f".{method}(".encode() for method in sorted(methods)])
    for path in paths:
        data = read_bytes(root, path)
        if not isinstance(data, Problem) and automaton.find_matches_as_indexes(data):
            yield path


def _aliases(found: SearchResult) -> frozenset[str]:
    """Return the other names that files give to classes of the family, by `as` or by an assignment."""
    known = {name for names in found.family.classes.values() for name in names}
    aliases: set[str] = set()
    for facts in found.facts.values():
        given = (name for statement in facts.imports for name in statement.names if name.name.rpartition(".")[2] in known)
        aliases.update(name.alias for name in given if name.alias)
        aliases.update(bound.name for bound in facts.bindings if any(value.rpartition(".")[2] in known for value in bound.values))
    return frozenset(aliases - known)


def _patching(root: Path, paths: Iterable[str], aliases: Iterable[str]) -> Iterator[str]:
    """Yield the files that may patch one of these names, although they may name no class of the family."""
    automaton = BytesAhoCorasick([quote + alias.encode() + end for alias in sorted(aliases) for quote, end in _QUOTED])
    for path in paths:
        data = read_bytes(root, path)
        if not isinstance(data, Problem) and automaton.find_matches_as_indexes(data):
            yield path


def _read_whole(
    root: Path, paths: Iterable[str], found: SearchResult, configuration: AuditConfiguration, methods: frozenset[str]
) -> dict[str, FileFacts]:
    """Read all statements of these files: each file is searched for all its own identifiers."""
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
    offering = (*found.family.modules, *(export.module for export in found.exports))
    words = sorted({*configuration.literals(), *(module.rpartition(".")[2] for module in offering)})
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
    """Show no progress, because the caller reports slow steps."""


def taken_elsewhere(tree: Tree, path: str, name: str) -> str | None:
    """Return a place, `path:line`, in another file that may import a top-level name of this file; None: there is none in the tree.

    Every file is read: a file that imports a variable need not name an implementation, so the audit may not have read it.
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
    """Return the line on which a file imports the module, or the name from it; None: it does neither."""
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
