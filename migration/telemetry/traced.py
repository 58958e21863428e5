"""A finished span of this package: what readers and exporters get. It is made when it is read, never while a run is served."""

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Final, NamedTuple, Protocol

import msgspec

Value = str | bool | int | float | tuple[str, ...]
"""The value of an attribute."""

INTERNAL: Final = 1
CLIENT: Final = 3


class Ids(NamedTuple):
    """The ids of a span."""

    trace_id: int
    span_id: int


class SpanEvent(NamedTuple):
    """A moment of a span."""

    name: str
    at_ns: int  #: Unix nanoseconds
    attributes: Mapping[str, Value]


class TracedSpan(msgspec.Struct, frozen=True, kw_only=True):
    """A finished span. Everything in it may leave the process."""

    name: str
    ids: Ids
    parent_id: int  #: 0: the root of its trace
    started_ns: int  #: Unix nanoseconds
    ended_ns: int
    shared: Mapping[str, Value]  #: attributes that many spans have; the same object each time, so that it is encoded once
    own: Mapping[str, Value]  #: further attributes
    kind: int = INTERNAL
    failed: bool = False
    events: tuple[SpanEvent, ...] = ()
    links: tuple[Ids, ...] = ()

    @property
    def attributes(self) -> dict[str, Value]:
        """All attributes."""
        return {**self.shared, **self.own}


class Traceable(Protocol):
    """A part of a trace that is complete, but not built yet."""

    @property
    def size(self) -> int:
        """How many spans it has."""
        ...

    @property
    def weight_bytes(self) -> int:
        """About how much memory it needs until it is built."""
        ...

    def spans(self) -> Iterator[TracedSpan]:
        """Build and yield its spans."""
        ...


def derived(ids: Ids, what: str) -> Ids:
    """Return the ids of a span that belongs to another one, so that each process can link to the span of another one.

    Args:
        ids: of the served run's span.
        what: which span, such as "shadow".
    """
    seed = ids.trace_id.to_bytes(16, "big") + ids.span_id.to_bytes(8, "big")
    trace = blake2b(seed, digest_size=16, person=b"trace").digest()
    return Ids(int.from_bytes(trace, "big"), int.from_bytes(blake2b(seed, digest_size=8, person=what.encode()[:16]).digest(), "big"))


def read_ids(trace_id: str | None, span_id: str | None) -> Ids | None:
    """Return the ids that these hex digits give; None if one is missing or not valid."""
    try:
        ids = Ids(int(trace_id or "", 16), int(span_id or "", 16))
    except ValueError:
        return None
    return ids if 0 < ids.trace_id < 1 << 128 and 0 < ids.span_id < 1 << 64 else None
