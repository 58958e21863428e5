"""A gate promotes what is proved, rolls back what is disproved, and holds everything else, with reasons."""

from dataclasses import replace
from datetime import UTC, date, datetime
from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migration.model import Stage
from migration.rollout.gate import decide
from migration.rollout.ramp_file import read_ramp
from migration.rollout.standing import Standing
from migration.statistics import THESE, Outcomes

TUESDAY = datetime(2026, 12, 1, 12, tzinfo=UTC).timestamp()
HOUR = 3600.0
STEPS = read_ramp().steps
STEP = next(step for step in STEPS if step.name == "live 10 %")


def outcomes(runs, divergent=0, unseen=0, tenants=20):
    found = Outcomes()
    for number in range(runs):
        found.add_compared(f"tenant-{number % tenants}", divergent=number < divergent)
    for number in range(unseen):
        found.add_unseen(f"tenant-{number % tenants}")
    return found


def standing(runs=4000, divergent=0, unseen=0, *, slower=1.0, failed=0, **more):
    found = Standing(
        since=TUESDAY - 2 * HOUR,
        outcomes=outcomes(runs, divergent, unseen),
        by_severity={"security": outcomes(runs, 0, unseen)},
        **{"noise_rounds": 40, "runs_a_day": 1000.0, "injected": 300, "seen": 300} | more,
    )
    random = np.random.default_rng(1)
    found.failed_more.add(0.0, runs - failed)
    found.failed_more.add(1.0, failed)
    for _ in range(runs):
        base = float(random.lognormal(0.0, 0.3))
        found.latency.add(base, slower * base)
    return found


def test_what_is_proved_is_promoted_and_says_why():
    found = decide(STEP, standing(), TUESDAY)
    assert (found.what, found.runs_needed) == ("promote", 0)
    assert found.reasons[0] == "All runs: fewer than 2.00% of the runs of these tenants diverge; 0 of 4,000 do."


def test_the_rule_about_slow_runs_can_be_switched_off():
    step = replace(STEP, gate=replace(STEP.gate, most_slow_more=1.0))
    assert decide(step, standing(slower=2.0), TUESDAY).what == "promote"
    assert decide(STEP, standing(slower=2.0), TUESDAY).what == "roll back"


@pytest.mark.parametrize("stage", ["live 10 %", "dualwrite 100 %", "rampdown 100 %"])
def test_a_breach_rolls_back_at_every_step_whatever_else_stands(stage):
    step = next(one for one in STEPS if one.name == stage)
    found = decide(step, standing(breaches=1, unreadable="gone"), TUESDAY)
    assert (found.what, found.reasons) == ("roll back", ("1 comparison found somebody else's data.",))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"runs": 0}, "Nothing was looked at"),
        ({"runs": 250}, "250 runs compared; at least 300 are needed."),
        ({"divergent": 70}, "All runs: up to"),
        ({"unseen": 400}, "4,000 do, 400 not seen"),
        ({"unseen": 400}, "The shadow saw 90.9% of the drawn runs; at least 95.0% is needed."),
        ({"failed": 30}, "Candidate may fail in up to"),
        ({"slower": 1.06}, "Candidate has more slow runs than control, by"),
        ({"expired": ("rounding",)}, "Accepted divergences have expired: rounding."),
        ({"unreadable": "the database is gone"}, "The evidence cannot be read: the database is gone."),
    ],
)
def test_what_is_not_proved_is_held_with_its_reason(changed, said):
    found = decide(STEP, standing(**changed), TUESDAY)
    assert found.what == "hold"
    assert any(said in reason for reason in found.reasons), found.reasons


@pytest.mark.parametrize("changed", [{"divergent": 200}, {"failed": 200}, {"slower": 1.5}])
def test_what_is_worse_than_allowed_is_rolled_back(changed):
    assert decide(STEP, standing(**changed), TUESDAY).what == "roll back"


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (TUESDAY - 1.5 * HOUR, "The step has to last 30.0 min longer."),
        (TUESDAY + 72 * HOUR, "Nothing is promoted now: not on a friday."),
    ],
)
def test_a_step_waits_for_its_time(now, said):
    assert said in decide(STEP, standing(), now).reasons


def test_four_eyes_are_two_people():
    step = replace(STEP, gate=replace(STEP.gate, approvals=2))
    assert decide(step, standing(approved_by=["ada", "ada"]), TUESDAY).reasons == ("It waits for 1 approval of somebody else.",)
    assert decide(step, standing(approved_by=["ada", "grace"]), TUESDAY).what == "promote"


