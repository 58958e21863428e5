"""Decisions on LaunchDarkly's real client: invariants 3, 4 and 5."""

import json
from dataclasses import FrozenInstanceError

import pytest
from ldclient import Context
from ldclient.migrations import Stage as LaunchDarklyStage
from msgspec.structs import replace
from prometheus_client import generate_latest

from migration.flags.meaning.contexts import Tenant
from migration.model import Origin, Stage
from migration.stages import PLANS
from tests.unit.migration.flags.making import at, clause, kill_switch, rollout, rule, sampling, surface_flag, switch

CHAT = "execution-engine-chat"
BY_PLAN = surface_flag(rules=[rule({"variation": 3}, clause("plan", "in", "pro")), rule({"variation": 2}, clause("plan", "in", True))])


@pytest.mark.parametrize("stage", list(Stage))
def test_the_plan_is_that_of_the_stage_of_the_flag(start, source, ask, stage):
    source.put(at(stage.value))
    decision = start().decide(ask())
    assert (decision.plan, decision.reason, decision.flag_key) == (PLANS[stage], "flag", CHAT)


def test_surfaces_have_flags_of_their_own(start, source, ask):
    source.put(at("live"))
    assert start().decide(ask(surface="batch")).plan.stage is Stage.OFF


def test_a_flag_change_moves_the_next_run_and_not_the_decision_already_made(start, source, ask):
    source.put(at("shadow"))
    flags = start()
    pinned = flags.decide(ask())
    source.put(at("live"))
    assert (pinned.plan.stage, flags.decide(ask()).plan.stage) == (Stage.SHADOW, Stage.LIVE)


def test_failover_is_pinned_with_the_plan_and_moves_the_next_run(start, source, ask):
    source.put(at("live"), switch("candidate-failover", [False, True], 1))
    flags = start()
    pinned = flags.decide(ask())
    source.put(at("live"), switch("candidate-failover", [False, True], 0))
    assert (pinned.fails_over, flags.decide(ask()).fails_over) == (True, False)


def test_a_decision_cannot_be_changed(start, source, ask):
    source.put(at("shadow"))
    decision = start().decide(ask())
    with pytest.raises(FrozenInstanceError):
        decision.plan = PLANS[Stage.LIVE]


def test_a_change_of_a_segment_or_prerequisite_moves_the_next_run_too(start, source, ask):
    beta = {"key": "beta", "version": 1, "included": [], "rules": [{"clauses": [clause("key", "in", "acme")]}]}
    allowed = switch("allowed", [False, True], 1)
    needs = [{"key": "allowed", "variation": 1}]
    source.put(
        surface_flag(rules=[rule({"variation": 3}, clause("", "segmentMatch", "beta"))], prerequisites=needs), allowed, segments=[beta]
    )
    flags = start()
    stages = [flags.decide(ask()).plan.stage]
    source.put(segments=[{**beta, "rules": []}])
    stages.append(flags.decide(ask()).plan.stage)
    source.put({**allowed, "on": False}, segments=[beta])
    stages.append(flags.decide(ask()).plan.stage)
    assert stages == [Stage.LIVE, Stage.OFF, Stage.OFF]


# Attributes


@pytest.mark.parametrize("first", [b'{"plan":"pro"}', b'{"plan":"free"}', b'{"plan":true}', b'{"plan":1}', b""])
@pytest.mark.parametrize("second", [b'{"plan":"pro"}', b'{"plan":"free"}', b'{"plan":true}', b'{"plan":1}', b""])
def test_two_requests_with_other_attributes_are_never_mixed_up(start, source, ask, first, second):
    source.put(BY_PLAN)
    flags = start()
    expected = {b'{"plan":"pro"}': Stage.LIVE, b'{"plan":true}': Stage.SHADOW}
    for attributes in (first, second, first):
        assert flags.decide(ask(attributes=attributes)).plan.stage is expected.get(attributes, Stage.OFF)


