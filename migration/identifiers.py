"""Names without the ids in them, so that what is the same in every run has the same name.

An id is distinguished from a word only by its characters, whatever alphabet it was made from: UUIDs, hex digests, ULIDs, nanoids, base 32
to base 64. A word rarely changes between letters, digits and capitals; an id of random characters does so all the time.
"""

import re
from functools import lru_cache
from itertools import pairwise
from typing import Final

ID: Final = "#"

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_JOINED = re.compile(r"[\w-]{16,}")  #: long enough for an id that has `-` and `_` among its characters
_CHUNK = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"\d+")
_HEX = re.compile(r"(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{8,}")
_CONSONANTS = re.compile(r"[bcdfghjklmnpqrstvwxz]{6}", re.IGNORECASE)
_RESTLESS = 0.35  #: changes between small and capital letters and digits, for each character
_SHORTEST = 6  #: characters of an id with digits among its letters
_SHORTEST_LETTERS = 8  #: characters of an id without digits


@lru_cache(maxsize=4096)
def without_ids(name: str) -> str:
    """Return the name with `#` for each id and each number in it."""
    name = _JOINED.sub(lambda found: ID if _changes(found[0]) >= _RESTLESS * len(found[0]) else found[0], _UUID.sub(ID, name))
    return _CHUNK.sub(lambda found: ID if _is_id(found[0]) else _NUMBER.sub(ID, found[0]), name)


def _is_id(chunk: str) -> bool:
    """Tell whether adjacent letters and digits are an id. A number alone becomes `#` anyway."""
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
    """Return how often its characters change between small letters, capitals and digits."""
    kinds = [0 if one.isdigit() else 1 if one.isupper() else 2 for one in text if one.isalnum()]
    return sum(before != after for before, after in pairwise(kinds))
