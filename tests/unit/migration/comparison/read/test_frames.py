"""Frames are decoded on demand, once; one that cannot be read stands for its own bytes."""

import pytest

BROKEN = [b"", b"no json", b"[1]", b'{"type": "\xff"}', b'{"a":' * 2_000 + b"1" + b"}" * 2_000]


@pytest.mark.parametrize("bad", BROKEN, ids=["empty", "text", "no object", "no UTF-8", "too deep"])
def test_a_frame_that_cannot_be_read_stands_for_its_bytes_and_says_why(stream, bad):
    frames = stream([bad]).frames
    assert frames.normal(0).canonical == b"undecodable:" + bad
    assert frames.undecodable[0]


def test_two_frames_that_differ_in_what_is_masked_have_one_normal_form(stream, frame):
    frames = stream([frame(at=1.0, body={"took_ms": 1, "x": 2}), frame(at=2.0, body={"x": 2, "took_ms": 9})]).frames
    assert frames.normal(0).canonical == frames.normal(1).canonical


def test_a_frame_of_the_usual_shape_has_a_head_and_another_one_is_unusual(stream, frame):
    frames = stream([frame(), frame(more=1), b"{}"]).frames
    assert [frames.content(index) is None for index in range(3)] == [False, True, True]
    assert frames.unusual == {1, 2}


def test_what_was_read_is_kept(stream, frame):
    frames = stream([frame()]).frames
    assert frames.known(0) is None
    assert frames.read_fully(0) is frames.read_fully(0) is frames.known(0)
