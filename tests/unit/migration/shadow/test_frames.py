import contextlib
import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.shadow.frames import MAX_FRAME_BYTES, FrameAssembler, FrameError, FramePipe, frame

BODIES = st.lists(st.binary(max_size=50), max_size=6)


@given(bodies=BODIES, cut=st.integers(1, 20))
def test_frames_come_out_whole_however_they_are_cut(bodies: list[bytes], cut: int) -> None:
    stream = b"".join(map(frame, bodies))
    assembler = FrameAssembler()
    pieces = [stream[start : start + cut] for start in range(0, len(stream), cut)]
    assert [body for piece in pieces for body in assembler.feed(piece)] == bodies


def test_an_impossible_length_is_damage_and_no_memory_is_taken_for_it() -> None:
    head = (MAX_FRAME_BYTES + 1).to_bytes(4, "big")
    with pytest.raises(FrameError):
        list(FrameAssembler().feed(head))


@pytest.fixture
def pipe() -> Iterator[tuple[FramePipe, int]]:
    """The end that is read, and the one that is written."""
    reading, writing = os.pipe()
    with contextlib.closing(FramePipe(reading)) as frames:
        yield frames, writing
        with contextlib.suppress(OSError):
            os.close(writing)


def test_frames_that_are_there_come_together_up_to_so_many(pipe) -> None:
    frames, writing = pipe
    os.write(writing, b"".join(map(frame, [b"a", b"b", b"c"])) + frame(b"late")[:5])
    assert [frames.some(2), frames.some(2)] == [[b"a", b"b"], [b"c"]]
    os.write(writing, frame(b"late")[5:])
    assert frames.some(2) == [b"late"]


def test_a_pipe_that_is_closed_between_frames_gives_no_more(pipe) -> None:
    frames, writing = pipe
    os.write(writing, frame(b"a"))
    os.close(writing)
    assert [frames.some(9), frames.some(9)] == [[b"a"], []]


def test_a_pipe_that_is_closed_inside_a_frame_is_damaged(pipe) -> None:
    frames, writing = pipe
    os.write(writing, frame(b"abc")[:5])
    os.close(writing)
    with pytest.raises(FrameError, match="inside a frame"):
        frames.some(9)
