"""The owner of a run, and which of the owner's names can be distinguished from ordinary text."""

import re
from enum import StrEnum
from typing import Final

from migration.model import Noun, RunRequest

#: Shorter identifiers are never searched for in text: the search looks at every third byte, and needs four of them.
SHORTEST: Final = 12

#: Bits of information that an identifier must have. Groups of letters or of a few digits occur in many texts, so they add little.
_BITS: Final = 28.0
_WORD_BITS: Final = 8.0  #: bits of all words together
_NUMBER_BITS: Final = 20.0  #: bits of all short numbers together: dates, amounts and times consist of such numbers
_LONG_NUMBER: Final = 15  #: digits; Unix time in microseconds has 16 digits, and user ids have fewer
_RANDOM: Final = 12  #: characters of mixed letters and digits that do not occur by accident

_CONTROL = re.compile(r"[\x00-\x1f]")
_CHUNKS = re.compile(r"[^\W_]+")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class Field(StrEnum):
    """The parts of an identity. Frames use the same names."""

    TENANT = "tenant_id"
    USER = "user_id"
    THREAD = "thread_id"
    RUN = "run_id"


class Identity(Noun, frozen=True, kw_only=True):
    """The user who asked, the thread, and the run."""

    tenant_id: str
    user_id: str
    thread_id: str
    run_id: str

    @classmethod
    def of(cls, request: RunRequest) -> "Identity":
        """Return the owner of the request."""
        return cls(tenant_id=request.tenant_id, user_id=request.user_id, thread_id=request.thread_id, run_id=request.run_id)

    def values(self) -> tuple[tuple[Field, str], ...]:
        """Return the parts, each with its field."""
        return (
            (Field.TENANT, self.tenant_id),
            (Field.USER, self.user_id),
            (Field.THREAD, self.thread_id),
            (Field.RUN, self.run_id),
        )


def distinctive(identifier: str) -> bool:
    """Return whether the identifier, found in a text, can only mean its owner.

    It must have at least 12 characters, and it must be an e-mail address, contain a random part (a UUID, a hex digest, a nanoid), or have
    28 bits of information in another way. `tenant-7f3a9c` is such an identifier; `acme`, `user-1842`, `customer-success-team` and
    `2025-03-14` are not.
    """
    if len(identifier) < SHORTEST or _CONTROL.search(identifier):
        return False
    return _MAIL.fullmatch(identifier) is not None or is_random(identifier) or _surprise(identifier) >= _BITS


def is_random(identifier: str) -> bool:
    """Return whether the identifier contains a part that does not occur by accident. Such a part means its owner even inside a longer
    name.
    """
    return any(len(chunk) >= _RANDOM and _is_mixed(chunk) for chunk in _CHUNKS.findall(identifier))


def _surprise(identifier: str) -> float:
    bits = words = numbers = 0.0
    for chunk in _CHUNKS.findall(identifier):
        if chunk.isdigit():
            if len(chunk) >= _LONG_NUMBER:
                bits += len(chunk) * 3.3
            else:
                numbers += len(chunk) * 3.3
        elif len(chunk) >= 6 and _is_mixed(chunk):  # noqa: PLR2004 - shorter mixtures are names of things: h100, 2025q1
            bits += len(chunk) * 4.0
        else:
            words += len(chunk)
    return bits + min(numbers, _NUMBER_BITS) + min(words, _WORD_BITS)


def _is_mixed(chunk: str) -> bool:
    digits = sum(map(str.isdigit, chunk))
    return 2 <= digits < len(chunk)  # noqa: PLR2004 - one digit may be a version or a plural
