"""The other tenants and users: a bounded memory of identifiers, and an automaton that finds the distinctive ones in text.

An identifier is known as soon as it was learnt. In fields that are named like an identity (`user_id`) it is found immediately, and in other
texts as soon as it is in the automaton. The automaton is rebuilt when new identifiers wait, but building it may take at most a fiftieth of
the time. With few identifiers it is rebuilt immediately, with many about ten times a second, which is still more often than runs end.
"""

import json
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Final

import msgspec

from migration.isolation.canaries import MARK
from migration.isolation.identity import Field, Identity, distinctive, is_random
from migration.isolation.search import Search

#: How many identifiers of each field are remembered, the latest ones. Tenants and users are served again and again, threads and runs
#: rarely.
_KEPT: Final[Mapping[Field, int]] = MappingProxyType({Field.TENANT: 512, Field.USER: 1024, Field.THREAD: 512, Field.RUN: 512})
#: After an automaton is built, no other one is built for this many times the time that building took.
_REST: Final = 50.0

#: The beginning of an identity field in JSON, and in JSON inside a JSON string.
_OPENINGS: Final = ('{}":"', '{}": "', '{}\\":\\"', '{}\\": \\"')


@dataclass(frozen=True, kw_only=True)
class Known:
    """One identifier and its owner."""

    name: Field
    value: str
    distinctive: bool
    random: bool
    owners: set[tuple[str, str]] = field(default_factory=set)  #: tenant and user; for a tenant's id the user is ""

    @cached_property
    def ways(self) -> tuple[bytes, ...]:
        """The forms in which JSON writes the identifier."""
        return written(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """How many new identifiers were learnt."""

    sought_in_text: int = 0
    #: whether the identifier is too common to mean anything in a text, so that it is searched for only in identity fields
    sought_in_fields: int = 0


class Automaton:
    """A search, and the meanings of its texts: the beginning of an identity field, the mark of a canary (None), or an identifier."""

    def __init__(self, known: Iterable[Known]) -> None:
        meant: list[tuple[bytes, Field | Known | None]] = [
            (opening.format(name.value).encode(), name) for name in Field for opening in _OPENINGS
        ]
        meant.append((MARK.encode(), None))
        meant += [(text, one) for one in known for text in one.ways]
        self.meanings = tuple(meaning for _, meaning in meant)
        self._search = Search([text for text, _ in meant])

    def find(self, data: bytes) -> list[tuple[Field | Known | None, int, int]]:
        """Return what the bytes contain: the meaning, its beginning and its end."""
        texts, meanings = self._search.texts, self.meanings
        return [(meanings[number], start, start + len(texts[number])) for number, start in self._search.find(data)]


class Registry:
    """Identifiers of tenants and users who were served recently.

    Args:
        budget: the limits.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[Field, OrderedDict[str, Known]] = {name: OrderedDict() for name in Field}
        self._seen: OrderedDict[Identity, None] = OrderedDict()
        self._automaton = Automaton(())
        self._stale = False
        self._due_at = float("-inf")

    def learn(self, identities: Iterable[Identity]) -> Learnt:
        """Remember the identities, and return how many identifiers are new."""
        in_text = in_fields = 0
        for identity in identities:
            if identity in self._seen:
                continue
            self._seen[identity] = None
            if len(self._seen) > _KEPT[Field.RUN]:
                self._seen.popitem(last=False)
            for name, value in identity.values():
                if (new := self._learn(name, value, identity)) is not None:
                    in_text += new.distinctive
                    in_fields += not new.distinctive
        self._stale = self._stale or in_text > 0
        return Learnt(sought_in_text=in_text, sought_in_fields=in_fields)

    def _learn(self, name: Field, value: str, identity: Identity) -> Known | None:
        """Return the identifier if it is new."""
        kept = self._known[name]
        known, new = kept.get(value), None
        if known is None:
            known = new = kept[value] = Known(name=name, value=value, distinctive=distinctive(value), random=is_random(value))
            if len(kept) > _KEPT[name]:
                kept.popitem(last=False)
        else:
            kept.move_to_end(value)
        known.owners.add((identity.tenant_id, "" if name is Field.TENANT else identity.user_id))
        return new

    def known(self, name: Field, value: str) -> Known | None:
        """Return the owners of this name in that field; None: no owner is remembered."""
        return self._known[name].get(value)

    def own(self, identity: Identity) -> frozenset[str]:
        """Return all remembered identifiers of that user: users, threads and runs. This searches the whole memory."""
        whose = (identity.tenant_id, identity.user_id)
        return frozenset(value for kept in self._known.values() for value, known in kept.items() if whose in known.owners)

    def automaton(self) -> Automaton:
        """Return the automaton. It is rebuilt if identifiers wait and the last automaton was used long enough."""
        if self._stale and (started := self._clock()) >= self._due_at:
            self._automaton = Automaton(one for kept in self._known.values() for one in kept.values() if one.distinctive)
            ended = self._clock()
            self._due_at = ended + _REST * (ended - started)
            self._stale = False
        return self._automaton


def written(value: str) -> tuple[bytes, ...]:
    """Return the forms in which JSON writes the text: plain, with escapes for non-ASCII characters, and either of them inside a JSON
    string.
    """
    plain = value.encode("utf-8", "surrogatepass")
    ascii_only = json.dumps(value)[1:-1]
    if ascii_only.encode() == plain:
        return (plain,)
    escaped = msgspec.json.encode(value)[1:-1] if _encodable(value) else plain
    twice = json.dumps(ascii_only)[1:-1].encode()
    return tuple(dict.fromkeys((plain, escaped, ascii_only.encode(), twice)))


def _encodable(value: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in value)