def test_attributes_of_the_file_decide_and_a_change_of_the_file_counts(start, source, ask, settings, tmp_path):
    file = tmp_path / "tenants.json"
    file.write_text(json.dumps({"acme": {"plan": "pro"}, "globex": {"plan": "free"}}))
    source.put(BY_PLAN)
    flags = start(settings=replace(settings, tenant_attributes_file=file, flags_poll_s=3600))
    before = [flags.decide(ask(tenant)).plan.stage for tenant in ("acme", "globex", "other")]
    file.write_text(json.dumps({"acme": {"plan": "free"}, "globex": {"plan": "pro"}}))
    flags.attributes._follower.look()
    after = [flags.decide(ask(tenant)).plan.stage for tenant in ("acme", "globex", "other")]
    assert (before, after) == ([Stage.LIVE, Stage.OFF, Stage.OFF], [Stage.OFF, Stage.LIVE, Stage.OFF])


def test_what_the_callable_says_counts_each_time(start, source, ask, settings, monkeypatch):
    plans = {"acme": {"plan": "pro"}}
    monkeypatch.setattr("tests.unit.migration.flags.making.PLANS_OF_TENANTS", plans)
    source.put(BY_PLAN)
    flags = start(settings=replace(settings, tenant_attributes_from="tests.unit.migration.flags.making:attributes_of"))
    before = [flags.decide(ask(tenant)).plan.stage for tenant in ("acme", "other")]
    plans["acme"] = {"plan": "free"}
    assert (before, flags.decide(ask()).plan.stage) == ([Stage.LIVE, Stage.OFF], Stage.OFF)


def test_what_comes_with_the_request_counts_more_than_the_file(start, source, ask, settings, tmp_path):
    file = tmp_path / "tenants.json"
    file.write_text(json.dumps({"acme": {"plan": "free", "region": "eu"}}))
    source.put(surface_flag(rules=[rule({"variation": 3}, clause("plan", "in", "pro"), clause("region", "in", "eu"))]))
    flags = start(settings=replace(settings, tenant_attributes_file=file))
    assert flags.decide(ask(attributes=b'{"plan":"pro"}')).plan.stage is Stage.LIVE


def test_endless_values_of_attributes_neither_fill_the_memory_nor_change_an_answer(start, source, ask, monkeypatch):
    monkeypatch.setattr("migration.flags.serving._CACHE_LIMIT", 50)
    source.put(surface_flag(rules=[rule({"variation": 3}, clause("number", "lessThan", 100))]))
    flags = start()
    for number in range(200):
        stage = flags.decide(ask(attributes=json.dumps({"number": number, "x": "y" * (number * 20)}).encode())).plan.stage
        assert stage is (Stage.LIVE if number < 100 else Stage.OFF)
        assert len(flags._answers) <= 50
        assert all(len(key[2]) <= 1024 for key in flags._answers)


# What holds when the source is bad


def test_the_last_known_plan_holds_while_the_source_cannot_be_read(start, source, ask):
    source.put(at("live"))
    flags = start()
    source.down()
    decision = flags.decide(ask("never-seen-before"))
    assert (decision.plan.stage, decision.reason, flags.status().up) == (Stage.LIVE, "last_known", False)


def test_a_bad_sampling_value_moves_nobody_and_is_named(start, source, ask):
    target = [{"contextKind": "surface", "variation": 2, "values": ["chat"]}]
    source.put(at("complete"), at("shadow", "batch"), {**switch("shadow-sampling", [0, 100, "ten %"], 1), "contextTargets": target})
    flags = start()
    stages = [flags.decide(ask(f"tenant-{number}")).plan.stage for number in range(50)]
    assert (set(stages), flags.status().up, "shadow-sampling" in flags.status().error) == ({Stage.COMPLETE}, True, True)
    source.put(sampling(10))
    flags.decide(ask())
    assert flags.status().error is None


