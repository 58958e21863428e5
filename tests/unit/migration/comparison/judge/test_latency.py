"""A slower candidate is found over many runs; one slow run is not a finding, and engines that are alike are not told apart."""

import random
from collections.abc import Callable, Iterator

import pytest

from migration.comparison import default_policy
from migration.comparison.compare import compare
from migration.comparison.judge.latency import Pairs, count, findings, is_slower
from migration.comparison.policy import LatencyRule
from migration.model import Event, Origin, RunRecord, RunRequest, Stage, Timing, Verdict

POLICY = default_policy("chat")
RULES = {rule.metric: rule for rule in POLICY.latency}
FIRST = RULES["first_event_s"]
ALPHA = 0.001
Noise = Callable[[random.Random], float]

#: What a run takes beside its work, in seconds.
NOISES: dict[str, Noise] = {
    "an idle machine": lambda chance: abs(chance.gauss(0.0, 0.02)),
    "a busy machine": lambda chance: chance.expovariate(1 / 0.2),
    "long tails": lambda chance: 0.05 * chance.paretovariate(1.1),
}


def timing(first_event_s: float) -> Timing:
    return Timing(duration_s=first_event_s + 2.0, effect_s=1.0, first_event_s=first_event_s, longest_gap_s=0.1)


def pairs(seed: int, noise: Noise, runs: int, late: Callable[[int], float] = lambda _run: 0.0) -> Iterator[tuple[Timing, Timing]]:
    chance = random.Random(seed)  # noqa: S311 - the same runs each time
    for run in range(runs):
        yield timing(0.4 + noise(chance)), timing(0.4 + noise(chance) + late(run))


def found_after(series: Iterator[tuple[Timing, Timing]], rule: LatencyRule = FIRST) -> int | None:
    """Return the run after which the finding is there, looked at after each; None: it never is."""
    seen = Pairs()
    for run, pair in enumerate(series, 1):
        seen = seen.with_pair(rule, *pair)
        if is_slower(rule, seen):
            return run
    return None


@pytest.mark.parametrize("first", [0, 1, 2])
@pytest.mark.parametrize("seed", range(5))
def test_a_first_event_that_is_late_in_one_of_three_runs_is_found_within_thirty(first: int, seed: int) -> None:
    after = found_after(pairs(seed, NOISES["an idle machine"], 30, lambda run: 0.7 if run % 3 == first else 0.0))

    assert after is not None
    assert after <= 30


def test_one_slow_run_is_no_finding() -> None:
    assert found_after(pairs(1, NOISES["an idle machine"], 200, lambda run: 30.0 if run == 7 else 0.0)) is None


def test_engines_that_are_alike_are_told_apart_in_at_most_alpha_of_series() -> None:
    false = [found_after(pairs(seed, noise, 60)) for noise in NOISES.values() for seed in range(1000)]

    assert sum(run is not None for run in false) <= ALPHA * len(false)


def test_a_slower_engine_is_found_in_its_own_share_and_not_in_the_models() -> None:
    def ran(engine_s: float, effect_s: float) -> Timing:
        return Timing(duration_s=engine_s + effect_s, effect_s=effect_s, first_event_s=0.1, longest_gap_s=0.1)

    slower_engine = [(ran(0.1, 1.0), ran(0.2, 1.0))] * 12
    slower_model = [(ran(0.1, 1.0), ran(0.1, 9.0))] * 12

    assert [
        [one.path for one in findings(POLICY, lambda rule, seen=seen: count(rule, seen))] for seen in (slower_engine, slower_model)
    ] == [
        ["run.engine_s"],
        [],
    ]


def test_a_finding_has_a_fingerprint_of_its_own_for_each_surface_and_rule() -> None:
    slow = Pairs(slower=12, faster=0, runs=40)
    found = [one for surface in ("chat", "batch") for one in findings(default_policy(surface), lambda _rule: slow)]

    assert len({one.fingerprint for one in found}) == len(found) == 6
    assert {(one.kind, one.severity, one.verdict) for one in found} == {("latency", "reliability", Verdict.DIVERGENT)}
    assert str(found[0].sentence) == (
        "The time to the first event is more than 0.25 s and 5 % longer in candidate in 12 of 40 runs, and in control in 0. "
        "Candidate is slower in at least 56 % of the runs that differ this clearly."
    )
    again = findings(POLICY, lambda _rule: Pairs(slower=400, faster=3, runs=900))
    assert [one.fingerprint for one in again] == [one.fingerprint for one in found[:3]]


def test_a_time_that_one_side_lacks_is_not_counted() -> None:
    late, never = timing(9.0), Timing(duration_s=1.0, effect_s=0.0, first_event_s=None)

    assert count(FIRST, [(never, late), (late, never), (timing(0.1), late)]) == Pairs(slower=1, faster=0, runs=1)


def run_of(origin: Origin, *at_s: float) -> RunRecord:
    request = RunRequest(surface="chat", tenant_id="a", user_id="b", thread_id="c", run_id="d", payload=b"{}", received_at=0.0)
    events = tuple(Event(kind="agent_thinking", lane="", payload=b'{"payload":{}}', at_s=at) for at in at_s)
    return RunRecord(request=request, origin=origin, events=events, journal=(), outcome="completed", duration_s=99.0, trace_id=None)


def test_a_comparison_keeps_the_times_and_never_diverges_by_them() -> None:
    comparison = compare(
        run_of(Origin.CONTROL, 0.0, 0.5, 1.0), run_of(Origin.CANDIDATE, 60.0, 61.0, 90.0), stage=Stage.SHADOW, serving=Origin.CONTROL
    )

    assert (comparison.verdict, comparison.divergences) == (Verdict.MATCH, ())
    assert (comparison.control.longest_gap_s, comparison.candidate.longest_gap_s) == (0.5, 29.0)


@pytest.mark.parametrize("surface", ["chat", "batch", "oneshot", "tools"])
def test_every_shipped_policy_has_rules_for_first_event_gaps_and_engine_time(surface: str) -> None:
    assert {rule.metric for rule in default_policy(surface).latency} == {"first_event_s", "longest_gap_s", "engine_s"}
