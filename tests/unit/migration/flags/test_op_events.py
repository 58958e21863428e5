"""LaunchDarkly's migration op events: one a run, complete, and honest about consistency."""

import threading
from datetime import timedelta

import pytest
from ldclient.migrations import Operation
from ldclient.migrations import Origin as LaunchDarklyOrigin
from ldclient.migrations.tracker import MigrationOpEvent

from migration.flags.op_events import OpEvents
from migration.flags.serving import LaunchDarklyFlags
from migration.model import Comparison, Origin, Stage, Timing, Verdict
from tests.unit.migration.flags.making import at, flag_file, sampling

OLD, NEW = LaunchDarklyOrigin.OLD, LaunchDarklyOrigin.NEW


def comparison(verdict, serving=Origin.CONTROL):
    return Comparison(
        surface="chat",
        tenant_id="acme",
        user_id="u",
        thread_id="t",
        run_id="run-1",
        stage=Stage.SHADOW,
        serving=serving,
        verdict=verdict,
        divergences=(),
        control=Timing(duration_s=1.0, effect_s=0.0, first_event_s=None),
        candidate=Timing(duration_s=2.0, effect_s=0.0, first_event_s=None),
    )


def sent(flags, events):
    """Close the flags, so that everything is sent, and return the op events."""
    flags.close()
    return [event for event in events.all if isinstance(event, MigrationOpEvent)]


def test_each_run_has_its_own_event_though_the_evaluation_is_cached(start, source, ask, events):
    source.put(at("dualwrite"))
    flags = start()
    for number in range(3):
        request = ask(run_id=f"run-{number}")
        flags.finished(request, flags.decide(request), "completed", number + 0.5)
    assert [event.latencies for event in sent(flags, events)] == [{OLD: timedelta(seconds=number + 0.5)} for number in range(3)]


def test_where_nobody_receives_events_no_thread_waits_for_any(settings, metrics, ask):
    flag = at("dualwrite")
    settings.path(settings.flags_file).write_bytes(flag_file(flag))
    before = set(threading.enumerate())
    flags = LaunchDarklyFlags(settings, metrics)
    try:
        flags.finished(ask(), flags.decide(ask()), "completed", 0.5)
        flags.compared("run-1", None)
        started = [thread.name for thread in set(threading.enumerate()) - before]
    finally:
        flags.close()
    assert "migration-op-events" not in started


def test_a_run_without_a_shadow_is_reported_when_it_ends(start, source, ask, events):
    source.put(at("rampdown"))
    flags = start()
    flags.finished(ask(), flags.decide(ask()), "completed", 0.25)
    (event,) = sent(flags, events)
    assert (event.operation, event.detail.value, event.invoked, event.consistent) == (Operation.READ, "rampdown", {NEW}, None)
    assert (event.key, event.flag.version, event.context.get_individual_context("tenant").key) == ("execution-engine-chat", 1, "acme")


def test_a_shadowed_run_waits_for_its_comparison_and_holds_both_latencies(start, source, ask, events):
    source.put(at("live"))
    flags = start()
    flags.finished(ask(), flags.decide(ask()), "completed", 2.5)
    flags.compared("run-1", comparison(Verdict.MATCH, Origin.CANDIDATE))
    (event,) = sent(flags, events)
    assert (event.invoked, event.latencies) == ({OLD, NEW}, {NEW: timedelta(seconds=2.5), OLD: timedelta(seconds=1)})


@pytest.mark.parametrize(
    ("verdict", "consistent"),
    [
        (Verdict.MATCH, True),
        (Verdict.NOISE, False),
        (Verdict.ACCEPTED, False),
        (Verdict.DIVERGENT, False),
        (Verdict.INCONCLUSIVE, None),
    ],
)
def test_only_a_match_is_consistent(start, source, ask, events, *, verdict, consistent):
    source.put(at("shadow"))
    flags = start()
    flags.finished(ask(), flags.decide(ask()), "completed", 1.0)
    flags.compared("run-1", comparison(verdict))
    assert [event.consistent for event in sent(flags, events)] == [consistent]


def test_a_shed_shadow_counts_as_not_invoked(start, source, ask, events):
    source.put(at("shadow"))
    flags = start()
    flags.finished(ask(), flags.decide(ask()), "completed", 1.0)
    flags.compared("run-1", None)
    assert [(event.invoked, event.consistent) for event in sent(flags, events)] == [({OLD}, None)]


def test_a_run_outside_the_sample_is_reported_when_it_ends(start, source, ask, events):
    source.put(at("shadow"))
    source.put(sampling(0))
    flags = start()
    flags.finished(ask(), flags.decide(ask()), "completed", 1.0)
    flags.compared("run-1", None)
    assert [event.invoked for event in sent(flags, events)] == [{OLD}]


@pytest.mark.parametrize(("outcome", "errors"), [("completed", set()), ("failed", {OLD}), ("timed_out", {OLD}), ("cancelled", set())])
def test_a_failed_run_is_an_error_of_its_origin_and_one_that_the_user_left_is_not(start, source, ask, events, *, outcome, errors):
    source.put(at("off"))
    flags = start()
    flags.finished(ask(), flags.decide(ask()), outcome, 1.0)
    assert [event.errors for event in sent(flags, events)] == [errors]


def test_runs_that_still_wait_at_the_end_are_reported_without_a_comparison(start, source, ask, events):
    source.put(at("shadow"))
    flags = start()
    flags.finished(ask(), flags.decide(ask()), "completed", 1.0)
    assert [event.invoked for event in sent(flags, events)] == [{OLD}]


def test_without_a_flag_there_is_nothing_to_report(start, ask, events):
    flags = start()
    flags.finished(ask(), flags.decide(ask()), "completed", 1.0)
    assert sent(flags, events) == []


def test_the_oldest_run_makes_room_when_too_many_wait(start, source, ask, events, metrics):
    source.put(at("shadow"))
    flags = start()
    flags._op_events.close()
    flags._op_events = OpEvents(flags._client, metrics, waiting_limit=2)
    for number in range(3):
        request = ask(run_id=f"run-{number}")
        flags.finished(request, flags.decide(request), "completed", float(number))
    for number in range(3):
        flags.compared(f"run-{number}", comparison(Verdict.MATCH))
    assert [event.consistent for event in sent(flags, events)] == [None, True, True]
    assert metrics.registry.get_sample_value("migration_failures_total", {"operation": "flags.track"}) == 1


def test_an_event_that_cannot_be_sent_is_counted_and_the_next_one_is_sent(start, source, ask, events, metrics):
    source.put(at("off"))
    flags = start()
    track, calls = flags._client.track_migration_op, iter([True, False])
    flags._client.track_migration_op = lambda tracker: 1 / 0 if next(calls) else track(tracker)
    for number in range(2):
        flags.finished(ask(run_id=f"run-{number}"), flags.decide(ask()), "completed", 1.0)
    assert len(sent(flags, events)) == 1
    assert metrics.registry.get_sample_value("migration_failures_total", {"operation": "flags.track"}) == 1


def test_events_beyond_what_the_thread_can_take_are_counted_and_never_wait(start, source, ask, events, *, metrics, monkeypatch):
    monkeypatch.setattr("migration.flags.op_events._QUEUE_LIMIT", 0)
    source.put(at("off"))
    flags = start()
    flags.finished(ask(), flags.decide(ask()), "completed", 1.0)
    assert sent(flags, events) == []
    assert metrics.registry.get_sample_value("migration_failures_total", {"operation": "flags.track"}) == 1