def test_a_tenant_that_a_flag_leads_nowhere_keeps_its_last_known_plan(start, source, ask):
    half = {"rollout": {"contextKind": "tenant", "variations": [{"variation": 0, "weight": 0}, {"variation": 5, "weight": 100_000}]}}
    source.put(surface_flag(fallthrough=half))
    flags = start()
    flags.decide(ask())
    source.put(
        surface_flag(
            fallthrough={"variation": 5}, version=2, contextTargets=[{"contextKind": "tenant", "variation": 9, "values": ["acme"]}]
        )
    )
    assert (flags.decide(ask()).plan.stage, flags.decide(ask("other")).plan.stage) == (Stage.COMPLETE, Stage.COMPLETE)
    assert "finds no stage in it for some tenants (MALFORMED_FLAG)" in flags.status().error


def test_a_failing_client_leaves_the_last_known_plan(start, source, ask, metrics):
    source.put(at("live"))
    flags = start()
    flags.decide(ask())
    source.put(at("rampdown"))
    flags._client.migration_variation = lambda *_: 1 / 0
    assert flags.decide(ask()).plan.stage is Stage.LIVE
    assert metrics.registry.get_sample_value("migration_failures_total", {"operation": "flags.evaluate"}) == 1


def test_a_request_without_a_tenant_is_at_off(start, source, ask):
    source.put(at("live"))
    assert start().decide(ask(tenant="")).plan.stage is Stage.OFF


def test_a_context_without_the_tenant_kind_gets_off(start, source):
    source.put(surface_flag(fallthrough=rollout(shadow=60, live=40)))
    stage, _ = start()._client.migration_variation(CHAT, Context.create("acme", "user"), LaunchDarklyStage.SHADOW)
    assert stage is LaunchDarklyStage.OFF


# Readiness


def test_nothing_may_be_served_before_flags_were_read(start, source, ask):
    flags = start()
    before = (flags.ready, flags.unready("chat"), flags.decide(ask()).reason)
    source.put(at("complete"))
    assert before == (False, "the flag execution-engine-chat was not read yet; see `netra-migration status`", "default_off")
    assert (flags.ready, flags.decide(ask()).plan.stage) == (True, Stage.COMPLETE)


def test_the_setting_lets_everybody_start_at_off_and_it_is_said(start, settings, ask, caplog):
    flags = start(settings=replace(settings, start_without_flags="off"))
    assert (flags.ready, flags.decide(ask()).plan.stage) == (True, Stage.OFF)
    assert "all tenants are at `off` until" in caplog.text
    assert "attempted before client has initialized!" not in caplog.text
    assert "all tenants are at `off` until" in flags.status().error


def test_a_restart_without_the_source_serves_what_the_process_before_knew(start, source, ask, metrics):
    source.put(at("complete"))
    start().close()
    restarted = type(source)()
    flags = start(source=restarted)
    decision, status = flags.decide(ask()), flags.status()
    assert (flags.ready, decision.plan.stage, decision.reason) == (True, Stage.COMPLETE, "last_known")
    assert (status.from_snapshot, status.up) == (True, False)


def test_a_surface_whose_flag_was_never_good_is_not_served_and_the_others_are(start, source):
    source.put({**at("complete"), "on": "yes"}, at("live", "batch"))
    flags = start()
    assert (flags.ready, flags.unready("chat") is None, flags.unready("batch")) == (False, False, None)


def test_nothing_may_be_served_before_the_attribute_file_was_read(start, source, settings, tmp_path, ask):
    file = tmp_path / "tenants.json"
    source.put(surface_flag(rules=[rule({"variation": 5}, clause("plan", "in", "pro"))]))
    flags = start(settings=replace(settings, tenant_attributes_file=file, flags_poll_s=3600))
    before = flags.unready("chat")
    file.write_text(json.dumps({"acme": {"plan": "pro"}}))
    flags.attributes._follower.look()
    assert ("the attributes of tenants are not known" in before, flags.ready) == (True, True)
    assert flags.decide(ask()).plan.stage is Stage.COMPLETE


