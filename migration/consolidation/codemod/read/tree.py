"""The meaning of the tree that is rewritten: what each name means in every file that can matter, and which modules must be removed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from migration.consolidation.codemod.read.elsewhere import Elsewhere
from migration.consolidation.codemod.read.focus import LeftOut
from migration.consolidation.codemod.read.inference import infer
from migration.consolidation.codemod.read.whole import read_whole
from migration.consolidation.collecting import without_collector
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """The meaning of a tree."""

    root: Path
    names: Names
    facts: Mapping[str, FileFacts]  #: the facts of every file that can matter
    left_out: Mapping[str, tuple[LeftOut, ...]]  #: the parts of files that `facts` leave out, because they cannot matter
    elsewhere: Elsewhere
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


def understand(root: Path, configuration: AuditConfiguration, made: Iterable[str] = ()) -> Tree:
    """Return the meaning of the tree at `root`, an absolute path without symbolic links.

    Args:
        root: the folder.
        configuration: what to look for.
        made: names that the rewrite may bring into a file.

    Raises:
        ConfigurationError: there is no class at the configured target.
    """
    files = discover(root, configuration)
    modules = ModuleNames(root, (file.path for file in files.python), configuration.source_roots, files.left_out)
    with without_collector(), Workers(root, _nothing) as workers:
        contents = Contents(files.python, Store(None, root, 0), workers, root)
        found = SourceSearch(contents, modules, configuration, configuration.prefix(root)).run()
        whole = dict(read_whole(root, workers, found, configuration, made))
    facts = {**found.facts, **{path: item.facts for path, item in whole.items()}}
    left_out = {path: item.left_out for path, item in whole.items()}
    problems = [*files.problems, *contents.unreadable.values(), *(file.problem for file in facts.values() if file.problem)]
    with without_collector():
        infer(root, facts, modules, left_out)
    target = _target(configuration, Names(modules, facts))
    roles = {item.module: item.role for item in found.family.describe(found.exports) if item.role not in {"target", "factory"}}
    return Tree(
        root=root,
        names=Names(modules, facts),
        facts=facts,
        left_out=left_out,
        elsewhere=Elsewhere(root, modules, facts),
        target=target,
        legacy=frozenset(roles),
        behind={
            export.module: export.target.partition(":")[0] for export in reversed(found.exports) if roles.get(export.module) == "re-export"
        },
        classes=frozenset((module, name) for module in roles for name in found.family.classes.get(module, ())),
        methods=found.family.methods(),
        strings=tuple(_strings(files, found, configuration, frozenset(roles))),
        problems=tuple(sorted(problems, key=lambda problem: problem.path)),
    )


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

    Every file that may import this one is read: a file that imports a variable need not name an implementation, so the audit may not have
    read it.
    """
    own = tree.names.modules.name(path)
    stem = own.rpartition(".")[2]
    for other in tree.elsewhere.importers(path):
        data = read_bytes(tree.root, other)
        if not isinstance(data, Problem) and (name.encode() in data or b"*" in data):
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
