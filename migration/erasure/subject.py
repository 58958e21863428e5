"""The subject of an erasure."""

import hashlib
import json
from dataclasses import dataclass
from typing import Final

_DIGEST_HEX: Final = 16
_TELLING_CHARACTERS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A tenant, or one of its users."""

    tenant_id: str
    user_id: str | None  #: None: the whole tenant

    @property
    def searched(self) -> str:
        """The id that no file may contain after the erasure."""
        return self.tenant_id if self.user_id is None else self.user_id

    @property
    def telling(self) -> bool:
        """Whether the id is so long that its letters in a file can only mean the id. A shorter id may be a part of other words."""
        return len(self.searched) >= _TELLING_CHARACTERS

    @property
    def digest(self) -> str:
        """The id in the history: 16 hex digits of a SHA-256."""
        text = self.tenant_id if self.user_id is None else f"{self.tenant_id}\n{self.user_id}"
        return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:_DIGEST_HEX]

    def needles(self) -> tuple[bytes, ...]:
        """Return the id as files may contain it: in UTF-8, and as JSON in ASCII."""
        return tuple({self.searched.encode(errors="surrogatepass"), json.dumps(self.searched)[1:-1].encode()})
