"""The one reading: what LaunchDarkly's client says for a tenant, and how stage and kill switch come to a plan."""

import threading

import pytest

from migration.flags.meaning.contexts import Tenant
from migration.flags.meaning.data import FlagData
from migration.flags.meaning.evaluation import FlagEvaluator
from migration.model import Stage
from migration.stages import PLANS
from tests.unit.migration.flags.making import at, clause, kill_switch, rule, sampling, surface_flag, switch

ACME = Tenant(tenant_id="acme")


@pytest.fixture
def over():
    opened = []

    def over(*flags, segments=()):
        data = FlagData(flags={flag["key"]: flag for flag in flags}, segments={segment["key"]: segment for segment in segments})
        opened.append(FlagEvaluator.of(data))
        return opened[-1]

    yield over
    for evaluator in opened:
        evaluator.close()


def test_a_rule_on_an_attribute_decides_between_tenants(over):
    evaluator = over(surface_flag(rules=[rule({"variation": 3}, clause("plan", "in", "pro"))]))
    tenants = [Tenant(tenant_id="acme", attributes={"plan": plan}) for plan in ("pro", "free")]
    answers = [evaluator.stage("chat", tenant) for tenant in tenants]
    assert [(answer.stage, answer.reason["kind"]) for answer in answers] == [(Stage.LIVE, "RULE_MATCH"), (Stage.OFF, "FALLTHROUGH")]


def test_attributes_may_be_lists_and_objects_and_cannot_take_the_place_of_the_tenants_key(over):
    evaluator = over(surface_flag(rules=[rule({"variation": 3}, clause("/address/city", "in", "Bonn"), clause("teams", "in", "a"))]))
    attributes = {"address": {"city": "Bonn"}, "teams": ["b", "a"], "key": "globex", "kind": "user"}
    assert evaluator.stage("chat", Tenant(tenant_id="acme", attributes=attributes)).stage is Stage.LIVE


@pytest.mark.parametrize(
    ("flag", "reason"),
    [
        (at("live", deleted=True), {"kind": "ERROR", "errorKind": "FLAG_NOT_FOUND"}),
        (at("live", on=False, offVariation=None), {"kind": "OFF"}),
        (surface_flag(fallthrough={"variation": 9}), {"kind": "ERROR", "errorKind": "MALFORMED_FLAG"}),
        (surface_flag(variations=[True, False]), {"kind": "ERROR", "errorKind": "WRONG_TYPE"}),
    ],
)
def test_without_a_stage_the_answer_is_none_with_the_reason_of_the_sdk(over, flag, reason):
    answer = over(flag).stage("chat", ACME)
    assert (answer.stage, answer.variation_index, dict(answer.reason)) == (None, None, reason)


@pytest.mark.parametrize("stage", list(Stage))
@pytest.mark.parametrize("switch", [kill_switch(on=True), kill_switch(on=False, surfaces={"chat": True})])
def test_the_kill_switch_wins_over_every_stage_but_complete(over, stage, switch):
    plan = over(at(stage.value), switch).plan("chat", ACME)
    killed = {Stage.OFF: Stage.OFF, Stage.COMPLETE: Stage.COMPLETE}.get(stage, Stage.DUALWRITE)
    assert plan is PLANS[killed]


@pytest.mark.parametrize("stage", list(Stage))
def test_the_emergency_switch_does_what_the_kill_switch_does(over, stage):
    evaluator = over(at(stage.value), kill_switch(on=False))
    killed = over(at(stage.value), kill_switch(on=True)).plan("chat", ACME)
    assert (evaluator.plan("chat", ACME, emergency=True), evaluator.plan("chat", ACME)) == (killed, PLANS[stage])


@pytest.mark.parametrize(
    "switch",
    [
        kill_switch(on=True, deleted=True),
        kill_switch(on=False),
        kill_switch(on=False, surfaces={"tools": True}),
        kill_switch(on=True, on_=1),
    ],
)
def test_the_kill_switch_is_on_only_where_the_sdk_says_true(over, switch):
    switch = {**switch, "fallthrough": {"variation": 0}} if "on_" in switch else switch
    assert (over(at("live"), switch).killed("chat", ACME), over(at("live")).killed("chat", ACME)) == (False, False)


@pytest.mark.parametrize("value", ["ten %", True, None, -1, 100.5, [], {"a": 1}, float("nan")])
def test_a_sampling_value_that_is_no_percentage_means_all_and_is_complained_about_and_moves_nobody(over, value):
    target = [{"contextKind": "surface", "variation": 1, "values": ["chat"]}]
    evaluator = over(at("complete"), {**sampling(value), "fallthrough": {"variation": 0}, "contextTargets": target})
    evaluation = evaluator.evaluate("chat", ACME)
    assert (evaluation.stage, evaluation.plan, evaluation.percent) == (Stage.COMPLETE, PLANS[Stage.COMPLETE], 100.0)
    # The SDK gives its default for null, without an error.
    assert value is None or "shadow-sampling" in (evaluation.complaint or "")


@pytest.mark.parametrize(("value", "percent"), [(0, 0.0), (12.5, 12.5), (100, 100.0)])
def test_the_sampling_is_what_the_flag_says(over, value, percent):
    evaluation = over(at("shadow"), sampling(value)).evaluate("chat", ACME)
    assert (evaluation.percent, evaluation.complaint) == (percent, None)


def test_variation_wins_over_rollout_as_in_the_sdk(over):
    both = {"variation": 0, "rollout": {"contextKind": "tenant", "variations": [{"variation": 5, "weight": 100_000}]}}
    assert over(surface_flag(fallthrough=both)).stage("chat", ACME).stage is Stage.OFF


def test_flags_of_which_nobody_gets_anything_are_at_fault_and_no_others(over):
    mixed = {"rollout": {"contextKind": "tenant", "variations": [{"variation": 9, "weight": 50_000}, {"variation": 3, "weight": 50_000}]}}
    evaluator = over(
        surface_flag("chat", fallthrough={"variation": 9}),
        surface_flag("batch", variations=["of", "on"]),
        surface_flag("tools", fallthrough=mixed),
        surface_flag("oneshot", on=False, offVariation=None),
        {**kill_switch(on=True), "variations": ["no", "yes"]},
    )
    surfaces = ("chat", "batch", "tools", "oneshot", "missing")
    assert evaluator.faults(surfaces) == {
        "execution-engine-chat": "MALFORMED_FLAG",
        "execution-engine-batch": "WRONG_TYPE",
        "execution-engine-kill-switch": "WRONG_TYPE",
    }


def test_an_evaluator_of_its_own_leaves_no_thread_behind():
    before = set(threading.enumerate())
    with FlagEvaluator.of(FlagData(flags={"execution-engine-chat": at("live")})) as evaluator:
        evaluator.plan("chat", ACME)
        assert set(threading.enumerate()) == before


@pytest.mark.parametrize("stage", list(Stage))
def test_a_run_fails_over_only_where_the_flag_says_so_and_both_run_stores_are_written_by_candidate(over, stage):
    on = over(at(stage.value), switch("candidate-failover", [False, True], 1)).evaluate("chat", ACME)
    default = over(at(stage.value)).evaluate("chat", ACME)
    assert (on.fails_over, default.fails_over) == (stage in {Stage.LIVE, Stage.RAMPDOWN}, False)


def test_a_failover_flag_that_is_no_boolean_is_off_and_complained_about(over):
    found = over(at("live"), switch("candidate-failover", ["yes", "no"], 0)).evaluate("chat", ACME)
    assert not found.fails_over
    assert found.complaint.startswith("candidate-failover: gives a value that is not true or false")
