"""Counting served runs."""

from prometheus_client import CollectorRegistry

from migration.model import Event, Origin, RunRecord, RunRequest, Stage
from migration.telemetry.metrics import Metrics
from migration.telemetry.run_counts import RunCounts

REQUEST = RunRequest(surface="chat", tenant_id="acme", user_id="ann", thread_id="t", run_id="r", payload=b"{}", received_at=0.0)


def ended(origin: Origin, *at_s: float) -> RunRecord:
    events = tuple(Event(kind="word", lane="", payload=b"{}", at_s=one) for one in at_s)
    return RunRecord(request=REQUEST, origin=origin, events=events, journal=(), outcome="completed", duration_s=2.0, trace_id=None)


def test_runs_are_counted_by_stage_origin_and_outcome_in_any_order():
    metrics = Metrics(registry=CollectorRegistry())
    counts = RunCounts(metrics, "chat")
    for stage, origin, outcome in 2 * [
        (Stage.SHADOW, Origin.CONTROL, "completed"),
        (Stage.SHADOW, Origin.CONTROL, "failed"),
        (Stage.LIVE, Origin.CANDIDATE, "completed"),
    ]:
        counts.ended(ended(origin), outcome, stage)
    found = {
        tuple(sample.labels.values()): sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "migration_runs_total"
    }
    assert found == {
        ("chat", "shadow", "control", "completed"): 2,
        ("chat", "shadow", "control", "failed"): 2,
        ("chat", "live", "candidate", "completed"): 2,
    }


def test_the_first_event_is_timed_and_a_run_without_events_has_none():
    metrics = Metrics(registry=CollectorRegistry())
    counts = RunCounts(metrics, "chat")
    counts.ended(ended(Origin.CONTROL, 0.25, 1.0), "completed", Stage.SHADOW)
    counts.ended(ended(Origin.CONTROL), "completed", Stage.SHADOW)
    labels = {"surface": "chat", "origin": "control", "role": "serving"}
    names = ("migration_first_event_seconds_sum", "migration_first_event_seconds_count", "migration_run_seconds_count")
    assert [metrics.registry.get_sample_value(name, labels) for name in names] == [0.25, 1, 2]
