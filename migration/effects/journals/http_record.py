"""The record of an HTTP exchange, for any client. It contains no authorisation headers and no cookies."""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

_ASKED: Final = ("accept", "content-type")
_ANSWERED: Final = (
    "content-type", "content-encoding", "etag", "last-modified", "location", "retry-after", "retry-after-ms", "x-should-retry",
    "x-request-id", "request-id",
)  # fmt: skip
_encode: Final = msgspec.json.encode
_decode: Final = msgspec.json.decode


def http_asked(name: str, url: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return a request's record, in the form of a tool's.

    Args:
        name: the tool's name.
        url: without user and password.
        headers: all headers; only a few are recorded.
        body: empty: none.
    """
    arguments: dict[str, Any] = {"url": url, "headers": _kept(headers, _ASKED)}
    if body:
        arguments["body"] = readable(body)
    return _encode({"name": name, "arguments": arguments})


def http_answered(status: int, headers: Mapping[str, str]) -> dict[str, Any]:
    """Return the record of the beginning of a response."""
    return {"status": status, "headers": _kept(headers, _ANSWERED)}


def _kept(headers: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    return {name: headers[name] for name in names if name in headers}


def readable(body: bytes) -> Any:  # noqa: ANN401 - any JSON
    """Return a body as JSON: unchanged if it is JSON, any other as text or base64."""
    try:
        return _decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _text(body)


def piece(part: bytes) -> bytes:
    """Return a piece of a body as JSON: as text if it is text, so that scans of journals find it."""
    return _encode(_text(part))


def piece_bytes(recorded: bytes) -> bytes:
    """Undo `piece`."""
    part = _decode(recorded)
    return part.encode() if isinstance(part, str) else b64decode(part["base64"])


def _text(body: bytes) -> Any:  # noqa: ANN401 - any JSON
    try:
        return body.decode()
    except UnicodeDecodeError:
        return {"base64": b64encode(body).decode()}
