"""Noise is what engines show against themselves as often as against each other; what goes beyond stays divergent."""

import random
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.comparison import Excess, NoiseFloor, Rate
from migration.comparison.ledger import parse_ledger
from migration.comparison.noise import ALPHA, MIN_ROUNDS, rate_bounds
from migration.comparison.verdict import overall
from migration.model import Divergence, Verdict

MARK = "0123456789ab"


def divergence(**changes: Any) -> Divergence:
    plain: dict[str, Any] = {
        "kind": "payload",
        "severity": "contract",
        "fingerprint": MARK,
        "lane": "data",
        "path": "agent_completed.payload.n",
    }
    return Divergence(**plain | {"control": "1", "candidate": "2", "sentence": "It differs."} | changes)


def floor(compared: int, comparisons: int, shown: int, rounds: int) -> NoiseFloor:
    return NoiseFloor(comparisons, rounds, {MARK: (compared, shown)})


def test_what_rounds_show_as_often_as_comparisons_is_noise_and_says_why() -> None:
    judged = floor(100, 1000, 10, 100).judge(divergence())

    assert judged.verdict is Verdict.NOISE
    assert judged.note == (
        "An engine compared with itself shows it in 10 of 100 rounds; its excess between the engines is +0.0 percentage points "
        "(-16.9 to +11.4): noise explains it."
    )


def test_noise_is_no_match() -> None:
    assert overall([floor(100, 1000, 10, 100).judge(divergence())], []) is Verdict.NOISE


def test_what_is_more_frequent_than_noise_explains_stays_divergent_and_says_by_how_much() -> None:
    judged = floor(600, 1000, 10, 100).judge(divergence())

    assert judged.verdict is Verdict.DIVERGENT
    assert "its excess between the engines is +50.0 percentage points" in judged.note
    assert judged.note.endswith(": more than noise explains.")


def test_what_no_round_shows_is_left_as_it_is() -> None:
    assert NoiseFloor(1000, 100, {}).judge(divergence()) == divergence()


def test_too_few_rounds_explain_nothing_and_say_so() -> None:
    judged = floor(5, 10, 5, MIN_ROUNDS - 1).judge(divergence())

    assert judged.verdict is Verdict.DIVERGENT
    assert judged.note.endswith(f"{MIN_ROUNDS} rounds are needed before that explains anything.")


@pytest.mark.parametrize("changes", [{"severity": "security"}, {"kind": "isolation_breach"}])
def test_another_tenants_data_is_never_noise(changes: dict[str, str]) -> None:
    assert floor(100, 1000, 10, 100).judge(divergence(**changes)).verdict is Verdict.DIVERGENT


def test_what_the_ledger_accepts_stays_accepted() -> None:
    accepted = divergence(verdict=Verdict.ACCEPTED, accepted_by="known")

    assert floor(100, 1000, 10, 100).judge(accepted) == accepted


def test_what_exceeds_the_ledger_may_be_noise_and_keeps_both_notes() -> None:
    ledger = parse_ledger(
        f'[[accepted]]\nid = "x"\nfingerprint = "{MARK}"\nreason = "r"\nowner = "o"\nexpires = 2099-01-01\nat_most = 1\n', "chat.toml"
    )
    judged = floor(100, 1000, 10, 100).judge(ledger.judge(divergence(occurrences=2), date(2026, 1, 1)))

    assert judged.verdict is Verdict.NOISE
    assert judged.note.startswith("It does so twice in this run, and 'x' of the ledger accepts it once. An engine compared with itself")


def test_a_comparison_uses_the_noise_that_it_is_given(changed: Any) -> None:
    def answer_otherwise(run: Any) -> None:
        run.frame("agent_completed", "data").payload["result"]["step_count"] = 3

    found = changed(answer_otherwise).divergences[0]
    noisy = NoiseFloor(1000, 100, {found.fingerprint: (100, 10)})

    assert changed(answer_otherwise, noise=noisy).verdict is Verdict.NOISE


def test_a_difference_in_every_run_is_told_from_noise_within_a_few_runs() -> None:
    """Five of a hundred rounds show it; then a candidate comes that shows it always."""
    runs = next(n for n in range(1, 50) if not Excess(Rate(hits=n, trials=n), Rate(hits=5, trials=100)).explained)

    assert runs <= 3


@pytest.mark.parametrize(("hits", "trials", "alpha"), [(-1, 5, 0.1), (6, 5, 0.1), (1, 5, 0.0), (1, 5, 1.0)])
def test_bounds_of_what_is_no_rate_are_refused(hits: int, trials: int, alpha: float) -> None:
    with pytest.raises(ValueError, match="lie in 0 to trials"):
        rate_bounds(hits, trials, alpha)


def test_nothing_seen_bounds_nothing() -> None:
    assert rate_bounds(0, 0, 0.05) == (0.0, 1.0)


@given(trials=st.integers(1, 5000), share=st.floats(0, 1), alpha=st.floats(0.001, 0.5))
def test_bounds_contain_the_observed_rate_and_mirror_hits_and_misses(trials: int, share: float, alpha: float) -> None:
    hits = round(trials * share)
    low, high = rate_bounds(hits, trials, alpha)

    assert 0.0 <= low <= hits / trials <= high <= 1.0
    assert rate_bounds(trials - hits, trials, alpha) == pytest.approx((1.0 - high, 1.0 - low), abs=1e-9)


@given(trials=st.integers(1, 500), share=st.floats(0, 1))
def test_ten_times_the_trials_narrow_the_bounds(trials: int, share: float) -> None:
    hits = round(trials * share)
    low, high = rate_bounds(hits, trials, 0.05)
    closer_low, closer_high = rate_bounds(10 * hits, 10 * trials, 0.05)

    assert closer_high - closer_low < high - low


def test_bounds_hold_at_every_look_in_all_but_a_few_series() -> None:
    """600 series, each looked at after every one of 400 trials: with bounds for one look alone, more than a third would go astray."""
    astray = 0
    for seed in range(600):
        flip, hits = random.Random(seed), 0  # noqa: S311 - a series that can be repeated
        for trials in range(1, 401):
            hits += flip.random() < 0.2
            low, high = rate_bounds(hits, trials, ALPHA)
            if not low <= 0.2 <= high:
                astray += 1
                break

    assert astray / 600 <= ALPHA


def test_equal_rates_are_told_apart_in_no_more_than_a_few_series() -> None:
    wrong = 0
    for seed in range(200):
        flip, compared, shown = random.Random(seed), 0, 0  # noqa: S311 - a series that can be repeated
        for number in range(1, 301):
            compared += sum(flip.random() < 0.1 for _ in range(10))
            shown += flip.random() < 0.1
            if Excess(Rate(hits=compared, trials=10 * number), Rate(hits=shown, trials=number)).interval[0] > 0:
                wrong += 1
                break

    assert wrong / 200 <= ALPHA
