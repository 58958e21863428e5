"""How far the candidate's divergence is bounded, and what of it is accepted."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migration.comparison.judge.ledger import parse_ledger
from migration.consolidation.removal.readiness.divergence import ALPHA, clean_runs_needed, ledger, strata
from migration.evidence.views import StrataView, StratumView
from migration.statistics import rate_bounds


def stratum(runs, divergent=0, event="agent_completed", tool=""):
    return StratumView(event=event, tool=tool, outcome="completed", runs=runs, divergent=divergent)


def view(*rows, unknown=0):
    return StrataView(surface="chat", strata=list(rows), unknown=unknown)


def test_without_comparisons_nothing_is_bounded():
    found = strata(view(unknown=5000), 0.02)
    assert not found.met
    assert "no comparison" in found.detail


def test_enough_clean_runs_in_every_stratum_are_met():
    found = strata(view(stratum(2000), stratum(2000, event="agent_started")), 0.02)
    assert found.met
    assert [row["clean_runs_needed"] for row in found.evidence["strata"]] == [0, 0]


def test_one_rare_stratum_is_enough_to_wait_and_says_what_it_needs():
    found = strata(view(stratum(100_000), stratum(100, event="tool_executing", tool="usage_summary")), 0.02)
    assert not found.met
    needed = found.evidence["strata"][1]["clean_runs_needed"]
    assert f"tool_executing of usage_summary, completed: 0 of 100 runs diverge, so up to 7.4% may; {needed} more clean runs" in found.detail
    assert strata(view(stratum(100_000), stratum(100 + needed, event="tool_executing", tool="usage_summary")), 0.02).met


def test_a_frequent_divergence_is_not_met_however_many_runs_there_are():
    assert not strata(view(stratum(1_000_000, divergent=30_000)), 0.02).met


def test_the_chance_of_error_is_shared_by_all_strata_also_while_new_ones_come_up():
    # The k-th stratum has its largest share when it comes up.
    assert sum(ALPHA / (k * (k + 1)) for k in range(1, 10_000)) < ALPHA
    rows = [stratum(1000, event=f"event-{number}") for number in range(7)]
    assert strata(view(*rows), 0.5).evidence["strata"][3]["upper_bound"] == rate_bounds(0, 1000, ALPHA / 56)[1]


@settings(deadline=None)
@given(divergent=st.integers(0, 30), clean=st.integers(0, 3000), most=st.floats(0.005, 0.5), alpha=st.floats(1e-6, 0.2))
def test_so_many_clean_runs_are_enough_and_one_less_is_not(divergent, clean, most, alpha):
    runs = divergent + clean
    needed = clean_runs_needed(divergent, runs, most, alpha)
    assert needed is not None
    assert rate_bounds(divergent, runs + needed, alpha)[1] < most
    assert needed == 0 or rate_bounds(divergent, runs + needed - 1, alpha)[1] >= most


def entry(id_, term):
    return f'[[accepted]]\nid = "{id_}"\nfingerprint = "0123456789ab"\nreason = "r"\nowner = "o"\n{term}\n'


@pytest.mark.parametrize(
    ("terms", "met"),
    [
        ([], True),
        (["permanent = true"], True),
        (["permanent = true", "expires = 2099-01-01"], False),
        (["expires = 2000-01-01"], False),
    ],
)
def test_a_ledger_may_only_hold_what_is_accepted_for_good(terms, met):
    found = ledger(parse_ledger("".join(entry(f"e{n}", term) for n, term in enumerate(terms)), "chat.toml"))
    assert found.met is met
    assert found.evidence["entries"] == len(terms)
