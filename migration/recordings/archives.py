"""Files of inspect-ai that end in `.eval`: zip archives of samples packed by Zstandard, which Python's zipfile cannot unpack."""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import zstandard

from migration.errors import RecordingError

#: Errors that a damaged or truncated archive raises.
DAMAGED: Final = (zipfile.BadZipFile, zstandard.ZstdError, zlib.error, struct.error, NotImplementedError, EOFError, OSError, RuntimeError)

_SAMPLES: Final = "samples/"
_MAGIC: Final = b"PK\x03\x04"
_ZSTD: Final = 93  # APPNOTE.TXT 4.4.5
#: Size of the fixed part of a local header, and the place in it of the lengths of name and extra field.
_HEADER_BYTES: Final = 30
_LENGTHS: Final = struct.Struct("<26xHH")


def is_archive(path: Path) -> bool:
    """Return whether the path is a file that begins like an archive. Errors are not raised here: the reader reports them later."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


def samples(path: Path) -> Iterator[tuple[str, bytes | Exception]]:
    """Yield for each sample, in order, its name and its JSON text, or what is wrong with it.

    Raises:
        RecordingError: the file is another kind of archive.
        DAMAGED: the archive is damaged.
    """
    with path.open("rb") as file, zipfile.ZipFile(file) as archive:
        members = [one for one in archive.infolist() if one.filename.startswith(_SAMPLES) and one.filename.endswith(".json")]
        if not members:
            raise RecordingError(f"cannot read {path}: it is a zip archive, but not a log of inspect-ai; unpack it")
        for member in members:
            name = member.filename.removeprefix(_SAMPLES).removesuffix(".json")
            try:
                text = _unpacked(file, member) if member.compress_type == _ZSTD else archive.read(member)
            except DAMAGED as error:
                yield name, error
            else:
                yield name, text


def _unpacked(file: BinaryIO, member: zipfile.ZipInfo) -> bytes:
    file.seek(member.header_offset)
    name, extra = _LENGTHS.unpack(file.read(_HEADER_BYTES))
    file.seek(name + extra, 1)
    packed = file.read(member.compress_size)
    text = zstandard.ZstdDecompressor().decompressobj().decompress(packed)
    if zlib.crc32(text) != member.CRC:
        raise zipfile.BadZipFile("a member does not match the checksum in the archive")
    return text
