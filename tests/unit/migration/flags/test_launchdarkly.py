"""Decisions on LaunchDarkly's real client: invariants 3, 4 and 5."""

import json
import queue
from dataclasses import FrozenInstanceError

import pytest
from ldclient import Context
from ldclient.migrations import Stage as LaunchDarklyStage
from prometheus_client import generate_latest

from migration.flags.surface_flag import flag_key
from migration.flags.switches import CANDIDATE_FAILOVER, KILL_SWITCH
from migration.model import Origin, Stage
from migration.settings import MigrationSettings
from migration.stages import PLANS


def rewrite(flag_file, change):
    """Edit the file by hand, as JSON."""
    raw = json.loads(flag_file.path.read_text())
    change(raw)
    flag_file.path.write_text(json.dumps(raw))


@pytest.mark.parametrize("stage", list(Stage))
def test_the_plan_is_that_of_the_stage_in_the_file(start, put, ask, stage):
    put(stage)
    decision = start().decide(ask())
    assert (decision.plan, decision.reason, decision.flag_key) == (PLANS[stage], "flag", "execution-engine-chat")


def test_a_pinned_tenant_is_at_its_own_stage(start, put, ask):
    put(Stage.SHADOW, pins={"acme": Stage.LIVE})
    flags = start()
    assert [flags.decide(ask(tenant)).plan.stage for tenant in ("acme", "other")] == [Stage.LIVE, Stage.SHADOW]


def test_surfaces_have_flags_of_their_own(start, put, ask):
    put(Stage.LIVE, surface="chat")
    assert start().decide(ask(surface="batch")).plan.stage is Stage.OFF


def test_a_flag_change_moves_the_next_run_and_not_the_decision_already_made(start, put, ask):
    put(Stage.SHADOW)
    flags = start()
    pinned = flags.decide(ask())
    put(Stage.LIVE)
    flags.source.look()
    assert (pinned.plan.stage, flags.decide(ask()).plan.stage) == (Stage.SHADOW, Stage.LIVE)


def test_a_decision_cannot_be_changed(start, put, ask):
    put(Stage.SHADOW)
    decision = start().decide(ask())
    with pytest.raises(FrozenInstanceError):
        decision.plan = PLANS[Stage.LIVE]


def test_an_edit_without_a_higher_version_is_seen_too(start, put, ask, flag_file):
    put(Stage.SHADOW)
    flags = start()
    flags.decide(ask())
    shares = {"contextKind": "tenant", "variations": [{"variation": 0, "weight": 0}, {"variation": 3, "weight": 100_000}]}
    rewrite(flag_file, lambda raw: raw["flags"]["execution-engine-chat"]["fallthrough"].update(rollout=shares))
    flags.source.look()
    assert flags.decide(ask()).plan.stage is Stage.LIVE


def test_an_edit_is_noticed_by_polling(start, put, ask, settings):
    put(Stage.SHADOW)
    changes = queue.SimpleQueue()
    flags = start(settings=settings.model_copy(update={"flags_poll_s": 0.01}), on_change=changes.put)
    changes.get(timeout=10)
    flags.decide(ask())
    put(Stage.LIVE)
    changes.get(timeout=10)
    assert flags.decide(ask()).plan.stage is Stage.LIVE


SPOILED = {
    "deleted": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:400]),
    "not JSON": lambda path: path.write_bytes(b"flags: yes"),
    "not UTF-8": lambda path: path.write_bytes(b'{"flags": {"\xff\xfe": 1}}'),
    "no object": lambda path: path.write_bytes(b"[]"),
    "no flags": lambda path: path.write_bytes(b"{}"),
    "flag missing": lambda path: path.write_bytes(b'{"flags": {}}'),
    "invalid stage": lambda path: path.write_text(path.read_text().replace('"live"', '"liev"')),
    "variations in another order": lambda path: path.write_text(path.read_text().replace('"off",', "").replace('"live"', '"live", "off"')),
    "a directory": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED.keys())
@pytest.mark.parametrize("tenant", ["acme", "never-seen-before"])
def test_the_last_known_plan_holds_when_the_file_is_spoiled(start, put, ask, flag_file, *, spoil, tenant):
    put(Stage.LIVE)
    flags = start()
    flags.decide(ask("acme"))
    spoil(flag_file.path)
    flags.source.look()
    decision = flags.decide(ask(tenant))
    assert (decision.plan.stage, decision.reason, flags.status().up) == (Stage.LIVE, "last_known", False)


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED.keys())
def test_a_repaired_file_counts_again(start, put, ask, flag_file, spoil):
    put(Stage.LIVE)
    flags = start()
    good = flag_file.path.read_bytes()
    spoil(flag_file.path)
    flags.source.look()
    if flag_file.path.is_dir():
        flag_file.path.rmdir()
    flag_file.path.write_bytes(good)
    put(Stage.RAMPDOWN)
    flags.source.look()
    assert (flags.decide(ask()).plan.stage, flags.decide(ask()).reason, flags.status().up) == (Stage.RAMPDOWN, "flag", True)


