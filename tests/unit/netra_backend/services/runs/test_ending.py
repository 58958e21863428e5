"""How a run ended, told from its frames alone."""

import json

import pytest

from netra_backend.app.services.runs.ending import RunEnding


def frame(kind, agent="data", **payload):
    return json.dumps({"type": kind, "agent_name": agent, "payload": payload}).encode()


DONE = frame("agent_completed", status="completed")
FAILED = frame("agent_completed", status="failed")
DEATH = frame("agent_death", death_cause="timeout")


@pytest.mark.parametrize(
    ("frames", "outcome"),
    [
        ([], "completed"),
        ([DONE], "completed"),
        ([DONE, FAILED], "failed"),
        ([FAILED, DONE], "completed"),
        ([DEATH, FAILED], "timed_out"),
        ([frame("agent_death", death_cause="no_heartbeat"), FAILED], "failed"),
        ([frame("agent_death", "triage", death_cause="timeout"), FAILED], "failed"),
        ([DONE, frame("run_result", "", status="timed_out")], "timed_out"),
        ([FAILED, frame("run_result", "", status="completed")], "completed"),
        ([FAILED, frame("agent_thinking")], "completed"),
        ([FAILED, b"no frame"], "completed"),
    ],
)
def test_a_run_ended_as_its_last_frame_says(frames, outcome):
    ending = RunEnding()
    for each in frames:
        ending.see(each)
    assert ending.finished() == ending.outcome == outcome


def test_only_the_last_frame_that_ends_something_is_kept():
    ending = RunEnding()
    for each in (frame("agent_started"), FAILED, frame("agent_thinking"), DONE, b"no frame"):
        ending.see(each)
    assert ending.answers == [("agent_completed", DONE)]
