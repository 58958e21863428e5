"""Dotted names and paths inside strings, comments and docstrings, and what they name."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from migration.consolidation.findings.implementations import Family
from migration.consolidation.findings.names import Names
from migration.consolidation.inventory import DottedString, Mention, MentionKind, StringUse
from migration.consolidation.reading.dotted import names_in_text
from migration.consolidation.reading.expressions import IMPORTERS, absolute_name
from migration.consolidation.reading.facts import FileFacts, StringFact

_COMMENTED: Final = re.compile(r"(?:from\s+(\.*[\w.]*)\s+import\s+\(?([\w\s,.*]*)|import\s+([\w.]+(?:\s*,\s*[\w.]+)*))")
_PATCHERS: Final = frozenset({"patch", "object", "multiple", "setattr", "delattr"})
_LOGGERS: Final = frozenset({"getLogger", "get_logger"})


class Reference:
    """Finds what a name in a text of the tree means.

    Args:
        names: the meaning of names in all files that can matter.
        family: the implementations.
    """

    def __init__(self, names: Names, family: Family) -> None:
        self._names = names
        self._family = family
        self._paths = {path: module for module in family.modules if (path := names.modules.path(module)) is not None}

    def is_own(self, path: str, module: str) -> bool:
        """Return whether the file at `path` is this implementation; an implementation may name itself."""
        return self._paths.get(path) == module

    def module(self, text: str, path: str | None = None) -> str | None:
        """Return the implementation that a dotted name or a file path names; None: it names none.

        Args:
            text: the name, as written.
            path: the Python file that contains the name, from which relative names start; None: the name is not relative.
        """
        if text.endswith(".py"):
            return next((module for own, module in self._paths.items() if text.removeprefix("./") == own or text.endswith("/" + own)), None)
        meaning = self._names.object_named(path, text)
        if meaning is None:
            return None
        # A string that names a re-export means the re-export, not the module behind it.
        written = text.replace(":", ".")
        passing = next((module for module in self._family.modules if written == module or written.startswith(module + ".")), None)
        return passing or (meaning.module if meaning.module in self._family.modules else None)


def find_strings(facts: Mapping[str, FileFacts], reference: Reference) -> Iterator[DottedString]:
    """Yield the strings of Python code that name an implementation; a string that names it twice is yielded once."""
    for path, file in facts.items():
        importing = _imported(file)
        found: set[tuple[int, str, str]] = set()
        for string in file.strings:
            text = _absolute(string)
            module = reference.module(text, path) if text is not None and not string.docstring else None
            if module is not None and not reference.is_own(path, module) and (string.line, string.text, string.callee) not in found:
                found.add((string.line, string.text, string.callee))
                yield DottedString(path=path, line=string.line, text=string.text, use=_use(string, importing), module=module)


def find_mentions(facts: Mapping[str, FileFacts], reference: Reference) -> Iterator[Mention]:
    """Yield the comments and docstrings of Python code that name an implementation."""
    for path, file in facts.items():
        for string in file.strings:
            if string.docstring and (module := reference.module(string.text, path)) is not None:
                yield Mention(path=path, line=string.line, kind="docstring", text=string.text, module=module)
        for comment in file.comments:
            yield from comment_mentions(path, comment.line, comment.text, reference)


def comment_mentions(path: str, line: int, text: str, reference: Reference, *, absolute: bool = False) -> Iterator[Mention]:
    """Yield what one comment names: import statements that were commented out, or plain mentions. `absolute`: all names are absolute."""
    importer = None if absolute else path
    commented = dict.fromkeys(_commented_modules(importer, text, reference))
    for module in commented or dict.fromkeys(_mentioned(importer, text, reference)):
        kind: MentionKind = "commented-import" if commented else "comment"
        yield Mention(path=path, line=line, kind=kind, text=text, module=module)


def _commented_modules(path: str | None, text: str, reference: Reference) -> Iterator[str]:
    match = _COMMENTED.match(text)
    if match is None:
        return
    package, imported, plain = match.groups()
    if plain is not None:
        candidates = [name.strip() for name in plain.split(",")]
    elif (found := reference.module(package, path)) is not None:
        yield found
        return
    else:
        names = [name.split()[0] for name in imported.split(",") if name.split()]
        candidates = [f"{package}{'' if package.endswith('.') else '.'}{name}" for name in names]
    yield from (found for name in candidates if (found := reference.module(name, path)) is not None)


def _mentioned(path: str | None, text: str, reference: Reference) -> Iterator[str]:
    yield from (module for name in names_in_text(text) if (module := reference.module(name, path)) is not None)


def _imported(file: FileFacts) -> frozenset[str]:
    """Return the variables whose strings are imported, also through any number of loops and assignments."""
    known = set(file.imported_variables)
    while True:
        new = {source for source, sink in file.flows if sink in known} - known
        if not new:
            return frozenset(known)
        known |= new


def _absolute(string: StringFact) -> str | None:
    """Return the string as a name that can be resolved; None: it is relative to an unknown package."""
    if not string.text.startswith(".") or not string.package:
        return string.text
    # `__package__` and `__name__` mean the file's own package, from which relative names start anyway.
    return string.text if "__" in string.package else absolute_name(string.text, string.package)


def _use(string: StringFact, importing: frozenset[str]) -> StringUse:
    if string.text.endswith(".py"):
        return "path"
    last = string.callee.rpartition(".")[2]
    if last in IMPORTERS or string.flows_to in importing:
        return "import"
    if last in _LOGGERS:
        return "logger"
    # `patch.object(module, "name")` and `monkeypatch.setattr("a.b.c", value)` take dotted names as `patch` does.
    return "patch" if last in _PATCHERS and (last != "object" or "patch" in string.callee) else "other"