def test_without_a_file_everybody_is_at_off_and_the_log_says_why(start, ask, caplog):
    flags = start()
    decision = flags.decide(ask())
    assert (decision.plan.stage, decision.reason) == (Stage.OFF, "default_off")
    assert "every surface is at `off` until it can be read" in caplog.text


def test_a_file_that_appears_later_counts(start, put, ask):
    flags = start()
    flags.decide(ask())
    put(Stage.DUALWRITE)
    flags.source.look()
    assert flags.decide(ask()).plan.stage is Stage.DUALWRITE


def test_a_surface_that_the_file_does_not_know_yet_is_at_off_and_the_others_are_not(start, put, ask, flag_file):
    put(Stage.LIVE)
    rewrite(flag_file, lambda raw: raw["flags"].pop(flag_key("batch")))
    flags = start()
    decisions = [flags.decide(ask(surface=surface)) for surface in ("batch", "chat")]
    assert [(decision.plan.stage, decision.reason) for decision in decisions] == [(Stage.OFF, "default_off"), (Stage.LIVE, "flag")]


def test_a_request_without_a_tenant_is_at_off(start, put, ask):
    put(Stage.LIVE)
    assert start().decide(ask(tenant="")).plan.stage is Stage.OFF


def test_a_context_without_the_tenant_kind_gets_off(start, put):
    put(Stage.LIVE, 40.0)
    stage, _ = start()._client.migration_variation("execution-engine-chat", Context.create("acme", "user"), LaunchDarklyStage.SHADOW)
    assert stage is LaunchDarklyStage.OFF


@pytest.mark.parametrize("surface", [None, "chat"])
@pytest.mark.parametrize("stage", [stage for stage in Stage if stage is not Stage.COMPLETE])
def test_the_kill_switch_sends_every_stage_before_complete_to_control_without_a_shadow(start, put, ask, flag_file, *, stage, surface):
    put(stage)
    flags = start()
    flags.decide(ask())
    flag_file.edit(lambda document: document.with_kill_switch(on=True, surface=surface))
    flags.source.look()
    decision = flags.decide(ask())
    assert (decision.plan.serves, decision.plan.shadows, decision.reason) == (Origin.CONTROL, None, "kill_switch")


def test_the_kill_switch_does_not_touch_complete(start, put, ask, flag_file):
    put(Stage.COMPLETE)
    flag_file.edit(lambda document: document.with_kill_switch(on=True))
    decision = start().decide(ask())
    assert (decision.plan, decision.reason) == (PLANS[Stage.COMPLETE], "flag")


@pytest.mark.parametrize("stage", [Stage.OFF, Stage.DUALWRITE, Stage.SHADOW, Stage.LIVE, Stage.RAMPDOWN])
def test_under_the_kill_switch_every_run_store_of_the_stage_is_still_written(start, put, ask, flag_file, stage):
    put(stage)
    flag_file.edit(lambda document: document.with_kill_switch(on=True))
    assert set(start().decide(ask()).plan.writes) == set(PLANS[stage].writes)


def test_the_kill_switch_of_one_surface_leaves_the_others(start, put, ask, flag_file):
    put(Stage.LIVE, surface="batch")
    flag_file.edit(lambda document: document.with_kill_switch(on=True, surface="chat"))
    assert start().decide(ask(surface="batch")).plan.stage is Stage.LIVE


def test_the_kill_switch_gets_through_while_a_surface_flag_is_spoiled(start, put, ask, flag_file):
    put(Stage.LIVE)
    flags = start()
    flag_file.edit(lambda document: document.with_kill_switch(on=True))
    rewrite(flag_file, lambda raw: raw["flags"]["execution-engine-chat"].update(variations=["off"]))
    flags.source.look()
    assert flags.decide(ask()).reason == "kill_switch"


def test_the_kill_switch_holds_while_the_file_is_gone(start, put, ask, flag_file):
    put(Stage.LIVE)
    flag_file.edit(lambda document: document.with_kill_switch(on=True))
    flags = start()
    flag_file.path.unlink()
    flags.source.look()
    assert flags.decide(ask()).reason == "kill_switch"


def test_a_foreign_flag_in_the_file_does_no_harm(start, put, ask, flag_file):
    put(Stage.LIVE)
    rewrite(flag_file, lambda raw: raw["flags"].update({"another-team": {"nonsense": True}}))
    flags = start()
    assert (flags.decide(ask()).plan.stage, flags.status().up) == (Stage.LIVE, True)


def test_a_spoiled_failover_flag_keeps_its_last_state_and_is_named(start, put, ask, flag_file):
    put(Stage.LIVE)
    flags = start()
    rewrite(flag_file, lambda raw: raw["flags"][CANDIDATE_FAILOVER].update(variations=[0, 1]))
    flags.source.look()
    assert (flags.decide(ask()).reason, CANDIDATE_FAILOVER in flags.status().error) == ("flag", True)


