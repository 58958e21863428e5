"""Reads everything that can matter in the files that use a legacy module or may receive its objects: more than the audit needs of them."""

import ast
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
from ahocorasick_rs import BytesAhoCorasick

from migration.consolidation.codemod.read.focus import LeftOut, Wanted, left_out, without
from migration.consolidation.codemod.read.named_modules import named_modules
from migration.consolidation.configuration import AuditConfiguration
from migration.consolidation.findings.search import SearchResult
from migration.consolidation.inventory import Problem
from migration.consolidation.reading.facts import FileFacts, Question, unreadable
from migration.consolidation.reading.reader import read_source
from migration.consolidation.sources.workers import Workers, read_bytes

#: How the name that is patched stands in a string, alone or at the end, or before a member.
_QUOTED: Final = ((b'"', b'"'), (b"'", b"'"), (b".", b'"'), (b".", b"'"), (b".", b"."))
_IDENTIFIER: Final = re.compile(r"[^\W\d]\w*")


class WholeFacts(msgspec.Struct, frozen=True):
    """The facts of a file about everything that it contains, except the parts that are left out."""

    facts: FileFacts
    left_out: tuple[LeftOut, ...]


def read_whole(
    root: Path, workers: Workers, found: SearchResult, configuration: AuditConfiguration, made: Iterable[str]
) -> Iterator[tuple[str, WholeFacts]]:
    """Yield the facts of each file that the search found, and of each file that may receive its objects or patch their names.

    Args:
        root: the folder.
        workers: read the files.
        found: what the audit knows.
        configuration: what to look for.
        made: names that the rewrite may bring into a file.
    """
    modules, methods = found.names.modules, tuple(sorted(found.family.methods()))
    shared = _shared(found, configuration, made)
    question = Question(configuration.literals(), (), methods)
    beside = sorted(_callers(root, found, methods) - set(found.facts))
    owners = (*found.family.modules, configuration.target.partition(":")[0])
    defining = {path for module in owners if (path := modules.path(module)) is not None}
    known = [path for path in sorted(found.facts) if path not in defining]
    words = {path: _own_words(path, found) for path in known}
    yield from workers.each(partial(_read_focused, str(root), question, shared, words), WholeFacts, known)
    entire = [*beside, *sorted(path for path in defining if path in found.facts)]
    yield from workers.each(partial(_read_focused, str(root), question, None, {}), WholeFacts, entire)


def _shared(found: SearchResult, configuration: AuditConfiguration, made: Iterable[str]) -> Wanted:
    """Return the words that show, in whatever file, that a function has to be read."""
    words = {*made, *configuration.target.rpartition(":")[::2], *configuration.factory.rpartition(":")[::2]}
    for module in found.family.modules:
        facts = found.names.facts_of(module)
        words |= {module.rpartition(".")[2], *(facts.definitions if facts is not None else ())}
    words |= _aliases(found)
    words |= {name for export in found.exports for name in (export.name, export.module.rpartition(".")[2])}
    words |= {function.name for facts in found.facts.values() for function in facts.functions if function.fixture}
    parts = (*configuration.literals(), *configuration.stems())
    return Wanted(parts, tuple(sorted(word for word in words if word.isidentifier())), tuple(sorted(found.family.methods())))


def _own_words(path: str, found: SearchResult) -> tuple[str, ...]:
    """Return the file's names for what it imports from files that the search found."""
    modules = found.names.modules
    words = set()
    for statement in found.facts[path].imports:
        module = modules.absolute(path, statement.level, statement.module)
        for name in statement.names:
            sources = (name.name,) if statement.plain else (module, f"{module}.{name.name}")
            if any(modules.path(source) in found.facts for source in sources):
                words.add((name.alias or name.name).partition(".")[0])
    return tuple(sorted(words))


def _callers(root: Path, found: SearchResult, methods: Sequence[str]) -> set[str]:
    """Return the files that may patch another name of a class of the family, and those that call a method of one of these names and may
    exchange objects with a file that the search found.
    """
    modules = found.names.modules
    calls = BytesAhoCorasick([f".{method}(".encode() for method in methods])
    patches = BytesAhoCorasick([quote + alias.encode() + end for alias in sorted(_aliases(found)) for quote, end in _QUOTED])
    beside = {path for other in found.facts for path in _imported(other, found)}
    # A test gets the fixtures of each `conftest.py` in a folder above it, without an import.
    below = tuple(other.removesuffix("conftest.py") for other in found.facts if other.rpartition("/")[2] == "conftest.py")
    callers = set()
    for path in modules.paths:
        data = read_bytes(root, path)
        if isinstance(data, Problem):
            continue
        is_beside = path in beside or path.startswith(below)
        if patches.find_matches_as_indexes(data) or (
            calls.find_matches_as_indexes(data)
            and (is_beside or any(modules.path(module) in found.facts for module in named_modules(data, path, modules)))
        ):
            callers.add(path)
    return callers


def _aliases(found: SearchResult) -> frozenset[str]:
    """Return the other names that files give to classes of the family, by `as` or by an assignment."""
    known = {name for names in found.family.classes.values() for name in names}
    aliases: set[str] = set()
    for facts in found.facts.values():
        given = (name for statement in facts.imports for name in statement.names if name.name.rpartition(".")[2] in known)
        aliases.update(name.alias for name in given if name.alias)
        aliases.update(bound.name for bound in facts.bindings if any(value.rpartition(".")[2] in known for value in bound.values))
    return frozenset(aliases - known)


def _imported(path: str, found: SearchResult) -> Iterator[str]:
    modules = found.names.modules
    for statement in found.facts[path].imports:
        module = modules.absolute(path, statement.level, statement.module)
        for name in statement.names:
            for source in (name.name,) if statement.plain else (module, f"{module}.{name.name}"):
                if (other := modules.path(source)) is not None:
                    yield other
    folders = path.split("/")[:-1]
    yield from ("/".join([*folders[:depth], "conftest.py"]) for depth in range(len(folders) + 1))


def _read_focused(
    root: str, question: Question, wanted: Wanted | None, own: dict[str, tuple[str, ...]], paths: Sequence[str]
) -> list[WholeFacts]:
    return [_read(root, path, question, wanted, own.get(path, ())) for path in paths]


def _read(root: str, path: str, question: Question, wanted: Wanted | None, own: tuple[str, ...]) -> WholeFacts:
    """Read all statements of a file: it is searched for all its own identifiers."""
    data = read_bytes(root, path)
    if isinstance(data, Problem):
        return WholeFacts(unreadable(data), ())
    spans = _left_out(data, msgspec.structs.replace(wanted, words=(*wanted.words, *own))) if wanted is not None else ()
    left = without(data, spans) if spans else data
    identifiers = tuple(sorted(set(_IDENTIFIER.findall(left.decode(errors="replace")))))
    facts = read_source(left, path, msgspec.structs.replace(question, names=identifiers))
    names = tuple(span.name for span in spans if span.name)
    return WholeFacts(msgspec.structs.replace(facts, definitions=tuple(dict.fromkeys((*facts.definitions, *names)))), spans)


def _left_out(data: bytes, wanted: Wanted) -> tuple[LeftOut, ...]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the file had invalid escapes before
            return left_out(data, ast.parse(data), wanted)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
