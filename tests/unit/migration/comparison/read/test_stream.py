"""A stream put together, and the forms in which two of its frames are described."""

from migration.comparison.read.stream import forms
from migration.model import Origin


def test_a_stream_knows_its_lanes_in_the_order_of_their_beginning(stream, frame):
    assert stream([frame()] * 3, lanes=["b", "a", "b"]).lanes == {"b": [0, 2], "a": [1]}


def test_frames_that_differ_in_their_body_alone_are_described_from_there(stream, frame):
    control, candidate = stream([frame(body={"x": 1})]), stream([frame(body={"x": 2})], Origin.CANDIDATE)
    one, other, path = forms(control, candidate, 0, 0)
    assert (one.value, other.value, path) == ({"x": 1}, {"x": 2}, ("payload",))


def test_frames_that_differ_around_it_are_described_from_the_root(stream, frame):
    control, candidate = stream([frame("said")]), stream([frame("thought")], Origin.CANDIDATE)
    one, other, path = forms(control, candidate, 0, 0)
    assert (one.value["type"], other.value["type"], path) == ("said", "thought", ())


def test_a_frame_of_another_shape_is_described_from_the_root(stream, frame):
    control, candidate = stream([frame(more=1)]), stream([frame()], Origin.CANDIDATE)
    assert forms(control, candidate, 0, 0)[2] == ()
