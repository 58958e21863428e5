"""Canaries: tokens that belong to one tenant, user and run, and cannot be forged. Where a token appears, there may be data of its owner.

A canary needs no registry: it contains its owner as keyed digests, and a keyed seal that text typed by a user cannot have.

They are planted only where they change no comparison:

- **In the contexts of all shadows**, and of served runs of synthetic tenants (`canary_tenants`): the run's journal carries the token, and
  the backend adds it to data in its contexts that engines carry but never send (`migration.effects.canary()`).
- **In the models' answers to synthetic tenants**, at the end of free text, when the answer is recorded. A served run and its shadow both
  get the recorded answer, so both continue with the same words, and effects still match. The question never gets a token: otherwise a cache
  that mixes up users' answers would have no hits, and the canary could not reveal this fault.
"""

from collections.abc import Collection
from dataclasses import dataclass
from hashlib import blake2b
from hmac import compare_digest
from typing import Any, Final

import msgspec

from migration.isolation.identity import Identity
from migration.model import EffectKind

MARK: Final = "netra-canary-"
_PART_HEX: Final = 8
_SEAL_HEX: Final = 16
_OWNER_HEX: Final = 3 * _PART_HEX
LENGTH: Final = len(MARK) + _OWNER_HEX + _SEAL_HEX

_json = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryOwner:
    """The owner of a token."""

    tenant: str  #: the first 8 hex digits of `Canaries.tenant`
    user: str  #: digest of the user within the tenant
    run: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveCanary:
    """The canary of one served run."""

    token: str

    def plant(self, kind: EffectKind, reply: bytes) -> bytes:
        """Return the reply with the token at the end of a model's free text. Any other reply stays unchanged, and so does JSON in a text.

        Raises:
            msgspec.DecodeError: the reply is not JSON.
        """
        if kind != "model":
            return reply
        decoded: Any = _json.decode(reply)
        message = decoded.get("message") if isinstance(decoded, dict) else None
        if not isinstance(message, dict):
            return reply
        content = message.get("content")
        if not isinstance(content, str) or not content.strip() or content.lstrip().startswith(("{", "[", "```")):
            return reply
        planted = decoded | {"message": message | {"content": f"{content} {self.token}"}}
        return msgspec.json.encode(planted)


class Canaries:
    """Makes and reads tokens.

    Args:
        key: secret for making tokens and for recognising real ones.
    """

    def __init__(self, key: bytes) -> None:
        self._key = blake2b(key, person=b"netra-canary").digest()

    def token(self, owner: Identity) -> str:
        """Return the token of a run."""
        parts = (self._digest("tenant", owner.tenant_id), self._user(owner), self._digest("run", owner.tenant_id, owner.run_id))
        told = "".join(part[:_PART_HEX] for part in parts)
        return f"{MARK}{told}{self._seal(told)}"

    def read(self, token: str) -> CanaryOwner | None:
        """Return the owner of a token; None if it is not one of ours."""
        told, seal = token[len(MARK) : len(MARK) + _OWNER_HEX], token[len(MARK) + _OWNER_HEX : LENGTH]
        if len(token) != LENGTH or not token.isascii() or not token.startswith(MARK) or not compare_digest(seal, self._seal(told)):
            return None
        return CanaryOwner(tenant=told[:_PART_HEX], user=told[_PART_HEX : 2 * _PART_HEX], run=told[2 * _PART_HEX :])

    def is_of(self, canary: CanaryOwner, owner: Identity) -> tuple[bool, bool]:
        """Return whether a token is of this tenant, and whether it is of this user."""
        of_tenant = canary.tenant == self.tenant(owner.tenant_id)[:_PART_HEX]
        return of_tenant, of_tenant and canary.user == self._user(owner)[:_PART_HEX]

    def tenant(self, tenant_id: str) -> str:
        """Return the tenant's keyed digest, 12 hex digits: reports contain it instead of the name."""
        return self._digest("tenant", tenant_id)[:12]

    def _user(self, owner: Identity) -> str:
        return self._digest("user", owner.tenant_id, owner.user_id)

    def _seal(self, told: str) -> str:
        return self._digest("seal", told)[:_SEAL_HEX]

    def _digest(self, *parts: str) -> str:
        # An id may hold any character but control characters, so this separator keeps ("a", "bc") and ("ab", "c") apart.
        return blake2b("\x00".join(parts).encode("utf-8", "surrogatepass"), key=self._key, digest_size=8).hexdigest()


def live(canaries: Canaries, synthetic_tenants: Collection[str], owner: Identity) -> LiveCanary | None:
    """Return the canary of a served run; None unless its tenant is synthetic: answers to all others stay unchanged."""
    return LiveCanary(token=canaries.token(owner)) if owner.tenant_id in synthetic_tenants else None
