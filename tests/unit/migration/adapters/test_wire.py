"""Server-sent events are cut where they end, whatever the network did to them, and come back as they were."""

import json

import pytest

from migration.adapters.wire import FrameSplitter, event_bytes, taken_apart

EVENTS = [
    b'data: {"a":1}\n\n',
    b'event: said\ndata: {"type":"said"}\n\n',
    b'event: other\ndata: {"type":"said"}\n\n',
    b": still there\n\n",
    b"data: [DONE]\r\n\r\n",
    b'id: 7\ndata: {"a":1}\n\n',
    "data: wörld\n\n".encode(),
    b'data: {"a":\ndata: 1}\n\n',
    b'data: {"type":"said"}\n\n',
    b"data: {broken}\n\n",
]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_events_are_cut_alike_in_chunks_of_any_size(size):
    body, frames, found = b"".join(EVENTS) + b"data: rest", FrameSplitter(), []
    for start in range(0, len(body), size):
        found += frames.feed(body[start : start + size])
    found += frames.end()
    assert [event for event, _ in found] == [*EVENTS, b"data: rest"]


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_comes_back_as_it_was(event):
    ((_, piece),) = FrameSplitter().feed(event)
    assert event_bytes(piece) == event


def test_the_record_of_an_event_is_the_object_that_it_holds_or_its_text():
    pieces = [json.loads(piece) for _, piece in FrameSplitter().feed(b"".join(EVENTS[:3]))]
    assert pieces == [{"a": 1}, {"type": "said"}, EVENTS[2].decode()]


def test_a_completion_that_was_recorded_whole_is_taken_apart_with_its_usage():
    reply = json.dumps({"message": {"role": "assistant", "content": "Hi"}, "usage": {"total_tokens": 1}}).encode()
    _head, said, ends, usage, done = map(json.loads, taken_apart(reply))
    assert (said["choices"][0]["delta"]["content"], ends["choices"][0]["finish_reason"]) == ("Hi", "stop")
    assert (usage["usage"], done) == ({"total_tokens": 1}, "data: [DONE]\n\n")
