"""Takes quotations of users out of our own sentences. A safety net: comparisons describe, they should not quote."""

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
# Words of our own sentences that users may use as well; alone they are no quotation.
_OUR_WORDS = (
    r"(?:accepted|acknowledged|candidate|comparison|compared|completed|completion|contract|deadline|different|difference|divergence|duplicated?"
    r"|duration|finished|identifiers?|isolation|occurrence|performed|recorded|recording|reordered|replayed|response|returned|terminal|timed_out"
    r"|together|truncated|undecodable|unexpected)"
)


def free_texts(*runs: RunRecord, found: Iterable[Divergence] = ()) -> str:
    """Return all texts of the runs, and of what was found in them, that are not words of our own code, separated by NUL."""
    blobs = [blob for run in runs for blob in _blobs(run)]
    blobs += [value.encode("utf-8", "replace") for one in found for value in (one.control, one.candidate) if value is not None]
    return "\0".join(text for blob in blobs for text in _leaves(blob) if len(text) >= QUOTE)


def scrub(sentence: str, texts: str, names: Iterable[str] = ()) -> str:
    """Return the sentence with every quotation of `texts` replaced by an ellipsis.

    Args:
        sentence: English, ours.
        texts: what must not be quoted, from `free_texts`.
        names: lanes, paths and kinds; they stay even where a text mentions them.
    """
    if len(texts) > _MAX_SEARCHED:
        return ELLIPSIS
    words = "|".join([_OUR_WORDS, *(re.escape(name) for name in names if len(name) >= QUOTE)])
    # With the blanks and signs before and after: those are nobody's words. In a lookahead, as two words may share them.
    ours = [found.span(1) for found in re.finditer(rf"(?<!\W)(?=(\W*(?<!\w)(?:{words})(?!\w)\W*))", sentence)]
    quoted = bytearray(len(sentence))
    for start in range(len(sentence) - QUOTE + 1):
        end = start + QUOTE
        if sentence[start:end] in texts and not any(first <= start and end <= last for first, last in ours):
            quoted[start:end] = b"\1" * QUOTE
    marked = "".join("\0" if hit else char for char, hit in zip(sentence, quoted, strict=True))
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