def test_a_severity_that_nobody_counted_holds():
    found = standing()
    found.by_severity = {}
    assert decide(STEP, found, TUESDAY).what == "hold"


def test_a_rare_path_that_diverges_holds_what_all_runs_would_let_pass():
    found = standing(by_stratum={"tool_completed of search, failed": outcomes(30, 4)})
    held = decide(STEP, found, TUESDAY)
    assert held.what == "hold"
    assert held.reasons[0].startswith("Stratum tool_completed of search, failed: up to ")


def test_a_step_without_a_shadow_needs_time_and_no_comparisons():
    step = next(one for one in STEPS if one.stage is Stage.DUALWRITE)
    assert decide(step, Standing(since=TUESDAY - 2 * HOUR), TUESDAY).what == "promote"
    assert decide(step, Standing(since=TUESDAY), TUESDAY).what == "hold"


def test_the_runs_that_are_missing_and_their_day_are_told():
    found = decide(STEP, standing(runs=100), TUESDAY)
    assert found.runs_needed is not None
    assert 250 < found.runs_needed < 400  # 1 % of one severity takes about 410 clean runs
    assert found.on == date(2026, 12, 1)
    slow = standing(runs=100)
    slow.runs_a_day = 100.0
    assert decide(STEP, slow, TUESDAY).on == date(2026, 12, 7)  # the fourth day is a Friday; the weekend is none either
    assert decide(STEP, standing(runs=100, divergent=2), TUESDAY).runs_needed is None


RUNS = st.lists(st.sampled_from(["clean", "divergent", "unseen"]), max_size=120)


FINE = standing()


def filled(kinds, times):
    found = replace(FINE, outcomes=Outcomes())
    for _ in range(times):
        for number, kind in enumerate(kinds):
            tenant = f"tenant-{number % 7}"
            if kind == "unseen":
                found.outcomes.add_unseen(tenant)
            else:
                found.outcomes.add_compared(tenant, divergent=kind == "divergent")
    return found


RANK = {"roll back": 0, "hold": 1, "promote": 2}


@settings(deadline=None, max_examples=40)
@given(kinds=RUNS, times=st.sampled_from([1, 10, 40]))
def test_nothing_is_promoted_whose_bound_with_unseen_runs_is_not_kept(kinds, times):
    found = filled(kinds, times)
    if decide(STEP, found, TUESDAY).what == "promote":
        bad = sum(kind != "clean" for kind in kinds)
        assert bad < STEP.gate.most_divergent * len(kinds)
        assert found.outcomes.evidence_below(THESE, STEP.gate.most_divergent) >= -log(STEP.gate.alpha)


@settings(deadline=None, max_examples=40)
@given(kinds=RUNS.filter(lambda kinds: "clean" in kinds), times=st.sampled_from([1, 10, 40]))
def test_one_more_divergence_in_place_of_a_match_never_helps(kinds, times):
    worse = list(kinds)
    worse[worse.index("clean")] = "divergent"
    assert RANK[decide(STEP, filled(worse, times), TUESDAY).what] <= RANK[decide(STEP, filled(kinds, times), TUESDAY).what]


@settings(deadline=None, max_examples=40)
@given(kinds=RUNS.filter(lambda kinds: "divergent" in kinds), times=st.sampled_from([1, 10, 40]))
def test_a_divergence_that_is_shed_neither_promotes_nor_rolls_back_sooner(kinds, times):
    blind = replace(STEP, gate=replace(STEP.gate, least_coverage=0.001))  # or coverage would hold it
    shed = ["unseen" if kind == "divergent" else kind for kind in kinds]
    seen, unseen = (decide(blind, filled(some, times), TUESDAY).what for some in (kinds, shed))
    assert unseen != "roll back"
    assert unseen != "promote" or seen == "promote"


def test_without_an_injected_difference_nothing_is_promoted():
    found = decide(STEP, standing(injected=0, seen=0), TUESDAY)
    assert (found.what, "the comparison may be blind" in found.reasons[0]) == ("hold", True)


@pytest.mark.parametrize(
    ("injected", "seen", "what"), [(300, 300, "promote"), (300, 299, "hold"), (299, 298, "hold"), (1000, 996, "promote")]
)
def test_a_comparison_that_may_miss_one_difference_of_a_hundred_holds(injected, seen, what):
    assert decide(STEP, standing(injected=injected, seen=seen), TUESDAY).what == what
