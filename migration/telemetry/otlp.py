"""Spans in OTLP's binary form.

The encoder of OpenTelemetry's package takes 30 us a span, a trace of a chat has 18 spans, and it would run in the process that serves. This
one takes a tenth of that. Its messages are read back by OpenTelemetry's own classes in a test.
Source of the field numbers: https://github.com/open-telemetry/opentelemetry-proto, 1.x.
"""

import struct
from collections.abc import Iterable, Mapping
from typing import Final

from migration.telemetry.traced import Ids, SpanEvent, TracedSpan, Value

MAX_CHARS: Final = 256
"""Longer texts are cut."""

_fixed64: Final = struct.Struct("<Q").pack
_double: Final = struct.Struct("<d").pack
_SAMPLED: Final = b"\x85\x01\x01\x00\x00\x00"  # Span.flags: the trace was sampled
_LINK_SAMPLED: Final = b"\x35\x01\x00\x00\x00"
_ERROR: Final = b"\x7a\x02\x18\x02"  # Span.status: code ERROR
_MOST: Final = 20_000


def varint(number: int) -> bytes:
    """Return a number of at most 64 bits; negative ones as two's complement."""
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:  # noqa: PLR2004 - seven bits a byte
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


_SHORT: Final = tuple(varint(number) for number in range(1 << 14))


def field(tag: bytes, body: bytes) -> bytes:
    """Return a field that has a length."""
    size = len(body)
    return tag + (_SHORT[size] if size < len(_SHORT) else varint(size)) + body


def text(value: str) -> bytes:
    """Return a text, cut to `MAX_CHARS`. What UTF-8 cannot carry becomes `?`: it would lose the whole batch."""
    return value[:MAX_CHARS].encode("utf-8", "replace")


def any_value(value: Value) -> bytes:
    """Return an attribute's value."""
    match value:
        case str():
            return field(b"\x0a", text(value))
        case bool():
            return b"\x10\x01" if value else b"\x10\x00"
        case int():
            return b"\x18" + varint(value)
        case float():
            return b"\x21" + _double(value)
        case _:
            return field(b"\x2a", b"".join([field(b"\x0a", any_value(one)) for one in value]))


def key_value(key: str, value: Value) -> bytes:
    """Return an attribute without its tag."""
    return field(b"\x0a", key.encode()) + field(b"\x12", any_value(value))


class Encoder:
    """Encodes spans of one process.

    Args:
        resource: attributes of the process.
        scope: name and version of what makes them.
        schema: URL of the conventions' schema.
    """

    def __init__(self, resource: Mapping[str, Value], scope: tuple[str, str], schema: str) -> None:
        self._resource = field(b"\x0a", b"".join([field(b"\x0a", key_value(*one)) for one in resource.items()]))
        self._scope = field(b"\x0a", field(b"\x0a", scope[0].encode()) + field(b"\x12", scope[1].encode()))
        self._schema = field(b"\x1a", schema.encode())
        self._attributes: dict[tuple[str, type, Value], bytes] = {}
        self._shared: dict[int, tuple[Mapping[str, Value], bytes]] = {}
        self._names: dict[str, bytes] = {}

    def request(self, encoded: Iterable[bytes]) -> bytes:
        """Return the request that exports these spans, which `span` encoded."""
        items = b"".join(encoded)
        return field(b"\x0a", self._resource + field(b"\x12", self._scope + items + self._schema))

    def span(self, span: TracedSpan) -> bytes:
        """Return a span, as a field of a request."""
        parts = [
            b"\x0a\x10" + span.ids.trace_id.to_bytes(16, "big") + b"\x12\x08" + span.ids.span_id.to_bytes(8, "big"),
            b"\x22\x08" + span.parent_id.to_bytes(8, "big") if span.parent_id else b"",
            self._name(span.name),
            b"\x30\x03\x39" if span.kind != 1 else b"\x30\x01\x39",
            _fixed64(span.started_ns) + b"\x41" + _fixed64(span.ended_ns),
            self._common(span.shared),
            *[self._attribute(b"\x4a", *one) for one in span.own.items()],
        ]
        parts += [self._event(event) for event in span.events]
        parts += [field(b"\x6a", _link(link)) for link in span.links]
        if span.failed:
            parts.append(_ERROR)
        parts.append(_SAMPLED)
        return field(b"\x12", b"".join(parts))

    def _name(self, name: str) -> bytes:
        found = self._names.get(name)
        if found is None:
            if len(self._names) >= _MOST:
                self._names.clear()
            found = self._names[name] = field(b"\x2a", text(name))
        return found

    def _common(self, shared: Mapping[str, Value]) -> bytes:
        found = self._shared.get(id(shared))
        if found is not None and found[0] is shared:  # kept together with its object, so that no other one has its id
            return found[1]
        encoded = b"".join([field(b"\x4a", key_value(*one)) for one in shared.items()])
        if len(self._shared) >= _MOST:
            self._shared.clear()
        self._shared[id(shared)] = (shared, encoded)
        return encoded

    def _attribute(self, tag: bytes, key: str, value: Value) -> bytes:
        known = (key, type(value), value)
        found = self._attributes.get(known)
        if found is None:
            if len(self._attributes) >= _MOST:
                self._attributes.clear()
            found = self._attributes[known] = key_value(key, value)
        return field(tag, found)

    def _event(self, event: SpanEvent) -> bytes:
        attributes = b"".join([self._attribute(b"\x1a", *one) for one in event.attributes.items()])
        return field(b"\x5a", b"\x09" + _fixed64(event.at_ns) + field(b"\x12", text(event.name)) + attributes)


def _link(ids: Ids) -> bytes:
    return b"\x0a\x10" + ids.trace_id.to_bytes(16, "big") + b"\x12\x08" + ids.span_id.to_bytes(8, "big") + _LINK_SAMPLED


def rejected(answer: bytes) -> int:
    """Return how many items a collector that answered with success did not take: OTLP's `partial_success`."""
    partial = _fields(answer).get(1, b"")
    number = _fields(partial).get(1, 0) if isinstance(partial, bytes) else 0
    return number if isinstance(number, int) else 0


def _fields(message: bytes) -> dict[int, bytes | int]:
    """Return the numbers and texts of a small message; nothing if it is not one."""
    found: dict[int, bytes | int] = {}
    at = 0
    try:
        while at < len(message):
            tag, at = _number(message, at)
            value, at = _number(message, at)
            if tag & 7 == 2:  # noqa: PLR2004 - the wire type of what has a length
                found[tag >> 3], at = message[at : at + value], at + value
            elif tag & 7 == 0:
                found[tag >> 3] = value
            else:
                return {}
    except IndexError:
        return {}
    return found


def _number(message: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = message[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the last byte
            return number, at
        shift += 7
