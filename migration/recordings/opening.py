"""Opens a file, a pipe or standard input as a stream of UTF-8 bytes: decompressed, without a byte order mark."""

import codecs
import gzip
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO, Final, cast

import zstandard

from migration.errors import RecordingError

#: Means standard input.
STDIN: Final = "-"

#: Errors of a stream whose compressed bytes, or whose UTF-16 text, are damaged or end early.
DAMAGED: Final = (EOFError, OSError, zlib.error, zstandard.ZstdError, UnicodeError)

_HEAD_BYTES: Final = 16
_CHUNK_BYTES: Final = 2**16
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
#: Frames that zstd skips may come first: 0x184D2A50 to 0x184D2A5F, little-endian (RFC 8878, 3.1.2).
_ZSTD_SKIPPED: Final = tuple(bytes((one,)) + b"\x2a\x4d\x18" for one in range(0x50, 0x60))
#: Compressed bytes to read at once: a block of four bytes may decompress to 128 KiB.
_ZSTD_STEP_BYTES: Final = 2**10

#: First bytes of common files that cannot be read -> the kind of file, and what to do.
_OTHERS: Final = {
    b"PK\x03\x04": "a zip archive; unpack it, or name a log of inspect-ai by a path that ends in .eval",
    b"PAR1": "a Parquet file; convert it to JSON lines",
    b"ARROW1": "an Arrow file; convert it to JSON lines",
    b"SQLite format 3": "a SQLite database; export its contents as JSON lines",
    b"BZh": "packed by bzip2; unpack it first",
    b"\xfd7zXZ": "packed by xz; unpack it first",
    b"\x89HDF": "an HDF5 file; convert it to JSON lines",
    b"%PDF": "a PDF document",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
}

#: Byte order marks, the longest first, and how a JSON text without such a mark begins in UTF-16.
_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BARE: Final = ((b"{\x00", "utf-16-le"), (b"[\x00", "utf-16-le"), (b"\x00{", "utf-16-be"), (b"\x00[", "utf-16-be"))


def nobody_watches(_bytes: int, /) -> None:
    """Ignore the number of bytes that were read."""


def named(path: Path) -> str:
    """Return the name of the path for messages to the user."""
    return "standard input" if str(path) == STDIN else str(path)


@contextmanager
def opened(path: Path, on_bytes: Callable[[int], None] = nobody_watches) -> Iterator[Iterator[bytes]]:
    """Open the file for the `with` block, and yield its lines: UTF-8, without line ends.

    Args:
        path: a file or a pipe; "-": standard input.
        on_bytes: called after each read, with the number of bytes that this read returned.

    Raises:
        RecordingError: the path cannot be opened. Also raised while lines are read, if the file is of a known kind without a reader; the
            message names the kind.
        DAMAGED: raised while lines are read, if the file is damaged.
    """
    try:
        with nullcontext(sys.stdin.buffer) if str(path) == STDIN else path.open("rb", buffering=0) as raw:
            yield _lines(raw, named(path), on_bytes)
    except OSError as error:
        raise RecordingError(f"cannot read {named(path)}: {error.strerror or error}") from error


def _counted(raw: BinaryIO, on_bytes: Callable[[int], None]) -> bytes:
    chunk = raw.read(_CHUNK_BYTES) or b""
    on_bytes(len(chunk))
    return chunk


class _Source:
    """A stream whose first bytes can be inspected before it is read, which a pipe does not allow.

    Args:
        more: returns the next bytes; b"" at the end.
    """

    def __init__(self, more: Callable[[], bytes]) -> None:
        self._more, self._left, self.head = more, b"", b""
        while len(self._left) < _HEAD_BYTES and (chunk := more()):
            self._left += chunk
        self.head = self._left[:_HEAD_BYTES]

    def read(self, size: int = _CHUNK_BYTES, /) -> bytes:
        """Return at most this many bytes; b"" at the end."""
        chunk = self._left or self._more()
        self._left = chunk[size:]
        return chunk[:size]


def _unpacked(source: _Source, name: str) -> _Source:
    head = source.head
    if head.startswith(_GZIP):
        # `GzipFile` only calls `read` of its file.
        packed = gzip.GzipFile(fileobj=cast("BinaryIO", source), mode="rb")
        return _Source(lambda: packed.read1(_CHUNK_BYTES))
    if head.startswith((_ZSTD, *_ZSTD_SKIPPED)):
        frames = _frames(source)
        return _Source(lambda: next(frames, b""))
    for magic, what in _OTHERS.items():
        if head.startswith(magic):
            raise RecordingError(f"cannot read {name}: it is {what}")
    return source


def _frames(source: _Source) -> Iterator[bytes]:
    """Yield the contents of the zstd frames, one after another.

    The library's own reader ends without an error at a truncated frame (python-zstandard 0.25), so that runs would be lost silently.

    Raises:
        EOFError: the last frame is incomplete.
        zstandard.ZstdError: a frame is damaged, or is followed by something else.
    """
    frame = zstandard.ZstdDecompressor().decompressobj()
    begun = False
    while packed := source.read(_ZSTD_STEP_BYTES):
        while packed:
            begun = True
            if unpacked := frame.decompress(packed):
                yield unpacked
            packed = b""
            if frame.eof:
                packed, frame, begun = frame.unused_data, zstandard.ZstdDecompressor().decompressobj(), False
    if begun:
        raise EOFError


def _text(source: _Source) -> Iterator[bytes]:
    """Yield the text as UTF-8. Half a surrogate pair is passed on, so that its line is not valid UTF-8 and is reported."""
    encoding = next((name for begin, name in (*_MARKS, *_BARE) if source.head.startswith(begin)), None)
    if encoding is None:
        yield from iter(source.read, b"")
        return
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    for chunk in iter(source.read, b""):
        yield decoder.decode(chunk).encode("utf-8", "surrogatepass")
    yield decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")


def _lines(raw: BinaryIO, name: str, on_bytes: Callable[[int], None]) -> Iterator[bytes]:
    begun: list[bytes] = []  # parts of a line that has not ended yet
    for chunk in _text(_unpacked(_Source(lambda: _counted(raw, on_bytes)), name)):
        first, *rest = chunk.split(b"\n")
        begun.append(first)
        if rest:
            whole = b"".join(begun)
            yield whole
            yield from rest[:-1]
            begun = [rest[-1]]
    if last := b"".join(begun):
        yield last
