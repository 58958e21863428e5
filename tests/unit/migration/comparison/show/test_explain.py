"""What a policy overlooks in many runs is counted by rule and field, and a rule that overlooks nothing is listed too."""

from typing import Any

from migration.comparison import Explanation, default_policy
from migration.model import Origin


def test_what_each_rule_touched_is_counted_by_field_over_all_runs(run: Any) -> None:
    told = Explanation(default_policy("chat"))
    for variant in range(3):
        told.add(run(variant).record(Origin.CONTROL))
    rules = {rule.rule: rule for rule in told.rules()}
    assert rules["durations"].fields == {
        "agent_completed: payload.result.duration_ms": 9,
        "tool_completed: payload.execution_time_ms": 9,
    }
    assert rules["durations"].action == "mask"


def test_rules_come_in_the_order_of_the_policy_and_those_that_touched_nothing_too(run: Any) -> None:
    policy = default_policy("chat")
    told = Explanation(policy)
    told.add(run().record(Origin.CONTROL))
    assert [rule.rule for rule in told.rules()] == [rule.id for rule in policy.rules]
    assert {rule.rule: rule.fields for rule in told.rules()}["support-codes"] == {}


def test_items_of_a_list_are_one_field(run: Any) -> None:
    chosen = run()
    chosen.frame("agent_completed", "data").payload["calls"] = [{"call_id": "c1"}, {"call_id": "c2"}]
    told = Explanation(default_policy("chat"))
    told.add(chosen.record(Origin.CONTROL))
    assert {rule.rule: rule.fields for rule in told.rules()}["call-ids"] == {"agent_completed: payload.calls[].call_id": 2}
