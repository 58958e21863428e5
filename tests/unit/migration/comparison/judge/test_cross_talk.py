"""What control mixed in from other runs is told apart from what the candidate does otherwise."""

from typing import Any

import msgspec
import pytest

from migration.comparison import Accepted, Ledger
from migration.model import Event, Origin, Verdict
from tests.unit.migration.comparison.conftest import REQUEST

FOREIGN = {"reasoning": "for bob.ray@initech.example", "step_number": 9, "progress_percentage": 60}


def places(run: Any, *wanted: tuple[str, str, str]) -> list[tuple[int, str]]:
    """Return where the scan would say that control holds somebody else's data: kind, lane and path of each event."""
    return [(run.find(kind, lane), f"{kind}.{path}") for kind, lane, path in wanted]


@pytest.fixture
def control(run: Any, new_frame: Any) -> Any:
    """A run into whose stream one event of somebody else came."""
    mixed = run()
    mixed.frames.insert(mixed.find("agent_completed", "data"), new_frame("agent_said", "data", FOREIGN))
    return mixed


def test_an_event_of_somebody_else_in_controls_stream_is_no_divergence(control: Any, run: Any, compared: Any) -> None:
    assert compared(control, run(1)).verdict is Verdict.DIVERGENT
    assert compared(control, run(1), cross_talk=places(control, ("agent_said", "data", "payload.reasoning"))).divergences == ()


def test_an_own_event_that_the_candidate_drops_is_one_beside_it(control: Any, run: Any, compared: Any, new_frame: Any) -> None:
    control.frames.insert(control.find("agent_completed", "data"), new_frame("agent_said", "data", FOREIGN | {"reasoning": "mine"}))
    talk = places(control, ("agent_said", "data", "payload.reasoning"))

    (found,) = compared(control, run(1), cross_talk=talk).divergences

    assert (found.kind, found.occurrences, "mine" in (found.control or "")) == ("missing_event", 1, True)


def test_a_tool_call_of_somebody_else_goes_with_all_of_its_events(run: Any, compared: Any, new_frame: Any) -> None:
    control, lane = run(), "data/usage_summary#2"
    control.frames[-5:-5] = [
        new_frame("tool_executing", lane, {"tool_name": "usage_summary", "parameters": {"note": "of bob.ray@initech.example"}}),
        new_frame("tool_completed", lane, {"tool_name": "usage_summary", "result": "{}", "execution_time_ms": 1.0, "status": "success"}),
    ]

    talk = places(control, ("tool_executing", lane, "payload.parameters.note"))

    assert compared(control, run(1), cross_talk=talk).divergences == ()


def test_a_value_of_somebody_else_is_none_and_every_other_field_of_the_event_still_is(run: Any, compared: Any) -> None:
    control, candidate = run(), run(1)
    control.frame("agent_completed", "data").payload["result"]["final_answer"] = "for bob.ray@initech.example"
    candidate.frame("agent_completed", "data").payload["result"]["step_count"] = 7

    found = compared(control, candidate, cross_talk=places(control, ("agent_completed", "data", "payload.result.final_answer"))).divergences

    assert [one.path for one in found] == ["agent_completed.payload.result.step_count"]


def test_an_agent_of_whose_events_not_all_are_somebody_elses_stays_one(run: Any, compared: Any) -> None:
    control, candidate = run(), run(1)
    candidate.frames = [frame for frame in candidate.frames if frame.lane != "reporting"]
    talk = places(control, ("agent_thinking", "reporting", "payload.reasoning"))

    assert ("missing_event", "reporting") in {(one.kind, one.lane) for one in compared(control, candidate, cross_talk=talk).divergences}


def test_controls_cross_talk_never_hides_that_the_candidate_names_somebody_else(run: Any, compared: Any) -> None:
    control, candidate = run(), run(1)
    control.frame("agent_started", "data").payload["context"]["user_id"] = "bob"
    candidate.frame("agent_started", "data").payload["context"]["user_id"] = "cat"
    talk = places(control, ("agent_started", "data", "payload.context.user_id"))

    assert [one.kind for one in compared(control, candidate, cross_talk=talk).divergences] == ["isolation_breach"]


