"""Converts an exchange with a model's endpoint to its record and back: for chat completions and newer APIs.

A request is recorded as its body. A complete reply is recorded as `{"message", "usage"}`, and its other parts as `status`, `headers` and
`rest`. The first piece of a streamed reply is `{"status", "headers"}`. Each other piece is the content of a server-sent event if that is a
JSON object, and otherwise the event's text.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from migration.effects.journals import http_answered, http_asked, readable
from migration.model import EffectKind

_BLANK_LINE: Final = re.compile(rb"\r\n\r\n|\n\n|\r\r(?!\n)|\n\r\n")
_DONE: Final = b'"data: [DONE]\\n\\n"'
_encode: Final = msgspec.json.encode
_decode: Final = msgspec.json.decode


class AskedRequest(NamedTuple):
    """The record of a request."""

    kind: EffectKind
    name: str  #: name of the model; for a request without a model: method and host
    request: bytes
    streamed: bool


def read_request(method: str, host: str, url: str, headers: Mapping[str, str], body: bytes) -> AskedRequest:
    """Return the record of a request. A request that names a model is a model effect, any other one is a tool effect.

    Args:
        method: the HTTP method.
        host: the endpoint's host.
        url: the URL, without user and password.
        headers: the request's headers; those that authorise are not recorded.
        body: the request's body; empty: there is none.
    """
    told = readable(body) if body else None
    if isinstance(told, dict) and isinstance(told.get("model"), str):
        return AskedRequest("model", told["model"], body, told.get("stream") is True)
    name = f"{method} {host}"
    return AskedRequest("tool", name, http_asked(name, url, headers, body), streamed=False)


def whole_reply(status: int, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return the record of a complete reply."""
    told, reply = readable(body), http_answered(status, headers)
    if status >= 400 or not isinstance(told, dict):  # noqa: PLR2004 - HTTP's errors begin there
        return _encode(reply | {"body": told})
    rest = {name: value for name, value in told.items() if name != "usage"}
    match rest.get("choices"):
        case [{"message": dict(message), **choice}]:
            return _encode({"message": message, "usage": told.get("usage"), **reply, "rest": rest | {"choices": [choice]}})
        case _:
            return _encode({"message": rest, "usage": told.get("usage"), **reply})


def whole_body(reply: bytes) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of a recorded reply. A reply that was recorded by another tool is returned as a chat completion."""
    told: dict[str, Any] = _decode(reply)
    status, headers = told.get("status", 200), told.get("headers") or {"content-type": "application/json"}
    if "body" in told:
        return status, headers, _bytes(told["body"])
    message, usage = told["message"], told.get("usage")
    body = message if "status" in told and "rest" not in told else _completion(told.get("rest"), message)
    return status, headers, _encode(body if usage is None else body | {"usage": usage})


def _completion(rest: dict[str, Any] | None, message: dict[str, Any]) -> dict[str, Any]:
    reason = "tool_calls" if message.get("tool_calls") else "stop"
    told = rest or {"id": "recorded", "object": "chat.completion", "created": 0, "model": "recorded", "choices": [_choice(reason)]}
    return told | {"choices": [told["choices"][0] | {"message": message}]}


def _choice(reason: str | None, **more: object) -> dict[str, Any]:
    return {"index": 0, "finish_reason": reason, "logprobs": None, **more}


def _bytes(body: Any) -> bytes:  # noqa: ANN401 - any JSON
    return body.encode() if isinstance(body, str) else _encode(body)


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """Return the record of the beginning of a streamed reply."""
    return _encode(http_answered(status, headers))


def taken_apart(reply: bytes) -> list[bytes]:
    """Return the pieces of a chat completion that was recorded as a whole."""
    told: dict[str, Any] = _decode(reply)
    message = dict(told["message"])
    if calls := message.get("tool_calls"):
        message["tool_calls"] = [{"index": place, **call} for place, call in enumerate(calls)]
    chunk = {"id": "recorded", "object": "chat.completion.chunk", "created": 0, "model": "recorded"}
    ends = {"choices": [_choice("tool_calls" if calls else "stop", delta={})]}
    last = [] if told.get("usage") is None else [{"choices": [], "usage": told["usage"]}]
    said = [{"choices": [_choice(None, delta=message)]}, ends, *last]
    return [head(200, {"content-type": "text/event-stream"}), *(_encode(chunk | part) for part in said), _DONE]


class FrameSplitter:
    """Splits a body of server-sent events, and returns each event both as it came and in its recorded form."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield each complete event: its bytes, and its piece."""
        self._rest += data
        start = 0
        while (end := _BLANK_LINE.search(self._rest, start)) is not None:
            event, start = self._rest[start : end.end()], end.end()
            yield event, _piece(event)
        self._rest = self._rest[start:]

    def end(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield the rest after the last complete event."""
        if self._rest:
            yield self._rest, _encode(self._rest.decode(errors="replace"))


def _piece(event: bytes) -> bytes:
    fields = [line.partition(b":") for line in event.splitlines() if line]
    told = {name: value.removeprefix(b" ") for name, _, value in fields}
    data = told.pop(b"data", b"")
    if data.startswith(b"{") and len(fields) == len(told) + 1 and told.keys() <= {b"event"}:
        try:
            if _kind(_decode(data)) == told.get(b"event", b""):
                return data
        except (msgspec.MsgspecError, ValueError, RecursionError):
            pass
    return _encode(event.decode(errors="replace"))


def event_bytes(piece: bytes) -> bytes:
    """Return the server-sent event of a piece."""
    told = _decode(piece)
    if isinstance(told, str):
        return told.encode()
    kind = _kind(told)
    return (b"event: " + kind + b"\n" if kind else b"") + b"data: " + piece + b"\n\n"


def body_bytes(piece: bytes) -> bytes:
    """Return the body of a reply that was recorded as one piece, because it is not server-sent events."""
    return _bytes(_decode(piece))


def _kind(told: Any) -> bytes:  # noqa: ANN401 - any JSON
    kind = told.get("type") if isinstance(told, dict) else None
    return kind.encode() if isinstance(kind, str) else b""
