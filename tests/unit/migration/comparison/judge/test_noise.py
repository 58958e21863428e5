"""Noise is what engines show against themselves as often as against each other; what goes beyond stays divergent."""

import random
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.comparison import Excess, NoiseFloor, Rate
from migration.comparison.judge.ledger import parse_ledger
from migration.comparison.judge.noise import ALPHA, MIN_ROUNDS
from migration.comparison.judge.verdict import overall
from migration.model import Divergence, Verdict
from migration.statistics import rate_bounds

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
    judged = floor(1000, 10_000, 100, 1000).judge(divergence())

    assert judged.verdict is Verdict.NOISE
    assert judged.note == (
        "An engine compared with itself shows it in 100 of 1000 rounds; its excess between the engines is +0.0 percentage "
        "points (-5.2 to +4.5): noise explains it."
    )


def test_noise_is_no_match() -> None:
    assert overall([floor(1000, 10_000, 100, 1000).judge(divergence())], []) is Verdict.NOISE


def test_what_is_more_frequent_than_noise_explains_stays_divergent_and_says_by_how_much() -> None:
    judged = floor(600, 1000, 10, 100).judge(divergence())

    assert judged.verdict is Verdict.DIVERGENT
    assert "its excess between the engines is +50.0 percentage points" in judged.note
    assert judged.note.endswith(": more than noise explains.")


@pytest.mark.parametrize(
    ("between", "rounds", "explained"),
    [
        ((20, 40), (20, 40), False),  # up to half of all comparisons could differ for another reason
        ((500, 1000), (50, 100), True),  # a third is proven noise, less than that could hide
        ((100, 10_000), (1, 100), True),  # hardly anything is proven, and next to nothing can hide
        ((1000, 10_000), (10, 100), False),
        ((1000, 10_000), (100, 1000), True),
    ],
)
def test_more_must_be_known_the_more_could_hide(between: tuple[int, int], rounds: tuple[int, int], explained: bool) -> None:
    excess = Excess(Rate(hits=between[0], trials=between[1]), Rate(hits=rounds[0], trials=rounds[1]))

    assert (excess.explained, excess.share) == (explained, 0.0)
    assert excess.sentence().endswith(": noise explains it." if explained else ": more rounds are needed to call it noise.")


def test_what_no_round_shows_is_left_as_it_is() -> None:
    assert NoiseFloor(1000, 100, {}).judge(divergence()) == divergence()


def test_too_few_rounds_explain_nothing_and_say_so() -> None:
    judged = floor(5, 10, 5, MIN_ROUNDS - 1).judge(divergence())

    assert judged.verdict is Verdict.DIVERGENT
    assert judged.note.endswith(f"{MIN_ROUNDS} rounds are needed before that explains anything.")


@pytest.mark.parametrize("changes", [{"severity": "security"}, {"kind": "isolation_breach"}])
def test_another_tenants_data_is_never_noise(changes: dict[str, str]) -> None:
    assert floor(1000, 10_000, 100, 1000).judge(divergence(**changes)).verdict is Verdict.DIVERGENT


def test_what_the_ledger_accepts_stays_accepted() -> None:
    accepted = divergence(verdict=Verdict.ACCEPTED, accepted_by="known")

    assert floor(1000, 10_000, 100, 1000).judge(accepted) == accepted


def test_what_exceeds_the_ledger_may_be_noise_and_keeps_both_notes() -> None:
    ledger = parse_ledger(
        f'[[accepted]]\nid = "x"\nfingerprint = "{MARK}"\nreason = "r"\nowner = "o"\nexpires = 2099-01-01\nat_most = 1\n', "chat.toml"
    )
    judged = floor(1000, 10_000, 100, 1000).judge(ledger.judge(divergence(occurrences=2), date(2026, 1, 1)))

    assert judged.verdict is Verdict.NOISE
    assert judged.note.startswith("It does so twice in this run, and 'x' of the ledger accepts it once. An engine compared with itself")


def test_a_comparison_uses_the_noise_that_it_is_given(changed: Any) -> None:
    def answer_otherwise(run: Any) -> None:
        run.frame("agent_completed", "data").payload["result"]["step_count"] = 3

    found = changed(answer_otherwise).divergences[0]
    noisy = NoiseFloor(10_000, 1000, {found.fingerprint: (1000, 100)})

    assert changed(answer_otherwise, noise=noisy).verdict is Verdict.NOISE


def test_a_difference_in_every_run_is_told_from_noise_before_it_is_one_run_in_twenty() -> None:
    """One of a hundred rounds and of a thousand comparisons shows it; then a candidate comes that shows it always."""
    rounds = Rate(hits=10, trials=1000)
    assert Excess(Rate(hits=100, trials=10_000), rounds).explained

    runs = next(n for n in range(1, 2000) if not Excess(Rate(hits=100 + n, trials=10_000 + n), rounds).explained)

    assert runs < 500


@pytest.mark.parametrize(("hits", "trials", "alpha"), [(-1, 5, 0.1), (6, 5, 0.1), (1, 5, 0.0), (1, 5, 1.0)])
def test_bounds_of_what_is_no_rate_are_refused(hits: int, trials: int, alpha: float) -> None:
    with pytest.raises(ValueError, match="must be 0 to trials"):
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
    """300 series of 400 trials, each looked at every 5 trials: with bounds for one look alone, more than a quarter would go astray."""
    astray = 0
    for seed in range(300):
        flip, hits = random.Random(seed), 0  # noqa: S311 - a series that can be repeated
        for trials in range(5, 401, 5):
            hits += sum(flip.random() < 0.2 for _ in range(5))
            low, high = rate_bounds(hits, trials, ALPHA)
            if not low <= 0.2 <= high:
                astray += 1
                break

    assert astray / 300 <= ALPHA


def test_equal_rates_are_told_apart_in_no_more_than_a_few_series() -> None:
    wrong = 0
    for seed in range(200):
        flip, compared, shown = random.Random(seed), 0, 0  # noqa: S311 - a series that can be repeated
        for number in range(10, 301, 10):
            compared += sum(flip.random() < 0.1 for _ in range(100))
            shown += sum(flip.random() < 0.1 for _ in range(10))
            if Excess(Rate(hits=compared, trials=10 * number), Rate(hits=shown, trials=number)).interval[0] > 0:
                wrong += 1
                break

    assert wrong / 200 <= ALPHA
