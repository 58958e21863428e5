"""Canonical JSON: keys sorted, no blanks, and strict about types, because 1, 1.0 and true are three different texts."""

from collections.abc import Iterable
from typing import Final

import msgspec

from migration.comparison.paths import Json, type_name

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""The exceptions for a text that is not JSON, not UTF-8 or nested too deeply.

The possible depth depends on the caller, because Python's stack is shared with it.
"""

TOO_DEEP: Final = "it is nested too deeply"

decode = msgspec.json.Decoder().decode
"""Returns the JSON value of a text; raises what msgspec raises, and RecursionError when it is nested too deeply."""

_encoder = msgspec.json.Encoder(order="sorted")


class UndecodableError(Exception):
    """A frame or request is not a JSON object. Handled inside the comparison, which becomes inconclusive."""


def encode(value: Json) -> bytes:
    """Return the value as canonical JSON."""
    return _encoder.encode(value)


def check_text(encoded: Iterable[bytes]) -> None:
    """Check that these bytes are UTF-8, which msgspec does not check in parts that it skips; many at once cost almost nothing.

    Raises:
        UnicodeDecodeError: they are not.
    """
    joined = b"".join(encoded)
    if not joined.isascii():
        joined.decode()


def decode_object(encoded: bytes) -> dict[str, Json]:
    """Return the JSON object.

    Raises:
        UndecodableError: it is not an object, or nested too deeply.
    """
    try:
        value = decode(encoded)
    except UNREADABLE as error:
        raise UndecodableError(TOO_DEEP if isinstance(error, RecursionError) else str(error)) from error
    if not isinstance(value, dict):
        raise UndecodableError(f"a JSON object was expected, this is {type_name[type(value)]}")
    return value
