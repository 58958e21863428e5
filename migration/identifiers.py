"""Removes ids from names, so that a thing that is the same in every run has the same name.

An id differs from a word only by its characters. It may have any alphabet: UUIDs, hex digests, ULIDs, nanoids, base 32 to base 64. A word
rarely changes between small letters, capitals and digits; an id of random characters does so often.
"""

import re
from functools import lru_cache
from itertools import pairwise
from typing import Final

ID: Final = "#"

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_JOINED = re.compile(r"[\w-]{16,}")  #: least length of an id that contains `-` or `_`
_CHUNK = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"\d+")
_HEX = re.compile(r"(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{8,}")
_CONSONANTS = re.compile(r"[bcdfghjklmnpqrstvwxz]{6}", re.IGNORECASE)
_RESTLESS = 0.35  #: changes between small letters, capitals and digits, per character
_SHORTEST = 6  #: least length of an id that contains digits
_SHORTEST_LETTERS = 8  #: least length of an id without digits


@lru_cache(maxsize=4096)
def without_ids(name: str) -> str:
    """Return the name with `#` for each id and each number in it."""
    name = _JOINED.sub(lambda found: ID if _changes(found[0]) >= _RESTLESS * len(found[0]) else found[0], _UUID.sub(ID, name))
    return _CHUNK.sub(lambda found: ID if _is_id(found[0]) else _NUMBER.sub(ID, found[0]), name)


def _is_id(chunk: str) -> bool:
    """Return whether a run of letters and digits is an id. A number alone becomes `#` anyway."""
    if _HEX.fullmatch(chunk):
        return True
    borders = sum(before.isdigit() is not after.isdigit() for before, after in pairwise(chunk))
    if borders:
        return borders > 1 and len(chunk) >= _SHORTEST
    if len(chunk) < _SHORTEST_LETTERS or chunk.isdigit():
        return False
    changes = _changes(chunk)
    return changes >= _RESTLESS * len(chunk) if changes > 1 else _CONSONANTS.search(chunk) is not None


def _changes(text: str) -> int:
    """Return how often the characters change between small letters, capitals and digits."""
    kinds = [0 if one.isdigit() else 1 if one.isupper() else 2 for one in text if one.isalnum()]
    return sum(before != after for before, after in pairwise(kinds))