def test_a_failing_client_leaves_the_last_known_plan(start, put, ask, metrics):
    put(Stage.LIVE)
    flags = start()
    flags.decide(ask())
    put(Stage.RAMPDOWN)
    flags.source.look()
    flags._client.migration_variation = lambda *_: 1 / 0
    assert flags.decide(ask()).plan.stage is Stage.LIVE
    assert metrics.registry.get_sample_value("migration_failures_total", {"operation": "flags.evaluate"}) == 1


def test_sampling_decides_by_the_run_and_only_where_there_is_a_shadow(start, put, ask, flag_file):
    put(Stage.SHADOW)
    flag_file.edit(lambda document: document.with_sampling(30.0))
    flags = start()
    sampled = sum(flags.decide(ask(run_id=f"run-{number}")).sampled for number in range(2000))
    assert 500 < sampled < 700
    assert all(flags.decide(ask(run_id=f"run-{number}", surface="batch")).sampled for number in range(100))


def test_the_status_ages_while_the_file_is_gone_and_not_while_it_is_there(start, put, flag_file, clock):
    put(Stage.LIVE)
    flags = start()
    clock.now += 50
    flags.source.look()
    fresh = flags.status()
    flag_file.path.unlink()
    flags.source.look()
    clock.now += 7
    assert (fresh.age_s, flags.status().age_s) == (0.0, 7.0)
    assert (fresh.error, "the last known flags hold" in flags.status().error) == (None, True)


def test_the_status_version_rises_with_an_edit(start, put):
    put(Stage.SHADOW)
    flags = start()
    before = flags.status().version
    put(Stage.LIVE)
    flags.source.look()
    assert flags.status().version == before + 1


def test_the_metrics_show_stages_kill_switch_version_and_health(start, put, flag_file, metrics):
    put(Stage.LIVE, 25.0)
    flag_file.edit(lambda document: document.with_kill_switch(on=True, surface="chat"))
    flags = start()
    flag_file.path.unlink()
    flags.source.look()
    text = generate_latest(metrics.registry).decode()
    for line in (
        'migration_stage_percent{stage="live",surface="chat"} 25.0',
        'migration_stage_percent{stage="shadow",surface="chat"} 75.0',
        'migration_kill_switch{surface="chat"} 1.0',
        'migration_kill_switch{surface="batch"} 0.0',
        'migration_flag_version{surface="chat"} 1.0',
        "migration_flag_source_up 0.0",
        'migration_failures_total{operation="flags.reload"} 1.0',
    ):
        assert line in text


def test_decisions_are_counted_by_stage_and_reason(start, put, ask, metrics):
    put(Stage.SHADOW)
    flags = start()
    for _ in range(3):
        flags.decide(ask())
    labels = {"surface": "chat", "stage": "shadow", "reason": "flag"}
    assert metrics.registry.get_sample_value("migration_flag_decisions_total", labels) == 3


def test_the_cache_stays_bounded_and_right(start, put, ask, monkeypatch):
    monkeypatch.setattr("migration.flags.launchdarkly._CACHE_LIMIT", 10)
    put(Stage.SHADOW, 50.0)
    flags = start()
    first = {f"tenant-{number}": flags.decide(ask(f"tenant-{number}")).plan.stage for number in range(50)}
    assert {tenant: flags.decide(ask(tenant)).plan.stage for tenant in first} == first
    assert len(flags._answers) <= 10


def test_a_change_during_an_evaluation_leaves_no_stale_answer(start, put, ask):
    put(Stage.SHADOW)
    flags = start()
    evaluate = flags._evaluate

    def evaluate_and_change(surface, tenant):
        answer = evaluate(surface, tenant)
        put(Stage.LIVE)
        flags.source.look()
        return answer

    flags._evaluate = evaluate_and_change
    flags.decide(ask())
    flags._evaluate = evaluate
    assert flags.decide(ask()).plan.stage is Stage.LIVE


def test_a_listener_that_fails_is_counted_and_harms_nothing(start, put, ask, metrics):
    put(Stage.SHADOW)
    flags = start(on_change=lambda _status: 1 / 0)
    assert flags.decide(ask()).plan.stage is Stage.SHADOW
    assert metrics.registry.get_sample_value("migration_failures_total", {"operation": "flags.reload"}) == 1


def test_default_settings_start_without_any_server(tmp_path, metrics, start, ask):
    flags = start(settings=MigrationSettings(home=tmp_path), event_processor=None)
    assert flags.decide(ask()).plan.stage is Stage.OFF


def test_the_kill_switch_flag_is_read_under_its_own_key(start, put, ask, flag_file):
    put(Stage.LIVE)
    rewrite(flag_file, lambda raw: raw["flags"][KILL_SWITCH]["fallthrough"].update(variation=1))
    assert start().decide(ask()).reason == "kill_switch"
