"""Reads files of recordings, document by document. Input that cannot be read is reported and counted, and reading continues."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Final

from migration.errors import MessageError, RecordingError
from migration.recordings import jsonl
from migration.recordings.archives import DAMAGED as BROKEN
from migration.recordings.archives import is_archive, samples
from migration.recordings.conversation import NotARunError
from migration.recordings.documents import Document, Documents
from migration.recordings.formats import conversation_of, is_part, parts_of
from migration.recordings.opening import DAMAGED, nobody_watches, opened
from migration.recordings.run import BadLine, RecordedRun, Skipped
from migration.recordings.turns import AskedBy, ConversationPlace, runs_of

Item = RecordedRun | Skipped | BadLine

#: Errors that a value of an unexpected form raises in our own code. The formats check most fields themselves.
_SHAPES: Final = (TypeError, ValueError, KeyError, AttributeError, IndexError, OverflowError, RecursionError)


def read(
    path: Path | str,
    *,
    surface: str = "",
    agent: str = "assistant",
    tenant_id: str = "recorded",
    user_id: str = "recorded-user",
    project: Path | None = None,
    on_bytes: Callable[[int], None] = nobody_watches,
) -> Iterator[Item]:
    """Yield the contents of the file, in order. One file may mix our own format and others (`formats.py`).

    One document at a time is held in memory.

    Args:
        path: a file, plain or packed by gzip or zstd, or a pipe; "-": standard input.
        surface: the surface for conversations. Our own recordings contain their surface, so a file without conversations does not need this
            argument.
        agent: agent that answers conversations.
        tenant_id: tenant for conversations.
        user_id: user for conversations.
        project: the file of the project whose `[[endings]]` decide how runs ended; None: the one that is found (`migration.project`).
        on_bytes: called after each read, with the number of bytes that this read returned.

    Raises:
        RecordingError: the file cannot be opened, or is of a known kind without a reader.
    """
    asked = AskedBy(surface=surface, agent=agent, tenant_id=tenant_id, user_id=user_id)
    file = str(path)
    if is_archive(Path(path)):
        yield from _of_archive(Path(path), asked, on_bytes)
        return
    with opened(Path(path), on_bytes) as stream:
        documents = Documents(stream, is_part)
        try:
            for found in documents:
                if isinstance(found, BadLine):
                    yield BadLine(line=found.line, reason=found.reason, file=file)
                else:
                    yield from _items(found, file, asked, project)
        except DAMAGED as error:
            yield BadLine(line=documents.line + 1, reason=f"the file ends early or is damaged: {_named(error)}", file=file)


def _named(error: Exception) -> str:
    # The name of zlib's error class is `error`.
    name = type(error).__name__
    return name if name[0].isupper() else f"{type(error).__module__}.{name}"


def _of_archive(path: Path, asked: AskedBy, on_bytes: Callable[[int], None]) -> Iterator[Item]:
    """Yield the contents of an archive's samples; each sample counts as a line."""
    number = 0
    try:
        for number, (name, text) in enumerate(samples(path), start=1):
            if isinstance(text, Exception):
                yield BadLine(line=number, reason=f"[{name}] damaged: {type(text).__name__}", file=str(path))
                continue
            for found in Documents([text], is_part):
                if isinstance(found, BadLine):
                    yield BadLine(line=number, reason=f"[{name}] {found.reason}", file=str(path))
                else:
                    yield from _part(found.value, ConversationPlace(file=str(path), line=number, part=name, digest=_digest(text)), asked)
    except BROKEN as error:
        yield BadLine(line=number + 1, reason=f"the archive ends early or is damaged: {type(error).__name__}", file=str(path))
    on_bytes(path.stat().st_size)


def _digest(text: bytes) -> str:
    return blake2b(text, digest_size=16).hexdigest()


def _items(document: Document, file: str, asked: AskedBy, project: Path | None) -> Iterator[Item]:
    # A conversation of another tool may also have a field `schema`.
    if isinstance(document.value, dict) and "schema" in document.value and "messages" not in document.value:
        try:
            yield replace(jsonl.read_line(document.text, project), line=document.line)
        except RecordingError as error:
            yield BadLine(line=document.line, reason=str(error), file=file)
        return
    digest = _digest(document.text)
    for index, part in enumerate(parts_of(document.value)):
        names = (document.element, index or None)
        place = ConversationPlace(file=file, line=document.line, part="/".join(str(one) for one in names if one is not None), digest=digest)
        yield from _part(part, place, asked)


def _part(part: object, place: ConversationPlace, asked: AskedBy) -> Iterator[Item]:
    where = f"[{place.part}] " if place.part else ""
    try:
        yield from runs_of(conversation_of(part), place, asked)
    except MessageError as error:
        yield BadLine(line=place.line, reason=f"{where}{error}", message=error.index, file=place.file)
    except RecordingError as error:
        yield BadLine(line=place.line, reason=f"{where}{error}", file=place.file)
    except NotARunError as error:
        yield Skipped(line=place.line, reason=f"{where}{error}", file=place.file)
    except _SHAPES as error:
        yield BadLine(line=place.line, reason=f"{where}of a form that is not read: {type(error).__name__}", file=place.file)