def test_a_candidate_that_names_its_own_user_where_control_names_another_is_right(run: Any, compared: Any) -> None:
    control, candidate = run(), run(1)
    control.frame("agent_started", "data").payload["context"]["user_id"] = "bob"
    candidate.frame("agent_started", "data").payload["context"]["user_id"] = "ann"
    talk = places(control, ("agent_started", "data", "payload.context.user_id"))

    assert compared(control, candidate, cross_talk=talk).divergences == ()


def shown_elsewhere(run: Any, *wanted: tuple[str, str], times: int = 1) -> tuple[Event, ...]:
    """Return these events of the run as they stand in control's stream of somebody else: in an envelope that names those."""
    other = msgspec.structs.replace(REQUEST, user_id="bob", run_id="run-of-bob")
    told = run(2)
    told.request = other
    events = told.record(Origin.CONTROL).events
    return tuple(events[told.find(kind, lane)] for kind, lane in wanted) * times


def test_an_event_that_control_showed_to_another_run_is_a_finding_about_control(run: Any, compared: Any) -> None:
    control = run()
    control.drop("agent_thinking", "data")

    found = compared(control, run(1), lost=shown_elsewhere(run, ("agent_thinking", "data")))

    assert compared(control, run(1)).verdict is Verdict.DIVERGENT
    assert [(one.kind, one.severity, one.verdict) for one in found.divergences] == [("control_cross_talk", "security", Verdict.NOISE)]
    assert found.verdict is Verdict.NOISE


def test_a_whole_call_that_control_showed_to_another_run_is_one_finding(run: Any, compared: Any) -> None:
    control, lane = run(), "data/usage_summary#1"
    control.drop("tool_executing", lane)
    control.drop("tool_completed", lane)
    lost = shown_elsewhere(run, ("tool_executing", lane), ("tool_completed", lane))

    assert [(one.kind, one.verdict) for one in compared(control, run(1), lost=lost).divergences] == [("control_cross_talk", Verdict.NOISE)]
    assert compared(control, run(1), lost=lost[:1]).verdict is Verdict.DIVERGENT


def test_what_turned_up_elsewhere_explains_no_event_that_says_something_else(run: Any, compared: Any) -> None:
    control, candidate = run(), run(1)
    control.drop("agent_thinking", "data")
    candidate.frame("agent_thinking", "data").payload["reasoning"] = "something else"

    assert compared(control, candidate, lost=shown_elsewhere(run, ("agent_thinking", "data"))).verdict is Verdict.DIVERGENT


def test_an_event_that_turned_up_elsewhere_once_explains_one_that_is_lacking_once(run: Any, compared: Any) -> None:
    control, candidate = run(), run(1)
    control.drop("agent_thinking", "data")
    again = candidate.find("agent_thinking", "data")
    candidate.frames.insert(again, candidate.frames[again])

    found = compared(control, candidate, lost=shown_elsewhere(run, ("agent_thinking", "data")))

    assert found.verdict is Verdict.DIVERGENT


def test_no_ledger_accepts_what_control_lost(run: Any, compared: Any) -> None:
    control = run()
    control.drop("agent_thinking", "data")
    lost = shown_elsewhere(run, ("agent_thinking", "data"))
    (found,) = compared(control, run(1), lost=lost).divergences
    ledger = Ledger([Accepted(id="a", reason="r", owner="o", permanent=True, fingerprint=found.fingerprint)])

    assert [one.verdict for one in compared(control, run(1), lost=lost, ledger=ledger).divergences] == [Verdict.NOISE]


def test_a_comparison_without_a_scan_says_so_and_one_with_a_scan_does_not(run: Any, compared: Any) -> None:
    assert [text.partition(":")[0] for text in compared(run(), run(1)).not_looked_at] == ["other people's data"]
    assert compared(run(), run(1), cross_talk=()).not_looked_at == ()
