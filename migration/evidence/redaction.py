"""What may be stored: shapes and keyed digests instead of text; names and numbers unchanged.

A text becomes `str[42]#9f3a1b2c4d5e`: its length and a keyed digest. Equal texts can be recognised as equal, and no text can be read or
guessed without the key. Numbers, booleans and null stay, and so do fields of a closed list whose values are words of our own code.
"""

import hmac
import re
from collections.abc import Collection
from functools import lru_cache
from typing import Any

import msgspec

from migration.evidence import secret_search
from migration.evidence.secret_forms import FIELD

ENUM_FIELDS = frozenset(
    {
        "type",
        "kind",
        "role",
        "status",
        "outcome",
        "verdict",
        "stage",
        "origin",
        "agent_name",
        "tool_name",
        "error_type",
        "finish_reason",
        "event",
    }
)
"""Fields whose values are words of our own code; they stay if they look like such words."""

MAX_TEXT = 4096
"""Characters of one redacted value; a longer one becomes its outline."""

_MAX_ITEMS = 40
_MAX_DEPTH = 12
_DIGEST_HEX = 12

# Words without digits: keys, tokens and personal numbers contain digits.
_ENUM = re.compile(r"[a-z]+(_[a-z]+){0,5}\Z|([A-Z][a-z]+){1,6}\Z", re.ASCII)
_ENUM_CHARS = 48
#: a name in code; four digits in a row are more likely an id or a personal number
_NAME = re.compile(r"(?!.*\d{4})[A-Za-z_][A-Za-z0-9_-]{0,39}\Z", re.ASCII)
_INDEX = re.compile(r"\d{1,4}\Z", re.ASCII)
_LONGEST_ID = 128
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}\Z", re.ASCII)
#: an id that we made: the hexadecimal digits of a UUID
_OURS = re.compile(r"[0-9a-f]{32}\Z|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


@lru_cache(maxsize=4096)
def _is_plain_id(text: str) -> bool:
    """Return whether a text is an id and not a secret. The same tenants, users and threads occur repeatedly, so the answers are cached."""
    return _OURS.match(text) is not None or (_ID.match(text) is not None and not any(secret_search.known(text)))


class Redactor:
    """Converts values to their storable form.

    Args:
        key: the key of the digests; see `key.digest_key`.
        plaintext_tenants: tenants that allow their texts to be stored. Secrets in these texts are removed nevertheless.
    """

    def __init__(self, key: bytes, plaintext_tenants: Collection[str] = ()) -> None:
        self._key = key
        self._plaintext = frozenset(plaintext_tenants)

    def allows_text(self, tenant_id: str) -> bool:
        """Return whether this tenant's texts may be stored."""
        return tenant_id in self._plaintext

    def shape(self, text: str) -> str:
        """Return the text's length and digest, e.g. `str[42]#9f3a1b2c4d5e`; `str[0]` for an empty one."""
        return f"str[{len(text)}]#{self._digest(text)}" if text else "str[0]"

    def identifier(self, text: str) -> str:
        """Return an id unchanged if it is made of letters, digits and `_.:-` and is not a secret; otherwise its shape."""
        return text if len(text) <= _LONGEST_ID and _is_plain_id(text) else self.shape(text)

    def chosen(self, text: str) -> str:
        """Return an id that a client may have chosen: unchanged if it has the form of an id that we make, otherwise its shape."""
        return text if _OURS.match(text) else self.shape(text)

    def path(self, path: str) -> str:
        """Return a path or lane with every part that is not a name or short number replaced by its digest."""
        return "".join(part if _is_structure(part) else f"#{self._digest(part)}" for part in re.split(r"([./\[\]#:*]+)", path))

    def json(self, text: str | None, *, field: str = "", plain: bool = False) -> str | None:
        """Return JSON text redacted leaf by leaf; text that is not JSON counts as one string. None stays None.

        Args:
            text: the JSON text from the comparison.
            field: the name of the field that holds it; "" if there is none.
            plain: True for a tenant that allows its texts.
        """
        if text is None:
            return None
        try:
            value = msgspec.json.decode(text)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            value = text
        encoded = msgspec.json.encode(self.value(value, field=field, plain=plain)).decode()
        return encoded if len(encoded) <= MAX_TEXT else msgspec.json.encode(f"{_outline(value)}, {len(encoded)} characters").decode()

    def value(self, value: Any, *, field: str = "", plain: bool = False, depth: int = 0) -> Any:  # noqa: ANN401 - any JSON
        """Return the JSON value with its texts redacted; long and deep parts become their outline."""
        match value:
            case str():
                return self._text(value, field, plain=plain)
            case dict() | list() if depth >= _MAX_DEPTH:
                return _outline(value)
            case dict():
                kept = list(value.items())[:_MAX_ITEMS]
                redacted = {self._name(key, plain=plain): self.value(item, field=key, plain=plain, depth=depth + 1) for key, item in kept}
                return redacted if len(kept) == len(value) else redacted | {"…": f"{len(value) - len(kept)} more"}
            case list():
                items = [self.value(item, field=field, plain=plain, depth=depth + 1) for item in value[:_MAX_ITEMS]]
                return items if len(items) == len(value) else [*items, f"… {len(value) - len(items)} more"]
        return value

    def whole(self, document: bytes) -> bytes:
        """Return a JSON document unchanged except for its secrets, however long; for tenants that allow their texts.

        Secrets become their shape, the same one wherever they appear, also inside JSON that is written as a text.

        Raises:
            RecursionError: it is nested too deeply.
        """
        try:
            value = msgspec.json.decode(document)
        except (msgspec.MsgspecError, UnicodeError):
            return self.without_secrets(document.decode("utf-8", "replace")).encode()
        safe = self._whole(value, "")
        return document if safe == value else msgspec.json.encode(safe)

    def _whole(self, value: Any, field: str) -> Any:  # noqa: ANN401 - any JSON
        match value:
            case str() if value[:1] in {"{", "["} and not FIELD.search(field):
                return self.whole(value.encode("utf-8", "replace")).decode()
            case str():
                return self._text(value, field, plain=True)
            case list():
                return [self._whole(item, field) for item in value]
            case dict():
                return {self._name(key, plain=True): self._whole(item, key) for key, item in value.items()}
        return value

    def without_secrets(self, text: str) -> str:
        """Return the text with everything that looks like a secret replaced by its shape; see `secret_search`."""
        safe = text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
        pieces, at = [], 0
        for start, end in secret_search.find(safe):
            pieces += [safe[at:start], self.shape(safe[start:end])]
            at = end
        return "".join((*pieces, safe[at:]))

    def _text(self, text: str, field: str, *, plain: bool) -> str:
        if FIELD.search(field):
            return self.shape(text)
        if plain:
            return self.without_secrets(text)
        return text if is_enum(text, field) else self.shape(text)

    def _name(self, name: str, *, plain: bool) -> str:
        if plain:
            return f"#{self._digest(name)}" if secret_search.is_drawn(name) else self.without_secrets(name)
        return name if _is_name(name) else f"#{self._digest(name)}"

    def _digest(self, text: str) -> str:
        return hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), "sha256").hex()[:_DIGEST_HEX]


def is_enum(text: str, field: str) -> bool:
    """Return whether the text is a word of our own code, in a field that holds such words."""
    return field in ENUM_FIELDS and len(text) <= _ENUM_CHARS and _ENUM.match(text) is not None


def _is_structure(part: str) -> bool:
    return bool(not part.strip("./[]#:*") or _INDEX.match(part) or _is_name(part))


@lru_cache(maxsize=4096)
def _is_name(text: str) -> bool:
    return _NAME.match(text) is not None and not secret_search.is_drawn(text) and not secret_search.find(text)


def _outline(value: Any) -> str:  # noqa: ANN401 - any JSON
    return f"{type(value).__name__}[{len(value)}]"
