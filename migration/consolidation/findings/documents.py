"""The dotted names and paths of implementations in configuration and documentation files."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ahocorasick_rs import BytesAhoCorasick

from migration.consolidation.findings.strings import Reference, comment_mentions
from migration.consolidation.inventory import DottedString, Mention, Problem, StringUse
from migration.consolidation.reading.dotted import names_in_text
from migration.consolidation.reading.scan import content_digest, lines_with
from migration.consolidation.sources.discovery import SourceFile
from migration.consolidation.sources.workers import read_bytes

_USUAL_MARKS: Final = ("#", ";", "//")


@dataclass(slots=True)
class DocumentFindings:
    """What was found in files that are not Python."""

    strings: list[DottedString] = field(default_factory=list)
    mentions: list[Mention] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    digests: dict[str, tuple[SourceFile, str]] = field(default_factory=dict)


def search_documents(
    root: Path,
    files: Sequence[tuple[SourceFile, bool]],
    words: Sequence[str],
    reference: Reference,
    progress: Callable[[int], None],
) -> DocumentFindings:
    """Search all files that are not Python.

    Args:
        root: the audited folder.
        files: pairs of a file and True if it is configuration, False if it is documentation.
        words: last parts of names; a file that contains none of them is skipped.
        reference: finds what names mean.
        progress: called with the number of finished files.
    """
    found = DocumentFindings()
    automaton = BytesAhoCorasick([word.encode() for word in words]) if words else None
    for file, is_configuration in files:
        data = read_bytes(root, file.path)
        if isinstance(data, Problem):
            found.problems.append(data)
            continue
        found.digests[file.path] = (file, content_digest(data))
        if automaton is not None and automaton.find_matches_as_indexes(data):
            lines = _lines_with(data, words)
            if is_configuration:
                _search_configuration(lines, file.path, reference, found)
            else:
                found.mentions += _document_mentions(lines, file.path, reference)
        progress(1)
    return found


def _search_configuration(lines: Iterable[tuple[int, str]], path: str, reference: Reference, found: DocumentFindings) -> None:
    marks = () if path.endswith(".json") else _USUAL_MARKS
    for number, line in lines:
        text, comment = _split_comment(line, marks)
        for name in names_in_text(text):
            if (module := reference.module(name)) is not None:
                use: StringUse = "path" if name.endswith(".py") else "configuration"
                found.strings.append(DottedString(path=path, line=number, text=name, use=use, module=module))
        found.mentions += comment_mentions(path, number, comment, reference, absolute=True)


def _document_mentions(lines: Iterable[tuple[int, str]], path: str, reference: Reference) -> Iterator[Mention]:
    for number, line in lines:
        for name in names_in_text(line):
            if (module := reference.module(name)) is not None:
                yield Mention(path=path, line=number, kind="document", text=name, module=module)


def _lines_with(data: bytes, words: Sequence[str]) -> Iterator[tuple[int, str]]:
    lines = data.split(b"\n")
    for number in lines_with(data, words):
        yield number, lines[number - 1].decode("utf-8", "replace")


def _split_comment(line: str, marks: Sequence[str]) -> tuple[str, str]:
    """Return a line's content and its comment. A comment sign counts only at the start of the line or after a space."""
    stripped = line.lstrip()
    for mark in marks:
        if stripped.startswith(mark):
            return "", stripped[len(mark) :].strip()
    before, mark, after = line.partition(" #") if "#" in marks else (line, "", "")
    return before, after.strip() if mark else ""
