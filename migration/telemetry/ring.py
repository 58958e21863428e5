"""The last traces of this process, in memory."""

from collections import deque
from collections.abc import Mapping

import msgspec

from migration.telemetry.traced import Traceable, TracedSpan, Value

RING_RUNS = 256
"""Traces that the ring keeps; older ones are removed."""

_RING_BYTES = 8 * 2**20


class FinishedSpan(msgspec.Struct, frozen=True, kw_only=True):
    """A span that ended. It contains no exception message, because messages may quote a user."""

    trace_id: str  #: 32 hex digits
    span_id: str  #: 16 hex digits
    parent_id: str | None  #: 16 hex digits; None: the root of its trace
    name: str
    started_at: float  #: Unix seconds
    duration_s: float
    failed: bool
    attributes: Mapping[str, Value]
    events: tuple[tuple[str, Mapping[str, Value]], ...] = ()
    links: tuple[tuple[str, str], ...] = ()  #: (trace id, span id) of each linked span; a shadow's span links to that of the served run


class SpanRing:
    """The last traces of this process, oldest first. They are built when they are read.

    Args:
        runs: traces to keep; fewer if they need more than 8 MiB.
    """

    def __init__(self, runs: int = RING_RUNS) -> None:
        self._runs: deque[Traceable] = deque(maxlen=runs)
        self._most_each = _RING_BYTES // runs

    def keep(self, run: Traceable) -> None:
        """Keep a trace. A large one takes the place of several."""
        self._runs.append(run)
        for _ in range(min(len(self._runs) - 1, run.weight_bytes // self._most_each)):
            self._runs.popleft()

    def spans(self, trace_id: str | None = None) -> list[FinishedSpan]:
        """Return the spans of a trace and those that link to it; of all traces if `trace_id` is None."""
        found = [finished(span) for run in tuple(self._runs) for span in run.spans()]
        if trace_id is None:
            return found
        return [span for span in found if span.trace_id == trace_id or any(linked == trace_id for linked, _ in span.links)]


def finished(span: TracedSpan) -> FinishedSpan:
    """Return the span with its ids as text."""
    return FinishedSpan(
        trace_id=f"{span.ids.trace_id:032x}",
        span_id=f"{span.ids.span_id:016x}",
        parent_id=f"{span.parent_id:016x}" if span.parent_id else None,
        name=span.name,
        started_at=span.started_ns / 1e9,
        duration_s=(span.ended_ns - span.started_ns) / 1e9,
        failed=span.failed,
        attributes=span.attributes,
        events=tuple([(event.name, event.attributes) for event in span.events]),
        links=tuple([(f"{link.trace_id:032x}", f"{link.span_id:016x}") for link in span.links]),
    )
