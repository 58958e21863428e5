"""Gates over thousands of ramps: how often they err, how soon they decide, and what other rules do with the same runs.

`-s` prints tables.
"""

# ruff: noqa: T201 - figures for the page, beside what is asserted

from functools import lru_cache
from math import inf, log

import numpy as np
import pytest

from migration.statistics import MOSTLY, LatencyPairs, Mean, evidence_of_rate

ALLOWED, RUNS, RAMPS = 0.02, 1000, 10_000
ALPHA = 0.05


@lru_cache
def boundary(*, above, alpha, runs=RUNS):
    """Return, for counts of divergent runs and numbers of runs, whether a gate of 2 % is decided."""
    hits = np.arange(runs // 8)[:, None]
    return np.concatenate(
        [evidence_of_rate(hits[at : at + 50], np.arange(1, runs + 1), ALLOWED, above=above) for at in range(0, len(hits), 50)]
    ) >= -log(alpha * MOSTLY)


def first(decided):
    """Return the run at which each ramp is first decided; infinite: never."""
    return np.where(decided.any(1), decided.argmax(1) + 1, inf)


def drawn(rate, seed, ramps=RAMPS, runs=RUNS):
    """Yield counts of divergent runs, a thousand ramps at a time."""
    random = np.random.default_rng(seed)
    for _ in range(0, ramps, 1000):
        yield (random.random((1000, runs)) < rate).cumsum(1)


@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_these_tenants_are_hardly_ever_promoted_or_rolled_back_wrongly(alpha):
    """The mean over runs of uneven tenants that come in any order is bounded, after each run."""
    random, wrong = np.random.default_rng(41), np.zeros(2)
    for _ in range(60):
        rates = random.beta(0.2, 9.8, (25, 20))
        of = np.where(random.random((25, 1)) < 0.5, random.integers(0, 20, (25, 1000)), np.sort(random.integers(0, 20, (25, 1000))))
        true = np.take_along_axis(np.sort(rates, 1), of, 1)
        hits, means = (random.random((25, 1000)) < true).cumsum(1), true.cumsum(1) / np.arange(1, 1001)
        for side, above in enumerate((True, False)):
            wrong[side] += (evidence_of_rate(hits, np.arange(1, 1001), means, above=above) >= -log(alpha)).any(1).sum()
    print(f"\nthese tenants, alpha {alpha}: wrong above {wrong[0] / 1500:.2%}, below {wrong[1] / 1500:.2%} of 1,500")
    assert (wrong <= alpha * 1500).all()


@pytest.mark.parametrize("alpha", [0.05, 0.01])
@pytest.mark.parametrize(("a", "b"), [(0.2, 9.8), (0.2, 0.8), (1.0, 4.0)])
def test_tenants_like_these_are_hardly_ever_promoted_or_rolled_back_wrongly(alpha, a, b):
    random, wrong, mean = np.random.default_rng(43), np.zeros(2), a / (a + b)
    for _ in range(500):
        shares, erred = Mean(), np.zeros(2, bool)
        for hits in random.binomial(25, random.beta(a, b, 100)):
            shares.add(hits / 25)
            erred |= np.array([shares.evidence_above(mean), shares.evidence_below(mean)]) >= -log(alpha)
        wrong += erred
    print(f"\ntenants like these, mean {mean:.2f}, alpha {alpha}: wrong above {wrong[0] / 500:.2%}, below {wrong[1] / 500:.2%} of 500")
    assert (wrong <= alpha * 500).all()


def test_sides_alike_are_hardly_ever_held_for_their_slow_runs_and_ten_percent_soon_are():
    random = np.random.default_rng(47)

    def held(factor, pairs):
        both, own = random.normal(size=pairs), random.normal(size=(2, pairs))
        control, candidate = np.exp(0.4 * (0.8 * both + 0.6 * own))
        latency = LatencyPairs(0.95)
        for number, pair in enumerate(zip(control.tolist(), (factor * candidate).tolist(), strict=True), 1):
            latency.add(*pair)
            if number % 5 == 0 and latency.evidence_slower() >= -log(ALPHA):
                return number
        return inf

    alike = [held(1.0, 2000) for _ in range(1000)]
    slower = [held(1.1, 4000) for _ in range(200)]
    print(f"\nalike: {np.mean(np.isfinite(alike)):.2%} of 1,000 ever held; 10 % slower: held after {np.median(slower):,.0f} in the median")
    assert np.mean(np.isfinite(alike)) <= 0.05
    assert np.median(slower) < 2000


def ours(counted, unseen):
    """Return which ramps are promoted: below is proved before above is, with what was not seen counted as divergent, after 300 runs."""
    below, above = boundary(above=False, alpha=ALPHA), boundary(above=True, alpha=ALPHA)
    at = np.arange(RUNS)
    return first(below[np.minimum(counted + unseen, len(below) - 1), at] & (at >= 299)) < first(
        above[np.minimum(counted, len(above) - 1), at]
    )


def what_is_inconclusive_ships(counted):
    """Return which ramps are promoted by the rule of GrowthBook's safe rollouts: all that no sequential test fails within the time.

    A guardrail fails where the lower bound of an asymptotic confidence sequence is above what is allowed: Waudby-Smith, Arbour, Sinha,
    Kennedy and Ramdas (2024), as GrowthBook's documentation gives it, tuned for 5,000; here it is asked after each 100 runs.
    """
    runs = np.arange(100, RUNS + 1, 100)
    rates = counted[:, runs - 1] / runs
    rho2 = (-2 * log(ALPHA) + log(-2 * log(ALPHA) + 1)) / 5000
    width = np.sqrt(rates * (1 - rates) * 2 * (runs * rho2 + 1) / (runs**2 * rho2) * np.log(np.sqrt(runs * rho2 + 1) / (2 * ALPHA) + 1))
    return ~(rates - width > ALLOWED).any(1)


def thresholds(counted):
    """Return which ramps are promoted by thresholds as in Flagger: ten good checks of 100 runs each before five bad ones."""
    windows = np.diff(counted[:, 99::100], axis=1, prepend=0) / 100
    good, bad = (windows <= ALLOWED).cumsum(1), (windows > ALLOWED).cumsum(1)
    return first(good >= 10) < first(bad >= 5)


def test_other_rules_promote_what_ours_holds():
    table = {}
    for name, rate, hidden in [
        ("0 %", 0.0, False),
        ("0.5 %", 0.005, False),
        ("2 %", 0.02, False),
        ("2.5 %", 0.025, False),
        ("4 %", 0.04, False),
        ("4 %, shed runs alone", 0.04, True),
    ]:
        promoted = np.zeros(3)
        for hits in drawn(rate, 53):
            counted, unseen = (np.zeros_like(hits), hits) if hidden else (hits, np.zeros_like(hits))
            promoted += [ours(counted, unseen).sum(), what_is_inconclusive_ships(counted).sum(), thresholds(counted).sum()]
        table[name] = promoted / RAMPS
    print("\n| true divergence, 2 % allowed | this gate | what is inconclusive ships | thresholds |\n|---|---|---|---|")
    for name, shares in table.items():
        print(f"| {name} | {' | '.join(f'{share:.1%}' for share in shares)} |")
    assert all(table[name][0] <= ALPHA for name in ("2 %", "2.5 %", "4 %"))
    assert table["4 %, shed runs alone"][0] <= 0.0001
    assert table["2.5 %"][1] > 0.5 < table["0.5 %"][0]