# The kill switch


@pytest.mark.parametrize("turned", [kill_switch(on=True), kill_switch(on=False, surfaces={"chat": True})])
@pytest.mark.parametrize("stage", [stage for stage in Stage if stage is not Stage.COMPLETE])
def test_the_kill_switch_sends_every_stage_before_complete_to_control_without_a_shadow(start, source, ask, *, stage, turned):
    source.put(at(stage.value))
    flags = start()
    flags.decide(ask())
    source.put(turned)
    decision = flags.decide(ask())
    assert (decision.plan.serves, decision.plan.shadows, decision.reason) == (Origin.CONTROL, None, "kill_switch")


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage is not Stage.COMPLETE])
def test_under_the_kill_switch_every_run_store_of_the_stage_is_still_written(start, source, ask, stage):
    source.put(at(stage.value), kill_switch(on=True))
    assert set(start().decide(ask()).plan.writes) == set(PLANS[stage].writes)


def test_the_kill_switch_does_not_touch_complete(start, source, ask):
    source.put(at("complete"), kill_switch(on=True))
    decision = start().decide(ask())
    assert (decision.plan, decision.reason) == (PLANS[Stage.COMPLETE], "flag")


def test_the_kill_switch_gets_through_while_another_flag_is_spoiled(start, source, ask):
    source.put(at("live"))
    flags = start()
    source.put(
        {**at("live", version=2), "variations": "none"}, {**at("live", "batch"), "rules": 3}, {"key": "theirs"}, kill_switch(on=True)
    )
    assert flags.decide(ask()).reason == "kill_switch"


def test_the_kill_switch_holds_while_the_source_is_gone(start, source, ask):
    source.put(at("live"), kill_switch(on=True))
    flags = start()
    source.down()
    assert flags.decide(ask()).reason == "kill_switch"


def test_a_tombstone_of_the_kill_switch_is_off_in_the_decision_and_in_the_gauge(start, source, ask, metrics):
    source.put(surface_flag(fallthrough=rollout(live=100)), kill_switch(on=True, deleted=True))
    flags = start()
    gauge = metrics.registry.get_sample_value("migration_kill_switch", {"surface": "chat"})
    assert (flags.decide(ask()).plan.stage, gauge, flags.evaluator.killed("chat", Tenant(tenant_id="acme"))) == (Stage.LIVE, 0, False)


def test_the_emergency_switch_sends_everybody_to_control_while_the_source_is_gone(start, source, ask, settings, metrics):
    source.put(at("live"), at("complete", "batch"))
    flags = start()
    source.down()
    settings.path(settings.emergency_file).touch()
    flags._emergency._look()
    flags._changed()
    killed = [flags.decide(ask(surface=surface)).plan.stage for surface in ("chat", "batch")]
    gauges = [metrics.registry.get_sample_value(name, labels) for name, labels in (("migration_emergency_switch", {}),)]
    assert (killed, flags.emergency, gauges) == ([Stage.DUALWRITE, Stage.COMPLETE], True, [1])


# Sampling, cache, metrics


def test_sampling_decides_by_the_run_and_only_where_there_is_a_shadow(start, source, ask):
    source.put(at("shadow"), sampling(30))
    flags = start()
    sampled = sum(flags.decide(ask(run_id=f"run-{number}")).sampled for number in range(2000))
    assert 500 < sampled < 700
    assert all(flags.decide(ask(run_id=f"run-{number}", surface="batch")).sampled for number in range(100))


def test_a_flag_change_costs_the_request_path_one_evaluation_a_tenant(start, source, ask):
    source.put(at("shadow"))
    flags = start()
    calls = []
    evaluate = flags._serving.evaluate
    flags._serving.evaluate = lambda surface, tenant, **more: calls.append(tenant.tenant_id) or evaluate(surface, tenant, **more)
    for number in range(300):
        if number % 100 == 0:
            source.put(at("live", version=number + 2))
        flags.decide(ask(f"tenant-{number % 2}"))
    assert sorted(calls) == ["tenant-0"] * 3 + ["tenant-1"] * 3


