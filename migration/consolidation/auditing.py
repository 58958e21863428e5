"""The audit: which implementations a tree has and what uses them. No code of the tree is imported or executed."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol, TypeVar

import msgspec

from migration.consolidation.collecting import without_collector
from migration.consolidation.configuration import AuditConfiguration, load_configuration
from migration.consolidation.findings.broken_imports import BrokenImportFinder
from migration.consolidation.findings.calls import CallFinder, find_attribute_uses, find_subclasses
from migration.consolidation.findings.documents import search_documents
from migration.consolidation.findings.imports import ImportFinder
from migration.consolidation.findings.meaning import Meaning
from migration.consolidation.findings.search import SearchResult, SourceSearch
from migration.consolidation.findings.shared_state import find_shared_state
from migration.consolidation.findings.similarity import compare, read_functions
from migration.consolidation.findings.strings import Reference, find_mentions, find_strings
from migration.consolidation.inventory import Export, Implementation, Import, Inventory, SharedState, Similarity
from migration.consolidation.sources.contents import Contents
from migration.consolidation.sources.discovery import SourceTree, discover
from migration.consolidation.sources.modules import ModuleNames
from migration.consolidation.sources.store import Store, digest
from migration.consolidation.sources.workers import Workers, read_bytes
from migration.errors import ConfigurationError


class AuditProgress(Protocol):
    """Receives the progress of an audit."""

    def begin(self, files: int) -> None:
        """Receive the number of files to read."""

    def advance(self, files: int) -> None:
        """Receive the number of files read since the last call; the sum can exceed `files`, because a file is read again when the search
        finds more names that the file contains.
        """


class NoProgress:
    """Does not show progress."""

    def begin(self, files: int) -> None:
        """Show nothing."""

    def advance(self, files: int) -> None:
        """Show nothing."""


_SILENT: Final = NoProgress()


def audit(
    root: Path,
    *,
    configuration: AuditConfiguration | None = None,
    cache: Path | None = None,
    progress: AuditProgress = _SILENT,
    now_ns: Callable[[], int] = time.time_ns,
) -> Inventory:
    """Return the inventory of a tree.

    Args:
        root: the folder.
        configuration: what to look for; None: read from the closest `pyproject.toml`, otherwise from the project that is found.
        cache: folder for facts that are kept between audits; None: none are kept.
        progress: receives the progress of the audit.
        now_ns: wall clock, to compare with time stamps of files.

    Raises:
        ConfigurationError: `root` is not a folder, the configuration is wrong, or names a target that does not exist.
    """
    root = root.resolve()
    if not root.is_dir():
        raise ConfigurationError(f"{root}: no such folder; give the folder to audit")
    configuration = configuration or load_configuration(root)
    tree = discover(root, configuration)  # 1 sources/discovery: which files there are
    store = Store(cache, root, now_ns())
    key = _key(tree, configuration, store)
    if key is not None and (known := store.inventory(key)) is not None:  # 2 sources/store: nothing changed since the last run
        return known
    progress.begin(len(tree.python) + len(tree.configuration) + len(tree.documents))
    with without_collector(), Workers(root, progress.advance) as workers:
        inventory = _audit(tree, configuration, store, workers, progress)
    key = _key(tree, configuration, store)
    if key is not None:
        store.keep_inventory(key, inventory)
    return inventory


def _audit(tree: SourceTree, configuration: AuditConfiguration, store: Store, workers: Workers, progress: AuditProgress) -> Inventory:
    modules = ModuleNames(tree.root, (file.path for file in tree.python), configuration.source_roots, tree.left_out)
    contents = Contents(tree.python, store, workers, tree.root)
    found = SourceSearch(contents, modules, configuration, configuration.prefix(tree.root)).run()  # 3 findings/search: what can matter
    target, factory = _staying(found, configuration)
    family, names, facts = found.family, found.names, found.facts
    imports = _sorted(ImportFinder(names, facts, family).imports())  # 4 findings/imports, strings, calls: what uses them
    reference = Reference(names, family)
    offering = (*family.modules, *(export.module for export in found.exports))
    documents = search_documents(
        tree.root,
        [*((file, True) for file in tree.configuration), *((file, False) for file in tree.documents)],
        sorted({*configuration.literals(), *(module.rpartition(".")[2] for module in offering)}),
        reference,
        progress.advance,
    )
    store.remember_contents(contents.digests | documents.digests)
    implementations = family.describe([export for export in found.exports if _is_offered(export, found, imports)])
    broken = BrokenImportFinder(names, facts, family, configuration)
    problems = [
        *tree.problems,
        *contents.unreadable.values(),
        *documents.problems,
        *(file.problem for file in facts.values() if file.problem),
    ]
    return Inventory(
        root=str(tree.root),
        files=len(tree.python),
        documents=len(tree.configuration) + len(tree.documents),
        target=configuration.target,
        factory=configuration.factory,
        implementations=implementations,
        imports=imports,
        strings=_sorted([*find_strings(facts, reference), *documents.strings]),
        attribute_uses=_sorted(find_attribute_uses(names, facts, family)),
        subclasses=_sorted(find_subclasses(names, facts, family)),
        calls=_sorted(CallFinder(names, facts, family, target, factory).calls()),
        mentions=_sorted([*find_mentions(facts, reference), *documents.mentions]),
        broken_imports=_sorted([*broken.in_statements(), *broken.in_strings()]),
        similarity=_similarity(tree.root, implementations),  # 5 findings/similarity, shared_state: how alike they are
        shared_state=_shared_state(tree.root, implementations),
        problems=tuple(sorted(problems, key=lambda problem: problem.path)),
    )


def _staying(found: SearchResult, configuration: AuditConfiguration) -> tuple[Meaning, Meaning]:
    """Return the target and its factory."""
    target, factory = (
        Meaning("object", module, name)
        for module, _, name in (text.partition(":") for text in (configuration.target, configuration.factory))
    )
    if configuration.explicit and found.names.class_of(target) is None:
        raise ConfigurationError(
            f"target = {configuration.target!r}: there is no such class in this tree; correct [tool.netra-migration.audit]"
        )
    return target, factory


def _is_offered(export: Export, found: SearchResult, imports: Sequence[Import]) -> bool:
    """Return whether a name can be imported: a package has it, `__all__` lists it, it is an alias, or another module imports it."""
    facts = found.facts[export.path]
    if (
        export.path.endswith("__init__.py")
        or export.name in (facts.public_names or ())
        or any(a.name == export.name for a in facts.aliases)
    ):
        return True
    return any(statement.module == export.module and any(name.name == export.name for name in statement.names) for statement in imports)


def _similarity(root: Path, implementations: Sequence[Implementation]) -> tuple[Similarity, ...]:
    functions = {item.module: read_functions(data) for item, data in _sources(root, implementations) if item.role != "re-export"}
    return compare(functions)


def _shared_state(root: Path, implementations: Sequence[Implementation]) -> tuple[SharedState, ...]:
    return tuple(state for item, data in _sources(root, implementations) for state in find_shared_state(data, item.path))


def _sources(root: Path, implementations: Sequence[Implementation]) -> Iterator[tuple[Implementation, bytes]]:
    for item in implementations:
        data = read_bytes(root, item.path)
        if isinstance(data, bytes):
            yield item, data


def _key(tree: SourceTree, configuration: AuditConfiguration, store: Store) -> str | None:
    """Return the digest of the tree's whole content and of the configuration; None if some file must be read first to know its content."""
    parts = [msgspec.json.encode(configuration).decode(), *sorted(tree.left_out)]
    for file in (*tree.python, *tree.configuration, *tree.documents):
        content = store.content(file)
        if content is None:
            return None
        parts += [file.path, content]
    return digest([*parts, *(f"{problem.path} {problem.detail}" for problem in tree.problems)])


class _Located(Protocol):
    """Something that has a place in a file."""

    @property
    def path(self) -> str: ...

    @property
    def line(self) -> int: ...


_L = TypeVar("_L", bound=_Located)


def _sorted(found: Iterable[_L]) -> tuple[_L, ...]:
    return tuple(sorted(found, key=lambda item: (item.path, item.line)))
