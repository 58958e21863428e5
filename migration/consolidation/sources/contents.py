"""Sightings and facts of files: from the cache if the content is known, otherwise from the workers."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from migration.consolidation.inventory import Problem
from migration.consolidation.reading.facts import FileFacts, Question
from migration.consolidation.reading.scan import Sighting, Words, content_digest
from migration.consolidation.sources.discovery import SourceFile
from migration.consolidation.sources.store import Store, digest
from migration.consolidation.sources.workers import Workers, read_bytes


class Contents:
    """The contents of the Python files of one tree.

    Args:
        files: the files.
        store: the cache.
        workers: scan and read the files.
        root: the audited folder.
    """

    def __init__(self, files: Sequence[SourceFile], store: Store, workers: Workers, root: Path) -> None:
        self._root = root
        self._files = {file.path: file for file in files}
        self._store = store
        self._workers = workers
        self._digests: dict[str, str] = {path: known for path, file in self._files.items() if (known := store.content(file)) is not None}
        self.unreadable: dict[str, Problem] = {}

    @property
    def digests(self) -> dict[str, tuple[SourceFile, str]]:
        """Return each file that could be read so far, with the digest of its content."""
        return {path: (self._files[path], content) for path, content in self._digests.items()}

    def scan(self, words: Words, paths: Iterable[str] | None = None) -> Iterator[tuple[str, Sighting]]:
        """Yield each file with the words that it contains. Files that cannot be read become `unreadable`. `paths`: None means all files."""
        key = digest([msgspec.json.encode(words).decode()])
        missing = []
        for path in self._files if paths is None else paths:
            content = self._digests.get(path)
            sighting = self._store.sighting(key, content) if content is not None else None
            if sighting is not None:
                yield path, sighting
            elif path not in self.unreadable:
                missing.append(path)
        unknown = any(path not in self._digests for path in missing)
        for path, result in self._workers.scan(missing, words, digest=unknown):
            if result.problem is not None:
                self.unreadable[path] = result.problem
            else:
                content = result.content if unknown else self._digests[path]
                self._digests[path] = content
                self._store.keep_sighting(key, content, result)
                yield path, result

    def read(self, paths: Iterable[str], question: Question) -> Iterator[tuple[str, FileFacts]]:
        """Yield the facts of each file."""
        asked = msgspec.json.encode(question).decode()
        missing = []
        for path in paths:
            content = self._digest(path)
            facts = self._store.facts(digest([content, asked, path])) if content is not None else None
            if facts is None:
                missing.append(path)
            else:
                yield path, facts
        for path, facts in self._workers.read(missing, question):
            if (content := self._digests.get(path)) is not None:
                self._store.keep_facts(digest([content, asked, path]), facts)
            yield path, facts

    def _digest(self, path: str) -> str | None:
        """Return the digest of a file's content, which is read if no scan has read it; None: it cannot be read."""
        if path not in self._digests and isinstance(data := read_bytes(self._root, path), bytes):
            self._digests[path] = content_digest(data)
        return self._digests.get(path)
