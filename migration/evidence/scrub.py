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
OUR_WORDS = (
    r"a|accepted|again|all|already|an|and|another|answered|are|asked|as|asks|at|away|be|because|before|both|breaks|busy|but|by|"
    r"came|cancelled|candidate|cannot|changed|clock|closed|comes|compared|comparison|completed|contract|control|could|crashed|"
    r"cut|did|different|differently|differs|does|duplicate|duration|each|effect|else|elsewhere|ended|ends|event|exactly|"
    r"exception|fields|finished|first|for|has|id|ids|in|is|isolation|it|its|journal|keeps|lacks|lane|limit|list|longer|made|"
    r"many|message|missing|model|more|named|names|never|new|no|not|nothing|of|off|on|once|one|or|order|out|payload|place|"
    r"points|policy|recorded|recording|reference|refused|repeat|replayed|request|run|runs|said|same|send|sends|side|slow|so|"
    r"somebody|something|somewhere|stands|stream|terminal|than|that|the|there|they|though|time|timed|tolerates|too|tool|"
    r"truncated|turned|type|undecodable|value|was|went|what|where|who|whole|with|within|wording"
)
"""The words that our sentences are made of, as a pattern: what is said in these alone quotes nobody, even where a user says the same."""


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
    words = "|".join([OUR_WORDS, *(re.escape(name) for name in names if len(name) >= QUOTE)])
    # Runs of our words, with the blanks and signs around them.
    ours = [found.span() for found in re.finditer(rf"\W*(?:(?<!\w)(?:{words})(?!\w)\W*)+", sentence, re.IGNORECASE)]
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
