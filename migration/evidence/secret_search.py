"""Finds keys, tokens, passwords, card and account numbers in a text: by the rules of a library, by check digits, and by randomness.

These are not recognised: a password that is an ordinary word in a sentence, random letters that are all small or all capital, random text
of fewer than 20 characters without a known form, digests, UUIDs, names, addresses, e-mail addresses and telephone numbers.
"""

import importlib
import inspect
import pkgutil
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from math import log2
from typing import Final

from migration.evidence.secret_forms import FORMS

Span = tuple[int, int]

_NOT_USED: Final = frozenset({"RegexBasedDetector", "JwtTokenDetector"})
_CARD: Final = re.compile(r"(?<![\w.-])[2-6](?:[ -]?\d){12,18}(?![\w-])")
_IBAN: Final = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_SSN: Final = re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])")
_RANDOM: Final = re.compile(r"[A-Za-z0-9+/_=-]{20,}")
_RUN: Final = re.compile(r"[A-Za-z0-9]+")
#: Usual forms of ids: they are not secrets, because look-ups and comparisons need them.
_UUID: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}|[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}", re.IGNORECASE
)
#: The share of neighbouring characters that change between letter and digit, or from a small to a capital letter: in names it is small.
_CHANGES: Final = 0.2
_CHANGES_IN_ONE_CASE: Final = 0.13
_FEWEST: Final = 3
_DIGITS: Final = 2
#: The share of neighbouring characters that change in any way. It is used for texts with two capital letters next to each other, which
#: NamesLikeThisOne do not have.
_ALL_CHANGES: Final = 0.42
_SIDE_BY_SIDE: Final = re.compile(r"[A-Z]{2}")
_BITS: Final = 2.8
_SHORTEST_DRAWN: Final = 12


def find(text: str) -> list[Span]:
    """Return the places of secrets, in order, without overlaps."""
    found = sorted((*known(text), *_random(text)))
    joined: list[Span] = []
    for start, end in found:
        if joined and start < joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


def known(text: str) -> Iterator[Span]:
    """Yield the places of secrets of a known form."""
    for rule in _rules():
        yield from (match.span() for match in rule.finditer(text))
    if any(character.isdigit() for character in text):
        yield from _with_check_digits(text)


@lru_cache(maxsize=1)
def _rules() -> tuple[re.Pattern[str], ...]:
    # Imported here, because the library imports an HTTP client to ask providers about keys, which we never do.
    import detect_secrets.plugins as library
    from detect_secrets.plugins.base import RegexBasedDetector

    rules = [re.compile(pattern) for pattern in FORMS]
    for module in pkgutil.iter_modules(library.__path__):
        for value in vars(importlib.import_module(f"{library.__name__}.{module.name}")).values():
            if inspect.isclass(value) and issubclass(value, RegexBasedDetector) and value.__name__ not in _NOT_USED:
                rules += getattr(value, "denylist", ())
    return tuple(dict.fromkeys(rules))


def _with_check_digits(text: str) -> Iterator[Span]:
    from stdnum import iban, luhn
    from stdnum.us import ssn

    for pattern, valid in ((_CARD, luhn.is_valid), (_IBAN, iban.is_valid), (_SSN, ssn.is_valid)):
        for match in pattern.finditer(text):
            if valid(re.sub(r"[ -]", "", match[0])):
                yield match.span()


def _random(text: str) -> Iterator[Span]:
    """Yield strings that look random: many changes between kinds of characters, and many different ones."""
    yield from (match.span() for match in _RANDOM.finditer(text) if not _UUID.fullmatch(match[0]) and _is_random(match[0]))


def is_drawn(name: str) -> bool:
    """Return whether a string that stands where a name is expected looks random; it may be shorter than a random string in a text."""
    return len(name) >= _SHORTEST_DRAWN and not _UUID.fullmatch(name) and _is_random(name)


def _is_random(token: str) -> bool:
    if _bits(token) < _BITS:
        return False
    pairs = [pair for run in _RUN.findall(token) for pair in pairwise(run)]
    turns = sum(one.isdigit() != other.isdigit() or (one.islower() and other.isupper()) for one, other in pairs)
    least = _CHANGES_IN_ONE_CASE if token.islower() or token.isupper() else _CHANGES
    if sum(character.isdigit() for character in token) >= _DIGITS and turns >= max(_FEWEST, least * len(pairs)):
        return True
    changes = turns + sum(one.isupper() and other.islower() for one, other in pairs)
    return changes >= _ALL_CHANGES * len(pairs) and _SIDE_BY_SIDE.search(token) is not None


def _bits(text: str) -> float:
    """Return Shannon's entropy in bits per character. Source: Shannon (1948), "A mathematical theory of communication"."""
    return -sum(count / len(text) * log2(count / len(text)) for count in Counter(text).values())
