"""What control breaks shows as a difference; what both break, or candidate alone, breaks the contract."""

from typing import Any

import pytest

from migration.comparison.compare import compare
from migration.model import Origin, Stage, Verdict


def _kept_defects(run: Any) -> None:
    """Events as the legacy chat engine sends them: twice started, twice completed, step numbers repeated, tools never completed."""
    for agent in ("triage", "data", "reporting"):
        at = run.find("agent_started", agent)
        run.frames.insert(at + 2, run.frames[at])
        at = run.find("agent_thinking", agent, 1)
        repeated = dict(run.frames[at].payload, reasoning="the same number again")
        run.frames.insert(at + 1, type(run.frames[at])("agent_thinking", agent, repeated))
        at = run.find("agent_completed", agent)
        done = run.frames[at].payload
        second = {**done, "user_prompt": "Where does our money go?", "final_answer": "x", "step_count": 2}
        run.frames.insert(at + 1, type(run.frames[at])("agent_completed", agent, second))
    run.frames = [frame for frame in run.frames if frame.kind != "tool_completed"]


def test_every_kept_defect_of_the_legacy_stream_is_named_by_its_kind(run: Any, compared: Any) -> None:
    control = run()
    _kept_defects(control)

    comparison = compared(control, run(1))

    assert [(found.kind, found.path) for found in comparison.divergences] == [
        ("duplicate_event", "agent_started"),
        ("missing_event", "agent_thinking"),
        ("duplicate_event", "agent_completed"),
        ("extra_event", "tool_completed"),
    ]
    assert {clause for found in comparison.divergences for clause in found.follows if " of data" in clause} == {
        "duplicate_event agent_started of data",
        "missing_event agent_thinking of data",
        "duplicate_event agent_completed of data",
        "extra_event tool_completed of data/price_lookup#1, 2 times",
    }


def test_a_rule_that_both_break_is_a_contract_violation(run: Any, compared: Any) -> None:
    control, candidate = run(), run(1)
    _kept_defects(control)
    _kept_defects(candidate)

    comparison = compared(control, candidate)

    assert comparison.verdict is Verdict.DIVERGENT
    assert {(found.kind, found.severity) for found in comparison.divergences} == {("contract_violation", "contract")}
    rules = {str(found.sentence).partition(": ")[2] for found in comparison.divergences}
    assert rules == {
        "`agent_started` must come exactly once, but came more than once.",
        "`agent_completed` must come exactly once, but came more than once.",
        "`agent_thinking.payload.step_number` must rise from one to the next.",
        "each `tool_executing` must be closed by its `tool_completed`.",
    }


def test_a_rule_that_an_engine_always_breaks_is_nothing_new_beside_itself(run: Any) -> None:
    """Otherwise it would count as noise of that engine, and explain what the other one does."""
    records = []
    for variant in (0, 1):
        broken = run(variant)
        broken.drop("agent_thinking", "reporting", 1)
        broken.drop("agent_thinking", "reporting")
        records.append(broken.record(Origin.CONTROL))

    comparison = compare(*records, stage=Stage.SHADOW, serving=Origin.CONTROL)

    assert (comparison.verdict, comparison.divergences) == (Verdict.MATCH, ())


@pytest.mark.parametrize("agent", ["triage", "data"])
def test_an_order_that_both_break_is_a_contract_violation(agent: str, run: Any, compared: Any) -> None:
    control, candidate = run(), run(1)
    for one in (control, candidate):
        one.move("agent_started", agent, to=one.find("agent_completed", agent) - 1)

    (found,) = compared(control, candidate).divergences

    assert (found.kind, found.lane) == ("contract_violation", agent)


def test_an_error_after_the_end_is_out_of_order(run: Any, compared: Any, new_frame: Any) -> None:
    control, candidate = run(), run(1)
    for one in (control, candidate):
        one.frames.insert(one.find("agent_completed", "data") + 1, new_frame("agent_error", "data", {"error_type": "ToolError"}))

    rules = {str(found.sentence).partition(": ")[2] for found in compared(control, candidate).divergences}

    assert rules == {"`agent_error` must come before `agent_completed`.", "`agent_completed` must come after everything else of its agent."}


def test_events_of_the_run_itself_have_no_contract(run: Any, compared: Any, new_frame: Any) -> None:
    control, candidate = run(), run(1)
    for one in (control, candidate):
        one.frames.append(new_frame("run_closed", "", {}))

    assert compared(control, candidate).verdict is Verdict.MATCH


def test_a_leak_on_controls_side_is_found_too(run: Any, compared: Any) -> None:
    control = run()
    control.frame("agent_thinking", "data").envelope.update(tenant_id="globex", user_id="bob")

    (found,) = compared(control, run(1)).divergences

    assert (found.kind, found.control, found.candidate) == ("isolation_breach", '"globex"', None)


def test_a_leak_on_both_sides_is_found_although_the_streams_are_equal(run: Any, compared: Any) -> None:
    control, candidate = run(), run(1)
    for one in (control, candidate):
        one.frame("agent_thinking", "data").envelope["user_id"] = "bob"

    assert {found.kind for found in compared(control, candidate).divergences} == {"isolation_breach"}


def test_an_extra_event_of_another_user_is_a_breach_and_nothing_else(run: Any, compared: Any, new_frame: Any) -> None:
    candidate = run(1)
    foreign = new_frame(
        "agent_thinking", "data", {"reasoning": "not yours", "step_number": 3, "progress_percentage": 1}, {"user_id": "bob"}
    )
    candidate.frames.insert(candidate.find("agent_completed", "data"), foreign)

    assert [found.kind for found in compared(run(), candidate).divergences] == ["isolation_breach"]


def test_another_user_named_inside_a_payload_is_a_breach(run: Any, compared: Any) -> None:
    control, candidate = run(), run(1)
    control.frame("agent_started", "data").payload["context"]["user_id"] = "ann"
    candidate.frame("agent_started", "data").payload["context"]["user_id"] = "bob"

    (found,) = compared(control, candidate).divergences

    assert (found.kind, found.severity) == ("isolation_breach", "security")


def test_a_frame_that_lacks_an_identity_field_differs(changed: Any) -> None:
    def lose(run: Any) -> None:
        whole = run.record("candidate").events[0].payload
        run.frames[0].raw = whole.replace(b'"tenant_id":"acme",', b"")

    (found,) = changed(lose).divergences

    assert (found.kind, found.severity, found.path) == ("payload", "contract", "agent_started.tenant_id")
