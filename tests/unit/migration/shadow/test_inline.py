from dataclasses import replace

from migration.effects import perform
from migration.effects.journals.misses import MissPolicy
from migration.shadow import InlineShadow


async def test_every_offered_run_is_compared_or_counted(parts, metrics, value, job) -> None:
    results = []
    shadow = InlineShadow(parts, metrics, results.append, queue_jobs=2)
    for number in range(4):
        shadow.offer(job(run_id=f"r-{number}"))
    shadow.offer(job(run_id="r-4"), shed="pressure")
    assert value("shadow_waiting") == 2
    assert await shadow.drain(5.0)
    await shadow.aclose()
    shadow.offer(job(run_id="r-5"))
    assert value("shadow_expected_total", surface="chat") == 6
    assert value("shadow_compared_total", surface="chat") == 2
    assert value("shadow_shed_total", surface="chat", reason="queue_jobs") == 2
    assert value("shadow_shed_total", surface="chat", reason="pressure") == 1
    assert value("shadow_shed_total", surface="chat", reason="closed") == 1
    assert [result.run_id for result in results] == ["r-2", "r-3", "r-4", "r-0", "r-1", "r-5"]


async def test_what_waits_at_the_end_is_counted_as_closed(parts, metrics, value, job) -> None:
    shadow = InlineShadow(parts, metrics, lambda _: None)
    shadow.offer(job())
    shadow.offer(job(run_id="r-2"))
    await shadow.aclose()
    assert value("shadow_failed_total", surface="chat", reason="closed") == 2


async def test_a_listener_that_raises_loses_nothing(parts, metrics, value, job) -> None:
    def listener(_result: object) -> None:
        raise RuntimeError("listening")

    shadow = InlineShadow(parts, metrics, listener)
    shadow.offer(job())
    shadow.offer(job(run_id="r-2"))
    assert await shadow.drain(5.0)
    assert value("shadow_compared_total", surface="chat") == 2
    assert value("failures_total", operation="shadow.worker") == 2


COUNTED = [
    ("comparisons_total", {"surface": "chat", "verdict": "match"}, 1),
    ("tenant_comparisons_total", {"surface": "chat", "tenant": "other", "verdict": "match"}, 1),
    ("effects_total", {"surface": "chat", "mode": "recorded"}, 1),
    ("effects_total", {"surface": "chat", "mode": "replayed"}, 1),
    ("effects_total", {"surface": "chat", "mode": "missing"}, 0),
    ("effects_total", {"surface": "chat", "mode": "performed_by_shadow"}, 0),
    ("effects_total", {"surface": "chat", "mode": "unpermitted"}, 0),
    ("run_seconds_count", {"surface": "chat", "origin": "candidate", "role": "shadowing"}, 1),
    ("engine_seconds_count", {"surface": "chat", "origin": "control", "role": "serving"}, 1),
    ("shadow_lag_seconds_count", {"surface": "chat"}, 1),
    ("shadow_waiting", {}, 0),
]


async def test_a_comparison_is_counted_in_every_metric_that_shows_it(parts, metrics, value, job) -> None:
    shadow = InlineShadow(parts, metrics, lambda _: None)
    shadow.offer(job())
    assert await shadow.drain(5.0)
    assert [(name, labels, value(name, **labels)) for name, labels, _ in COUNTED] == COUNTED


async def test_a_permitted_read_is_counted_as_performed_and_not_as_unpermitted(parts, builder, metrics, value, job) -> None:
    async def answer() -> bytes:
        return b"1"

    policy = MissPolicy(read_only=frozenset({"search"}), budget=1)
    search = builder(lambda: perform("tool", "search", lane="data", request=b"{}", call=answer))
    shadow = InlineShadow(replace(parts, build=search, misses=policy), metrics, lambda _: None)
    shadow.offer(job())
    assert await shadow.drain(5.0)
    modes = {mode: value("effects_total", surface="chat", mode=mode) for mode in ("missing", "performed_by_shadow", "unpermitted")}
    assert modes == {"missing": 1, "performed_by_shadow": 1, "unpermitted": 0}
