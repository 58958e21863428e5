"""The traces in memory: the last ones, bounded by number and by bytes."""

from collections.abc import Iterator

from migration.telemetry.ring import SpanRing
from migration.telemetry.traced import Ids, TracedSpan


class Trace:
    size = 1

    def __init__(self, number: int, weight_bytes: int = 0, links: tuple[Ids, ...] = ()) -> None:
        self.weight_bytes, self._ids, self._links = weight_bytes, Ids(number, number), links

    def spans(self) -> Iterator[TracedSpan]:
        times = {"started_ns": 0, "ended_ns": 10**9}
        yield TracedSpan(name="x", ids=self._ids, parent_id=0, shared={}, own={}, links=self._links, **times)


def kept(ring: SpanRing) -> list[int]:
    return [int(span.trace_id, 16) for span in ring.spans()]


def test_the_ring_keeps_the_newest_traces_only():
    ring = SpanRing(runs=3)
    for number in range(1, 6):
        ring.keep(Trace(number))
    assert kept(ring) == [3, 4, 5]


def test_a_large_trace_takes_the_place_of_several():
    ring = SpanRing(runs=4)
    for number in range(1, 5):
        ring.keep(Trace(number))
    ring.keep(Trace(5, weight_bytes=4 * 2**20))
    assert kept(ring) == [4, 5]


def test_a_trace_is_found_with_those_that_link_to_it():
    ring = SpanRing()
    for trace in (Trace(1), Trace(2, links=(Ids(1, 1),)), Trace(3)):
        ring.keep(trace)
    assert [int(span.trace_id, 16) for span in ring.spans(f"{1:032x}")] == [1, 2]