def test_evaluations_for_status_and_gauges_are_not_counted_by_launchdarkly(start, source, ask, events):
    source.put(at("shadow"))
    flags = start()
    flags.evaluator.evaluate("chat", Tenant(tenant_id="acme"))
    before = len(events.all)
    flags.decide(ask())
    assert (before, len(events.all)) == (0, 3)


def test_the_cache_stays_bounded_and_right(start, source, ask, monkeypatch):
    monkeypatch.setattr("migration.flags.serving._CACHE_LIMIT", 10)
    source.put(surface_flag(fallthrough=rollout(shadow=50, live=50)))
    flags = start()
    first = {f"tenant-{number}": flags.decide(ask(f"tenant-{number}")).plan.stage for number in range(50)}
    assert {tenant: flags.decide(ask(tenant)).plan.stage for tenant in first} == first
    assert len(flags._answers) <= 10


def test_a_change_during_an_evaluation_leaves_no_stale_answer(start, source, ask):
    source.put(at("shadow"))
    flags = start()
    evaluate = flags._evaluate

    def evaluate_and_change(key):
        answer = evaluate(key)
        source.put(at("live"))
        return answer

    flags._evaluate = evaluate_and_change
    flags.decide(ask())
    flags._evaluate = evaluate
    assert flags.decide(ask()).plan.stage is Stage.LIVE


def test_the_metrics_show_stages_kill_switch_version_and_health(start, source, metrics):
    source.put(surface_flag(fallthrough=rollout(shadow=75, live=25)), kill_switch(on=False, surfaces={"chat": True}))
    start()
    source.down()
    text = generate_latest(metrics.registry).decode()
    for line in (
        'migration_kill_switch{surface="chat"} 1.0',
        'migration_kill_switch{surface="batch"} 0.0',
        'migration_flag_version{surface="chat"} 1.0',
        "migration_flag_source_up 0.0",
        'migration_stage_percent{stage="off",surface="batch"} 100.0',
        'migration_stage_percent{stage="live",surface="chat"} 25.0',
        'migration_stage_percent{stage="shadow",surface="chat"} 75.0',
    ):
        assert line in text


def test_the_shares_of_a_flag_with_rules_are_those_of_made_up_tenants(start, source, metrics):
    source.put(surface_flag(rules=[rule({"variation": 5}, clause("plan", "in", "pro"))], fallthrough=rollout(shadow=75, live=25)))
    start()
    shares = {stage: metrics.registry.get_sample_value("migration_stage_percent", {"surface": "chat", "stage": stage}) for stage in Stage}
    assert (shares["complete"], 15 < shares["live"] < 35, sum(shares.values())) == (0, True, pytest.approx(100))


def test_decisions_are_counted_by_stage_and_reason(start, source, ask, metrics):
    source.put(at("shadow"))
    flags = start()
    for _ in range(3):
        flags.decide(ask())
    labels = {"surface": "chat", "stage": "shadow", "reason": "flag"}
    assert metrics.registry.get_sample_value("migration_flag_decisions_total", labels) == 3


def test_a_listener_that_fails_is_counted_and_harms_nothing(start, source, ask, metrics):
    source.put(at("shadow"))
    flags = start()
    heard = []
    flags.on_change(lambda: 1 / 0)
    flags.on_change(lambda: heard.append(flags.decide(ask()).plan.stage))
    source.put(at("live"))
    assert (heard, flags.decide(ask()).plan.stage) == ([Stage.LIVE], Stage.LIVE)
    assert metrics.registry.get_sample_value("migration_failures_total", {"operation": "flags.reload"}) >= 1


def test_private_attributes_are_the_clients_setting(start, source, settings):
    source.put(at("live"))
    flags = start(settings=replace(settings, launchdarkly_private_attributes=("plan",)))
    assert set(flags._client._config.private_attributes) == {"plan"}
