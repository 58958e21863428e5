"""Scans and reads files, in two processes if there are many files."""

import gc
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

import msgspec

from migration.consolidation.inventory import Problem
from migration.consolidation.reading.facts import FileFacts, Question, unreadable
from migration.consolidation.reading.reader import read_source
from migration.consolidation.reading.scan import Scanner, Sighting, Words, unseen

_R = TypeVar("_R")

_PROCESSES: Final = 2
#: With fewer files than this, starting the processes takes longer than the work. With fewer files than `_VERY_FEW`, even sending the work
#: to running processes takes longer.
_FEW: Final = 64
_VERY_FEW: Final = 8
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")
_CHUNKS: Final = 24  #: parts of one job, so that both processes stay busy and progress is shown


class Workers:
    """Two processes that are started when first needed.

    Args:
        root: the audited folder.
        progress: called with the number of finished files, from time to time.
    """

    def __init__(self, root: Path, progress: Callable[[int], None]) -> None:
        self._root = root
        self._progress = progress
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        """Return the workers."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Stop the processes; work that they have not begun is dropped."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def scan(self, paths: Sequence[str], words: Words, *, digest: bool) -> Iterator[tuple[str, Sighting]]:
        """Yield each file with the words that it contains, or why it cannot be read; in the order of the paths. `digest`: see `Scanner`."""
        return self._map(partial(_scan, str(self._root), words, digest), msgspec.msgpack.Decoder(list[Sighting]), paths)

    def read(self, paths: Sequence[str], question: Question) -> Iterator[tuple[str, FileFacts]]:
        """Yield each file with its facts, in the order of the paths."""
        return self._map(partial(_read, str(self._root), question), msgspec.msgpack.Decoder(list[FileFacts]), paths)

    def each(self, work: Callable[[Sequence[str]], list[_R]], kind: type[_R], paths: Sequence[str]) -> Iterator[tuple[str, _R]]:
        """Yield each file with the result of `work` for it, in the order of the paths.

        Args:
            work: a function of a module, or a `partial` of one, that makes a list of results, one for each path that it is given.
            kind: the class of a result, which msgspec can encode.
            paths: the files.
        """
        return self._map(work, msgspec.msgpack.Decoder(list[kind]), paths)  # type: ignore[valid-type]  # the class is given as a value

    def _map(
        self, work: Callable[[Sequence[str]], list[_R]], decoder: msgspec.msgpack.Decoder[list[_R]], paths: Sequence[str]
    ) -> Iterator[tuple[str, _R]]:
        if len(paths) < (_FEW if self._pool is None else _VERY_FEW):
            yield from zip(paths, work(paths), strict=True)
            self._progress(len(paths))
            return
        if self._pool is None:
            self._pool = _start()
        size = max(1, len(paths) // _CHUNKS)
        chunks = [paths[start : start + size] for start in range(0, len(paths), size)]
        for chunk, results in zip(chunks, self._pool.map(partial(_encoded, work), chunks), strict=True):
            yield from zip(chunk, decoder.decode(results), strict=True)
            self._progress(len(chunk))


def read_bytes(root: str | Path, path: str) -> bytes | Problem:
    """Return the content of a file, or why it cannot be read."""
    try:
        with open(os.path.join(root, path), "rb", buffering=0) as file:  # noqa: PTH118, PTH123 - thousands of files: a `Path` costs as much as reading one
            return file.read()
    except OSError as error:
        return Problem(path=path, kind="unreadable", detail=error.strerror or type(error).__name__)


def _start() -> ProcessPoolExecutor:
    # Forking is safe as long as there are no threads, and takes a hundredth of the time that a new interpreter needs.
    forkable = sys.platform == "linux" and len(sys._current_frames()) == 1  # noqa: SLF001 - the only way to count all threads
    method = "fork" if forkable else "spawn"
    return ProcessPoolExecutor(_PROCESSES, mp_context=multiprocessing.get_context(method), initializer=gc.disable)


def _encoded(work: Callable[[Sequence[str]], list[_R]], paths: Sequence[str]) -> bytes:
    # msgpack passes the values between processes in a tenth of the time that pickle needs.
    return msgspec.msgpack.encode(work(paths))


def _scan(root: str, words: Words, digest: bool, paths: Sequence[str]) -> list[Sighting]:
    scanner = Scanner(words)
    found: list[Sighting] = []
    for path in paths:
        content = read_bytes(root, path)
        if isinstance(content, bytes) and content.startswith(_UTF16_MARKS):
            content = Problem(path=path, kind="encoding", detail="UTF-16 or UTF-32, which Python does not read as source")
        found.append(unseen(content) if isinstance(content, Problem) else scanner.scan(content, digest=digest))
    return found


def _read(root: str, question: Question, paths: Sequence[str]) -> list[FileFacts]:
    facts = []
    for path in paths:
        content = read_bytes(root, path)
        facts.append(unreadable(content) if isinstance(content, Problem) else read_source(content, path, question))
    return facts
