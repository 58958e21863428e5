"""Decides which finds of the automaton are breaches: it determines the owner of the data, and whether the run may contain it.

| found | is a breach |
|---|---|
| a canary of another tenant, or of another user | always, anywhere |
| a distinctive identifier of another tenant or its users | unless the user wrote it in the request |
| a distinctive identifier of another user of the tenant | unless the user wrote it, or a tool or model sent it: tenants' data names users |
| any other identifier, in a field named like an identity | unless the user wrote it, or a tool or model sent it: `admin` is common |

A name may be the user's own as one kind of id, and another person's as another kind. In a text, it counts as the user's own; in a field
that is named like an identity, the field decides.

An identifier must be a whole name: `tenant-7f3a9c` is not found in `tenant-7f3a9c2` or `tenant-7f3a9c-eu`. Only a random identifier is also
found inside a longer name.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import msgspec

from migration.isolation.canaries import LENGTH, Canaries
from migration.isolation.identity import Field, Identity
from migration.isolation.places import paths
from migration.isolation.registry import Automaton, Known, Registry, written
from migration.model import RunRecord

What = Literal["tenant", "user", "thread", "run", "canary"]
Relation = Literal["another_tenant", "another_user"]

_VALUE = re.compile(rb'[^"\\\x00-\x1f]{1,256}')
#: JSON writes a line break as a backslash and an `n`: that letter does not belong to an identifier
_ESCAPED = re.compile(rb"\\(?:[bfnrt]|u[0-9a-fA-F]{4})\Z")
_LONGEST_ESCAPE: Final = 6
_JOINS = b"-_.@"


@dataclass(frozen=True, slots=True)
class Hit:
    """A place where other people's data was found. `text` is the leaked data: it stays inside this package."""

    what: What
    relation: Relation
    tenant: str  #: keyed digest, 8 hex digits or more
    text: str


class Scan:
    """Judges the finds in one pair of runs.

    Args:
        registry: the other tenants and users.
        canaries: reads tokens.
        served: the served run; only its identity may be named.
    """

    def __init__(self, registry: Registry, canaries: Canaries, served: RunRecord) -> None:
        self._registry, self._canaries, self._served = registry, canaries, served
        self._owner = Identity.of(served.request)
        self._own = frozenset(value for _, value in self._owner.values())
        self._automaton: Automaton = registry.automaton()

    def hits(self, data: bytes, *, own_words: bool = False) -> Iterator[Hit]:
        """Yield other people's data in these bytes.

        Args:
            data: frames, requests, replies, log lines.
            own_words: whether the user wrote the data, so that only canaries count.
        """
        for meaning, start, end in self._automaton.find(data):
            if meaning is None:
                hit = self._canary(data[start : start + LENGTH])
            elif own_words:
                hit = None
            elif isinstance(meaning, Known):
                hit = self._in_text(meaning, data, start, end)
            else:
                hit = self._field(meaning, data, end)
            if hit is not None:
                yield hit

    def located(self, data: bytes, subject: str, *, own_words: bool = False) -> Iterator[tuple[Hit, str]]:
        """Yield each hit with the path of every place in `data` that shows it, below `subject`. No path contains the leaked data."""
        hits = tuple(dict.fromkeys(self.hits(data, own_words=own_words)))
        secrets = frozenset(hit.text for hit in hits)
        for hit in hits:

            def shows(key: str, text: str, hit: Hit = hit) -> bool:
                return hit in self.hits(msgspec.json.encode({key: text}))

            yield from ((hit, path) for path in paths(data, hit.text, subject, shows, secrets))

    def _canary(self, written_as: bytes) -> Hit | None:
        token = written_as.decode("ascii", "replace")
        canary = self._canaries.read(token)
        if canary is None:
            return None
        of_tenant, of_user = self._canaries.is_of(canary, self._owner)
        if of_user:
            return None
        return Hit("canary", "another_user" if of_tenant else "another_tenant", canary.tenant, token)

    def _field(self, name: Field, data: bytes, start: int) -> Hit | None:
        found = _VALUE.match(data, start)
        value = found[0].decode("utf-8", "replace") if found else ""
        known = None if value in self._own else self._registry.known(name, value)
        return None if known is None else self._identifier(known)

    def _in_text(self, known: Known, data: bytes, start: int, end: int) -> Hit | None:
        if known.value in self._own or known.value in self._users_own or not self._stands_alone(known, data, start, end):
            return None
        return self._identifier(known)

    def _identifier(self, known: Known) -> Hit | None:
        owner = self._owner
        if known.value in self._own or (owner.tenant_id, owner.user_id) in known.owners:
            return None
        colleague = any(tenant == owner.tenant_id for tenant, _ in known.owners)
        ways = known.ways
        if any(way in self._served.request.payload for way in ways):
            return None
        if (colleague or not known.distinctive) and any(way in self._replies for way in ways):
            return None
        tenant = owner.tenant_id if colleague else min(tenant for tenant, _ in known.owners)
        return Hit(_WHAT[known.name], "another_user" if colleague else "another_tenant", self._canaries.tenant(tenant), known.value)

    @cached_property
    def _users_own(self) -> frozenset[str]:
        """The identifiers of the run itself, and those of the user's other runs."""
        return self._own | self._registry.own(self._owner)

    @cached_property
    def _replies(self) -> bytes:
        return b"\n".join(effect.reply for effect in self._served.journal if effect.reply is not None)

    def _stands_alone(self, known: Known, data: bytes, start: int, end: int) -> bool:
        """Return whether this is the identifier itself, and not a part of a longer one or of one of the user's own identifiers."""
        before = data[max(0, start - _LONGEST_ESCAPE) : start]
        if (_continues(before[::-1], loose=known.random) and not _ESCAPED.search(before)) or _continues(
            data[end : end + 2], loose=known.random
        ):
            return False
        return not any(_covers(way, data, start, end) for own in self._users_own if known.value in own for way in written(own))


_WHAT: dict[Field, What] = {Field.TENANT: "tenant", Field.USER: "user", Field.THREAD: "thread", Field.RUN: "run"}


def _is_part(character: bytes) -> bool:
    """Return whether a byte belongs to a name. Bytes beyond ASCII are parts of letters."""
    return character.isalnum() or character >= b"\x80"


def _continues(neighbours: bytes, *, loose: bool) -> bool:
    """Return whether a name continues in the bytes after it: with `2` or, unless `loose`, `-eu`, but not with `.` at a sentence's end."""
    nearest, next_one = neighbours[:1], neighbours[1:2]
    if _is_part(nearest):
        return True
    return not loose and nearest != b"" and nearest in _JOINS and _is_part(next_one)


def _covers(own: bytes, data: bytes, start: int, end: int) -> bool:
    """Return whether `data` from `start` to `end` is part of one of the run's own identifiers."""
    place = data.find(own, max(0, end - len(own)))
    return 0 <= place <= start and place + len(own) >= end
