"""Bounds that gates stand on hold however often they are looked at, and are narrow soon enough."""

import doctest
from math import inf, log
from pathlib import Path

import msgspec
import numpy as np
import pytest
from scipy.stats import binom
from ville import BernoulliCS, BettingCS, QuantileCS

from migration.statistics import LIKE_THESE, MOSTLY, THESE, LatencyPairs, Mean, Outcomes, evidence_of_rate, rate_bounds

DOC = Path(__file__).parents[4] / "docs" / "migration" / "statistics.md"
ALLOWED = 0.02


def runs_of_uneven_tenants(random, series, runs):
    """Return outcomes and the running mean of their rates: 20 tenants, some of a quarter of the runs, of rates from 0 to far above."""
    outcomes, means = [], []
    for number in range(series):
        traffic = random.dirichlet(np.full(20, 0.5))
        rates = random.beta(0.2, 9.8, 20)
        rates = np.minimum(1.0, rates * ALLOWED / (traffic @ rates))
        of = random.choice(20, size=runs, p=traffic)
        if number % 2:  # the tenants come one after the other, the best first
            of = np.argsort(rates)[np.sort(np.argsort(np.argsort(rates))[of])]
        outcomes.append(random.random(runs) < rates[of])
        means.append(np.cumsum(rates[of]) / np.arange(1, runs + 1))
    return np.array(outcomes), np.array(means)


def test_a_bound_of_these_tenants_is_hardly_ever_wrong_though_looked_at_after_each_run():
    outcomes, means = runs_of_uneven_tenants(np.random.default_rng(7), 200, 500)
    hits, trials = outcomes.cumsum(1), np.arange(1, 501)
    for above in (True, False):
        most = evidence_of_rate(hits, trials, means, above=above).max(1)
        for alpha in (0.05, 0.01):
            assert (most >= -log(alpha)).mean() <= alpha, (above, alpha)
    # A bound that is meant for one look, looked at as often, is wrong several times as often.
    assert (binom.cdf(hits, trials, means) < 0.05).any(1).mean() > 0.1


@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_a_bound_of_tenants_like_these_is_hardly_ever_wrong_where_tenants_differ_widely(alpha):
    random, wrong = np.random.default_rng(11), 0
    for _ in range(100):
        rates = random.beta(0.2, 0.8, 60)  # of mean 0.2: most tenants hardly diverge, some always
        shares = Mean()
        for hits in random.binomial(25, rates):
            shares.add(hits / 25)
            if max(shares.evidence_above(0.2), shares.evidence_below(0.2)) >= -log(alpha):
                wrong += 1
                break
    assert wrong <= 100 * 2 * alpha


def median_runs(rate, *, above, runs, series=401):
    outcomes = np.random.default_rng(5).random((series, runs)) < rate
    hits = outcomes.cumsum(1)
    boundary = evidence_of_rate(np.arange(hits.max() + 1)[:, None], np.arange(1, runs + 1), ALLOWED, above=above) >= -log(0.05 * MOSTLY)
    decided = boundary[hits, np.arange(runs)]
    return float(np.median(np.where(decided.any(1), decided.argmax(1) + 1, inf)))


