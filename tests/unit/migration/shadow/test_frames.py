import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.shadow.frames import MAX_FRAME_BYTES, FrameAssembler, FrameError, frame, read_frame

BODIES = st.lists(st.binary(max_size=50), max_size=6)


@given(bodies=BODIES, cut=st.integers(1, 20))
def test_frames_come_out_whole_however_they_are_cut(bodies: list[bytes], cut: int) -> None:
    stream = b"".join(map(frame, bodies))
    assembler = FrameAssembler()
    pieces = [stream[start : start + cut] for start in range(0, len(stream), cut)]
    assert [body for piece in pieces for body in assembler.feed(piece)] == bodies


@given(bodies=BODIES)
def test_a_blocking_reader_gets_every_frame_and_then_none(bodies: list[bytes]) -> None:
    stream = io.BytesIO(b"".join(map(frame, bodies)))
    assert [read_frame(stream) for _ in range(len(bodies) + 1)] == [*bodies, None]


@pytest.mark.parametrize("cut", [1, 3, 5, 8])
def test_a_stream_that_ends_inside_a_frame_is_damaged(cut: int) -> None:
    with pytest.raises(FrameError):
        read_frame(io.BytesIO(frame(b"12345")[:cut]))


def test_an_impossible_length_is_damage_and_no_memory_is_taken_for_it() -> None:
    head = (MAX_FRAME_BYTES + 1).to_bytes(4, "big")
    with pytest.raises(FrameError):
        read_frame(io.BytesIO(head))
    with pytest.raises(FrameError):
        list(FrameAssembler().feed(head))
