"""Reads a file of recordings line by line. A bad line is named and counted; the rest goes on."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from migration.errors import RecordingError
from migration.recordings import conversations, jsonl
from migration.recordings.run import BadLine, RecordedRun, Skipped

_GZIP_MAGIC = b"\x1f\x8b"


def read(
    path: Path, *, surface: str = "chat", agent: str = "assistant", tenant_id: str = "recorded", user_id: str = "recorded-user"
) -> Iterator[RecordedRun | Skipped | BadLine]:
    """Yield what the file holds, in order: our own JSONL, or conversations in the OpenAI chat format, also mixed.

    Args:
        path: the file, plain or gzipped.
        surface: surface of conversations; recordings know their own.
        agent: agent that answers conversations.
        tenant_id: tenant of conversations.
        user_id: user of conversations.

    Raises:
        RecordingError: the file cannot be opened.
    """
    try:
        with path.open("rb") as probe:
            zipped = probe.read(2) == _GZIP_MAGIC
        stream = gzip.open(path, "rb") if zipped else path.open("rb")  # noqa: SIM115 - closed by the `with` below
    except OSError as error:
        raise RecordingError(f"cannot read {path}: {error.strerror or error}") from error
    line = 0
    with stream:
        try:
            for line, text in enumerate(stream, start=1):
                if text.strip():
                    yield from _read_line(text, line, surface=surface, agent=agent, tenant_id=tenant_id, user_id=user_id)
        except (EOFError, OSError, zlib.error) as error:
            yield BadLine(line=line + 1, reason=f"the file ends early or is damaged: {type(error).__name__}")


def _read_line(
    text: bytes, line: int, *, surface: str, agent: str, tenant_id: str, user_id: str
) -> Iterator[RecordedRun | Skipped | BadLine]:
    try:
        keys = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:
        yield BadLine(line=line, reason="not a JSON object")
        return
    try:
        if "schema" in keys:
            yield jsonl.read_line(text)
        else:
            # A bad message spoils the conversation: the journal of the turns before it may be good, but nobody vouches for it.
            yield from list(conversations.runs_of(text, line, surface=surface, agent=agent, tenant_id=tenant_id, user_id=user_id))
    except RecordingError as error:
        yield BadLine(line=line, reason=str(error))