@pytest.mark.parametrize(("rate", "above", "under"), [(0.04, True, 600), (0.08, True, 75), (0.005, False, 380), (0.0, False, 230)])
def test_a_gate_of_two_percent_is_decided_soon(rate, above, under):
    assert median_runs(rate, above=above, runs=under + under // 8) < under


def test_counts_one_by_one_and_all_at_once_are_the_same_evidence():
    mean = Mean()
    mean.add(1.0, 7)
    mean.add(0.0, 93)
    for above, ours in ((True, mean.evidence_above(0.05)), (False, mean.evidence_below(0.05))):
        assert float(evidence_of_rate(np.array(7), np.array(100), 0.05, above=above)) == pytest.approx(ours)


@pytest.mark.parametrize(("hits", "runs"), [(0, 0), (0, 1), (1, 1), (0, 1000), (1000, 1000), (1, 1000), (20_000, 1_000_000)])
def test_bounds_hold_the_average_also_at_none_and_at_all(hits, runs):
    mean = Mean()
    mean.add(1.0, hits)
    mean.add(0.0, runs - hits)
    lower, upper = mean.lower(0.05), mean.upper(0.05)
    assert 0.0 <= lower < upper <= 1.0
    if runs:
        assert lower <= mean.average <= upper


def test_what_was_not_seen_counts_against_promotion_and_never_for_a_rollback():
    seen, shed = Outcomes(), Outcomes()
    for number in range(1000):
        seen.add_compared("acme", divergent=False)
        if number % 10:
            shed.add_compared("acme", divergent=False)
        else:
            shed.add_unseen("acme")
    assert seen.bounds(THESE, 0.05).upper < 0.01
    assert shed.bounds(THESE, 0.05).upper > 0.1
    assert shed.bounds(THESE, 0.05).lower == 0.0
    assert shed.evidence_above(THESE, 0.02) < 0 > shed.evidence_below(THESE, 0.02)


def test_only_shed_runs_prove_nothing_good_and_nothing_bad():
    outcomes = Outcomes()
    for number in range(500):
        outcomes.add_unseen(f"tenant-{number % 10}")
    for claim in (THESE, LIKE_THESE):
        assert (outcomes.bounds(claim, 0.05).lower, outcomes.bounds(claim, 0.05).upper) == (0.0, 1.0)


def test_runs_drawn_less_often_weigh_more():
    random = np.random.default_rng(3)
    outcomes = Outcomes()
    for number in range(20_000):  # one tenant of two diverges in one run of ten, and is drawn in one of ten
        bad = number % 2 == 0
        probability = 0.1 if bad else 1.0
        if random.random() < probability:
            outcomes.add_compared("bad" if bad else "good", divergent=bad and random.random() < 0.1, probability=probability)
        else:
            outcomes.add_not_sampled(probability=probability)
    assert outcomes.divergent / outcomes.compared < 0.02
    found = outcomes.bounds(THESE, 0.05)
    assert found.lower < 0.05 < found.upper
    assert found.lower > 0.02


def test_a_run_drawn_less_often_than_any_player_expects_counts_as_not_seen():
    outcomes = Outcomes()
    for _ in range(200):
        outcomes.add_compared("acme", divergent=False, probability=1 / 5000)
        outcomes.add_not_sampled(probability=1 / 5000)
    assert outcomes.bounds(THESE, 0.05).upper == 1.0


def governed(random, outcomes, runs, *, bad, most=4):
    """Serve runs of two tenants while a governor halves and doubles the share, of the bad tenant further; yield the true mean so far."""
    level, expected = 0, 0.0
    for number in range(1, runs + 1):
        level = min(most, max(0, level + random.choice([-1, 0, 0, 0, 0, 0, 0, 1])))
        worse = random.random() < 0.3
        probability, rate = 0.5 ** (level + (worse and level > 0)), bad if worse else 0.005
        expected += rate
        if random.random() < probability:
            outcomes.add_compared("bad" if worse else "good", divergent=random.random() < rate, probability=probability)
        else:
            outcomes.add_not_sampled(probability=probability)
        yield expected / number


def test_a_governor_that_goes_where_it_wants_to_makes_no_bound_wrong():
    random, wrong = np.random.default_rng(23), 0
    for _ in range(40):
        outcomes = Outcomes()
        for number, mean in enumerate(governed(random, outcomes, 600, bad=0.1), 1):
            if number % 20 == 0 and max(outcomes.evidence_above(THESE, mean), outcomes.evidence_below(THESE, mean)) >= -log(0.05):
                wrong += 1
                break
    assert wrong <= 40 * 2 * 0.05


def test_a_candidate_that_diverges_where_it_is_drawn_least_is_found_although_most_of_these_runs_are_not_compared():
    outcomes = Outcomes()
    for _ in governed(np.random.default_rng(29), outcomes, 12_000, bad=0.3):
        pass
    assert outcomes.evidence_above(THESE, ALLOWED) >= -log(0.05)


def test_a_clean_candidate_is_promoted_although_a_governor_lowers_the_share():
    outcomes = Outcomes()
    for _ in governed(np.random.default_rng(31), outcomes, 9_000, bad=0.0, most=2):
        pass
    assert outcomes.evidence_below(THESE, ALLOWED) >= -log(0.05)


@pytest.mark.parametrize("probability", [1.0, 0.5, 0.013, 1 / 5000])
def test_counts_that_were_kept_are_taken_over_whole(probability):
    outcomes = Outcomes()
    for number in range(50):
        outcomes.add_compared(f"t{number % 3}", divergent=number % 7 == 0, probability=probability)
        outcomes.add_not_sampled(probability=probability)
    again = Outcomes.restored(msgspec.json.decode(msgspec.json.encode(outcomes.state())))
    assert again.state() == outcomes.state()
    assert again.bounds(THESE, 0.05) == outcomes.bounds(THESE, 0.05)


def test_twenty_clean_tenants_prove_nothing_of_tenants_like_them_and_two_hundred_and_twenty_do():
    outcomes = Outcomes()
    for tenants, proved in ((range(20), False), (range(20, 220), True)):
        for tenant in tenants:
            for _ in range(25):
                outcomes.add_compared(f"tenant-{tenant}", divergent=False)
        assert (outcomes.bounds(LIKE_THESE, 0.05).upper < ALLOWED) is proved


def held_at(random, factor, pairs, step=20):
    """Return the pair at which candidate is proved to be slower; infinite: it never is."""
    both, own = random.normal(size=pairs), random.normal(size=(2, pairs))
    control, candidate = np.exp(0.4 * (0.8 * both + 0.6 * own))  # seconds; correlation 0.64
    latency = LatencyPairs(0.95)
    for number, pair in enumerate(zip(control.tolist(), (factor * candidate).tolist(), strict=True), 1):
        latency.add(*pair)
        if number % step == 0 and latency.evidence_slower() >= -log(0.05):
            return number
    return inf


def test_a_regression_of_ten_percent_in_the_slow_runs_is_found_and_sides_alike_are_not():
    random = np.random.default_rng(13)
    assert np.median([held_at(random, 1.1, 2000) for _ in range(15)]) < 2000
    assert sum(held_at(random, 1.0, 1000, step=50) < inf for _ in range(60)) <= 3


def test_sides_alike_are_shown_to_be_no_slower_in_the_end():
    random, latency = np.random.default_rng(17), LatencyPairs(0.95)
    for control, candidate in random.lognormal(0.0, 0.4, (3000, 2)).tolist():
        latency.add(control, candidate)
    assert -0.05 < latency.excess(0.05).lower < 0.0 < latency.excess(0.05).upper < 0.05


def test_bounds_of_a_quantile_hold_it_and_narrow():
    latency, true = LatencyPairs(0.95), float(np.exp(0.4 * 1.6449))
    widths = []
    for number, (control, candidate) in enumerate(np.random.default_rng(19).lognormal(0.0, 0.4, (4000, 2)).tolist(), 1):
        latency.add(control, candidate)
        if number in {10, 400, 4000}:
            found, _ = latency.quantiles_s(0.05)
            assert found.lower <= true <= found.upper
            widths.append(found.upper - found.lower)
    assert widths[0] == inf
    assert widths[1] > widths[2]


def test_rates_agree_with_an_implementation_of_somebody_else():
    outcomes = (np.random.default_rng(23).random(500) < 0.1).astype(float)
    peer = BernoulliCS(alpha=0.05, prior=(0.5, 0.5), intersect=False)
    peer.update(outcomes)
    found = rate_bounds(int(outcomes.sum()), 500, 0.05)
    assert found == pytest.approx((peer.lower_[-1], peer.upper_[-1]), abs=1e-6)


@pytest.mark.parametrize("rate", [0.0, 0.02, 0.5, 1.0])
def test_our_means_agree_with_a_betting_sequence_of_somebody_else(rate):
    outcomes = (np.random.default_rng(29).random(1000) < rate).astype(float)
    peer = BettingCS(alpha=0.1)  # of both sides together: 0.05 each
    peer.update(outcomes)
    ours = Mean()
    ours.add(1.0, int(outcomes.sum()))
    ours.add(0.0, int(1000 - outcomes.sum()))
    assert ours.lower(0.05) == pytest.approx(peer.lower_[-1], abs=0.02)
    assert ours.upper(0.05) == pytest.approx(peer.upper_[-1], abs=0.02)


def test_our_quantiles_lie_within_those_of_somebody_else():
    times = np.random.default_rng(31).lognormal(0.0, 0.4, 3000)
    peer = QuantileCS(q=0.95, alpha=0.05, t_opt=3000)
    peer.update(times)
    latency = LatencyPairs(0.95)
    for time in times.tolist():
        latency.add(time, time)
    ours, _ = latency.quantiles_s(0.05)
    assert peer.lower_[-1] * 0.99 <= ours.lower < ours.upper <= peer.upper_[-1] * 1.01  # times are kept in classes of 1 %


def test_what_the_page_shows_is_what_the_code_returns():
    assert doctest.testfile(str(DOC), module_relative=False).failed == 0
