import os
import threading

import pytest

from migration.shadow.answers import AnswerWriter
from migration.shadow.frames import FrameAssembler


class StopError(BaseException):
    """What no `except Exception` catches."""


@pytest.fixture
def pipe():
    reading, writing = os.pipe()
    yield reading, writing
    for descriptor in (reading, writing):
        os.close(descriptor)


def test_frames_of_several_threads_are_whole(pipe):
    reading, writing = pipe
    answers, frames = AnswerWriter(writing), FrameAssembler()
    threads = [threading.Thread(target=lambda: [answers.say(b"x" * 3000) for _ in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    got = []
    while len(got) < 200:
        got += frames.feed(os.read(reading, 2**16))
    for thread in threads:
        thread.join()
    assert got == [b"x" * 3000] * 200


def test_after_a_frame_that_was_broken_off_none_follows(pipe, monkeypatch):
    reading, writing = pipe
    answers, write = AnswerWriter(writing), os.write

    def broken_off(descriptor, data):
        write(descriptor, data[:2])
        raise StopError

    monkeypatch.setattr(os, "write", broken_off)
    with pytest.raises(StopError):
        answers.say(b"a result")
    monkeypatch.undo()
    answers.lost("full", 3)
    assert len(os.read(reading, 2**16)) == 2


def test_without_a_parent_nobody_is_told_of_lost_spans():
    reading, writing = os.pipe()
    os.close(reading)
    AnswerWriter(writing).lost("full", 3)
    os.close(writing)
