"""Removes users' texts from the quoted parts of our sentences (`migration.sentence`). The literal parts are not searched."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from migration.evidence.redaction import is_enum
from migration.model import Divergence, RunRecord

QUOTE = 8
"""Characters in a row that count as a quotation."""

ELLIPSIS = "…"
_MAX_SEARCHED = 4_000_000


def free_texts(*runs: RunRecord, found: Iterable[Divergence] = ()) -> str:
    """Return all texts of the runs, and of the divergences found in them, that are not words of our own code, separated by NUL."""
    blobs = [blob for run in runs for blob in _blobs(run)]
    blobs += [value.encode("utf-8", "replace") for one in found for value in (one.control, one.candidate) if value is not None]
    return "\0".join(text for blob in blobs for text in _leaves(blob) if len(text) >= QUOTE)


def scrub(quoted: str, texts: str, names: Iterable[str] = ()) -> str:
    """Return a quoted part of a sentence in which every quotation of `texts` is replaced by an ellipsis.

    Args:
        quoted: data in one of our sentences, such as a lane or the text of an exception.
        texts: the texts that must not be quoted, from `free_texts`.
        names: lanes, paths and kinds; they stay even if a text contains them.
    """
    if quoted in names:
        return quoted.encode("utf-8", "replace").decode()
    if len(texts) > _MAX_SEARCHED:
        return ELLIPSIS
    hidden = bytearray(len(quoted))
    for start in range(len(quoted) - QUOTE + 1):
        if quoted[start : start + QUOTE] in texts:
            hidden[start : start + QUOTE] = b"\1" * QUOTE
    marked = "".join("\0" if hit else char for char, hit in zip(quoted, hidden, strict=True))
    return re.sub("\0+", ELLIPSIS, marked).encode("utf-8", "replace").decode()


def _blobs(run: RunRecord) -> Iterator[bytes]:
    yield msgspec.json.encode(run.request.user_id)
    yield run.request.payload
    yield from (event.payload for event in run.events)
    for effect in run.journal:
        yield from (blob for blob in (effect.request, effect.reply) if blob is not None)
        if effect.error is not None:
            yield msgspec.json.encode(effect.error.message)
    if run.error is not None:
        yield msgspec.json.encode(run.error.message)


def _leaves(blob: bytes) -> Iterator[str]:
    try:
        waiting: list[tuple[str, Any]] = [("", msgspec.json.decode(blob))]
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        yield blob.decode("utf-8", "replace")
        return
    while waiting:
        field, value = waiting.pop()
        if isinstance(value, str):
            if not is_enum(value, field):
                yield value
        elif isinstance(value, list):
            waiting += [(field, item) for item in value]
        elif isinstance(value, dict):
            waiting += value.items()
