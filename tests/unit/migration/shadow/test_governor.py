"""The governor: when the share of runs that are drawn is lowered and raised."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from migration.evidence.needs import need_of
from migration.flags.draw import MOST_LEVEL, REST, probability
from migration.shadow.governor import ShadowGovernor
from migration.shadow.pressure import Pressure

OVER, FINE, CALM = Pressure("loop", 1.5), Pressure("loop", 0.8), Pressure("loop", 0.1)


def look(governor: ShadowGovernor, pressure: Pressure, times: int = 1) -> dict[str, int]:
    for _ in range(times):
        governor.look([pressure])
    return dict(governor.levels)


def test_a_pressure_over_its_limit_halves_a_share_at_once():
    assert look(ShadowGovernor(["chat"]), OVER) == {"chat": 1}


def test_a_pressure_within_its_limit_changes_nothing():
    governor = ShadowGovernor(["chat"])
    look(governor, OVER)
    assert look(governor, FINE, 1000) == {"chat": 1}


def test_after_some_calm_the_share_is_raised_again_step_by_step():
    governor = ShadowGovernor(["chat"])
    look(governor, OVER, 2)
    assert [look(governor, CALM, looks)["chat"] for looks in (10, 1, 10, 1)] == [2, 1, 1, 0]


def test_calm_that_is_interrupted_begins_anew():
    governor = ShadowGovernor(["chat"])
    look(governor, OVER)
    look(governor, CALM, 10)
    look(governor, FINE)
    assert look(governor, CALM, 10) == {"chat": 1}


def test_the_surface_whose_gate_needs_runs_least_is_lowered_first_and_raised_last():
    need = {"chat": 0.9, "batch": 0.1}
    governor = ShadowGovernor(need, need=need.__getitem__)
    assert look(governor, OVER, MOST_LEVEL) == {"chat": 0, "batch": MOST_LEVEL}
    assert look(governor, OVER) == {"chat": 1, "batch": MOST_LEVEL}
    assert look(governor, CALM, 11) == {"chat": 0, "batch": MOST_LEVEL}


def test_a_surface_whose_gate_is_passed_gets_fewer_samples_than_one_that_still_needs_runs():
    need = {"chat": need_of(250), "batch": need_of(0)}
    governor = ShadowGovernor(need, need=need.__getitem__)
    random, drawn = np.random.default_rng(5), dict.fromkeys(need, 0)
    for _ in range(4000):
        shares = {surface: probability(100.0, governor.level(surface, "acme")) for surface in need}
        for surface, share in shares.items():
            drawn[surface] += random.random() < share
        governor.look([Pressure("loop", sum(shares.values()) / 1.2)])  # both together cost too much
    assert drawn["batch"] < drawn["chat"] / 2


def test_estimates_stay_unbiased_when_needs_depend_on_results_and_shares_on_needs():
    """The rate falls from 30 % to 2 %; a gate that finds few divergences is passed, and its surface is drawn less. 300 series, weighted by
    the probability that was recorded before each run: right on average. The average of the drawn runs is not.
    """
    random = np.random.default_rng(6)
    weighted, plain = np.zeros(300), np.zeros(300)
    for series in range(300):
        need = {"chat": 0.6, "batch": 0.5}
        governor = ShadowGovernor(need, need=need.__getitem__)
        rates = np.r_[np.full(100, 0.3), np.full(300, 0.02)]
        diverges, chances = random.random(400) < rates, random.random(400)
        total = drawn = hits = 0.0
        for run in range(400):
            share = probability(100.0, governor.level("chat", "acme"))
            other = probability(100.0, governor.level("batch", "acme"))
            if chances[run] < share:
                total += diverges[run] / share
                drawn += 1
                hits += diverges[run]
                need["chat"] = 0.0 if total / (run + 1) < 0.2 else 0.6  # by the results of runs that have ended
            governor.look([Pressure("loop", (share + other) / (2.1 if run < 100 else 0.6))])  # then the load rises
        weighted[series] = (total - diverges.sum()) / 400
        plain[series] = hits / drawn - diverges.mean()
    assert abs(weighted.mean()) < 3 * weighted.std() / 300**0.5
    assert abs(plain.mean()) > 10 * plain.std() / 300**0.5


def test_runs_are_shed_only_when_no_share_is_left_to_halve():
    governor = ShadowGovernor(["chat"])
    look(governor, OVER, MOST_LEVEL)
    before = governor.closed
    look(governor, OVER)
    assert (before, governor.closed) == (False, True)
    look(governor, FINE)
    assert not governor.closed


def test_a_cause_that_is_measured_over_minutes_lowers_once_and_then_waits():
    governor = ShadowGovernor(["chat"])
    assert look(governor, Pressure("tax", 2.0), 100) == {"chat": 1}


def test_a_share_that_was_lowered_for_its_tax_is_raised_only_after_minutes():
    governor = ShadowGovernor(["chat"])
    look(governor, Pressure("tax", 2.0))
    assert look(governor, CALM, 1200) == {"chat": 1}
    assert look(governor, CALM) == {"chat": 0}


def test_a_tenant_with_many_more_runs_than_others_is_halved_further():
    governor = ShadowGovernor(["chat"])
    look(governor, OVER)
    for tenant, runs in [("busy", 100), *((f"t{number}", 5) for number in range(10))]:
        for _ in range(runs):
            governor.level("chat", tenant)
    look(governor, FINE)
    assert (governor.level("chat", "busy"), governor.level("chat", "t1"), governor.level("chat", "new")) == (3, 1, 1)


def test_without_pressure_no_tenant_is_halved():
    governor = ShadowGovernor(["chat"])
    for _ in range(100):
        governor.level("chat", "busy")
    governor.level("chat", "small")
    look(governor, CALM)
    assert governor.level("chat", "busy") == 0


def test_at_rest_nothing_is_drawn():
    assert ShadowGovernor(["chat"], resting=lambda: True).level("chat", "acme") == REST


def test_each_change_is_reported_with_its_cause():
    heard = []
    governor = ShadowGovernor(["chat"], changed=heard.append)
    look(governor, Pressure("cpu", 3.0))
    look(governor, CALM, 21)
    assert heard == ["cpu", None]


def test_nothing_measured_is_no_pressure():
    governor = ShadowGovernor(["chat"])
    governor.look([])
    assert (governor.pressure, dict(governor.levels)) == (None, {"chat": 0})


@given(values=st.lists(st.floats(0, 3), max_size=200), surfaces=st.sampled_from([("a",), ("a", "b", "c")]))
def test_whatever_the_pressures_levels_stay_in_range_and_recover(values, surfaces):
    governor = ShadowGovernor(surfaces)
    for value in values:
        governor.look([Pressure("queue", value)])
        assert all(0 <= level <= MOST_LEVEL for level in governor.levels.values())
    look(governor, CALM, 11 * MOST_LEVEL * len(surfaces) + 1)
    assert not any(governor.levels.values())


@given(runs=st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 400)), max_size=20))
def test_no_level_depends_on_the_run_itself(runs):
    governor = ShadowGovernor(["chat"])
    look(governor, OVER)
    for tenant, number in runs:
        levels = {governor.level("chat", tenant) for _ in range(number)}
        assert len(levels) == 1
        look(governor, FINE)
