"""What each change of a stream is called: by kind, by place, and what belongs together is one finding."""

import pytest


def found(comparison):
    return [(item.kind, item.path) for item in comparison.divergences]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda run: run.drop("agent_thinking", "data"), ("missing_event", "agent_thinking")),
        (lambda run: run.frames.insert(3, run.frames[1]), ("duplicate_event", "agent_thinking")),
        (lambda run: run.frame("agent_thinking", "data").payload.update(reasoning="else"), ("payload", "agent_thinking.payload.reasoning")),
        (lambda run: run.frame("agent_thinking", "data").payload.update(more=1), ("payload", "agent_thinking.payload.more")),
        (lambda run: run.drop("tool_completed", "data/usage_summary#1"), ("missing_event", "tool_completed")),
    ],
    ids=["missing", "twice", "value", "key", "end of a call"],
)
def test_one_change_is_one_finding_of_its_kind(changed, change, expected):
    assert found(changed(change)) == [expected]


def test_a_lane_that_candidate_lacks_is_one_finding_and_not_one_for_each_event(changed):
    def without_a_call(run):
        run.frames = [frame for frame in run.frames if frame.lane != "data/usage_summary#1"]

    assert [item for item in found(changed(without_a_call)) if item[0] == "missing_event"] == [("missing_event", "*")]


def test_a_frame_of_another_tenant_is_one_breach_and_no_difference(changed):
    comparison = changed(lambda run: run.frame("agent_thinking", "data").envelope.update(tenant_id="globex", user_id="bob"))
    assert found(comparison)[0] == ("isolation_breach", "agent_thinking.tenant_id")
    assert [kind for kind, _ in found(comparison)].count("isolation_breach") == 1


def test_an_identity_field_deeper_in_a_frame_that_names_another_is_a_breach(changed):
    comparison = changed(lambda run: run.frame("agent_started", "data").payload["context"].update(tenant_id="globex"))
    assert found(comparison) == [("isolation_breach", "agent_started.payload.context.tenant_id")]


def test_a_run_that_ends_differently_says_so_once_and_not_what_follows_from_it(changed):
    def fail(run):
        result = run.frame("agent_completed", "reporting").payload["result"]
        result.update(success=False, error="out of budget", final_answer="")

    assert [kind for kind, _ in found(changed(fail))].count("terminal_state") == 1


def test_a_rule_is_explained_by_the_difference_that_breaks_it(changed):
    comparison = changed(lambda run: run.drop("agent_started", "data"))
    assert [kind for kind, _ in found(comparison)] == ["missing_event"]
