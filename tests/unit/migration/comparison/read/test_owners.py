"""Frames that name somebody else than the one whom the run was for."""

import pytest


@pytest.mark.parametrize("broken", [None, b"no json"], ids=["all of the usual shape", "one of another shape"])
def test_frames_that_name_another_tenant_are_found(stream, frame, broken):
    frames = [frame(), frame(tenant="other"), frame(), *([broken] if broken else [])]
    owners = stream(frames).owners
    owners.read(range(len(frames)))
    assert owners.foreign() == [1]


def test_a_frame_of_another_shape_is_looked_into_for_its_names(stream, frame):
    owners = stream([frame(more=1), frame(more=1, tenant="other")]).owners
    owners.read(range(2))
    assert owners.foreign() == [1]


def test_a_name_that_is_missing_is_not_somebody_elses(stream):
    owners = stream([b'{"type": "said", "payload": {}}']).owners
    owners.read([0])
    assert owners.foreign() == []


def test_what_another_stream_has_read_is_taken_over(stream, frame):
    frames = [frame(), frame(tenant="other"), b"no json"]
    control, candidate = stream(frames).owners, stream(frames).owners
    control.read(range(3))
    candidate.take_over([0, 1, 2], control, [0, 1, 2])
    assert (candidate.misnamed, candidate.frames.unusual) == (control.misnamed, control.frames.unusual) == ({1}, {2})


def test_the_fields_that_name_another_are_given_with_what_they_say(stream):
    assert stream([]).owners.foreign_fields({"tenant_id": "other", "user_id": "ann"}) == {"tenant_id": "other"}
