"""A difference that is ignored, accepted or noise is not a match; a comparison that hits a limit is inconclusive."""

from datetime import date
from itertools import product
from typing import Any

import msgspec
import pytest

from migration.comparison import Accepted, Ledger, Limits
from migration.comparison.judge.verdict import overall
from migration.errors import EffectMissingError
from migration.model import Divergence, EffectError, Origin, Verdict
from migration.sentence import say

TODAY = date(2026, 7, 1)


def divergence(verdict: Verdict) -> Divergence:
    return Divergence(
        kind="payload",
        severity="contract",
        fingerprint="0" * 12,
        lane="data",
        path="agent_completed.payload.status",
        control="1",
        candidate="2",
        sentence=say("It differs."),
        verdict=verdict,
    )


def drop_a_thought(run: Any) -> None:
    run.drop("agent_thinking", "data")


@pytest.mark.parametrize("verdicts", [combination for size in (1, 2, 3) for combination in product(Verdict, repeat=size)])
def test_no_set_of_divergences_is_a_match(verdicts: tuple[Verdict, ...]) -> None:
    assert overall([divergence(verdict) for verdict in verdicts], ()) is not Verdict.MATCH


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ((), Verdict.MATCH),
        ((Verdict.NOISE,), Verdict.NOISE),
        ((Verdict.NOISE, Verdict.ACCEPTED), Verdict.ACCEPTED),
        ((Verdict.ACCEPTED, Verdict.DIVERGENT, Verdict.NOISE), Verdict.DIVERGENT),
        ((Verdict.MATCH,), Verdict.DIVERGENT),
    ],
)
def test_a_comparison_has_the_worst_of_its_verdicts(verdicts: tuple[Verdict, ...], expected: Verdict) -> None:
    assert overall([divergence(verdict) for verdict in verdicts], ()) is expected


def test_any_reason_to_doubt_makes_a_comparison_inconclusive() -> None:
    assert overall((), ["the journal is truncated"]) is Verdict.INCONCLUSIVE


def test_an_accepted_divergence_is_kept_and_no_match(changed: Any) -> None:
    found = changed(drop_a_thought).divergences[0]
    entry = Accepted(id="quiet", fingerprint=found.fingerprint, reason="fewer thoughts", owner="chat", expires=TODAY)

    comparison = changed(drop_a_thought, ledger=Ledger([entry]), today=TODAY)

    assert comparison.verdict is Verdict.ACCEPTED
    assert [(one.kind, one.accepted_by) for one in comparison.divergences] == [("missing_event", "quiet")]


@pytest.mark.parametrize(
    "limits",
    [Limits(events=5), Limits(event_bytes=1000), Limits(effects=2), Limits(effect_bytes=100)],
    ids=["events", "bytes of events", "effects", "bytes of effects"],
)
def test_a_comparison_past_a_limit_is_inconclusive_and_says_which(limits: Limits, changed: Any) -> None:
    comparison = changed(lambda _run: None, limits=limits)

    assert comparison.verdict is Verdict.INCONCLUSIVE
    assert all("the limit is" in reason for reason in map(str, comparison.reasons))
    assert len(comparison.reasons) == 2  # both runs


def test_a_limit_that_only_one_run_passes_is_enough(run: Any, compared: Any) -> None:
    control, candidate = run(), run(1)
    limits = Limits(events=len(control.frames))
    candidate.frames.append(candidate.frames[-1])

    assert compared(control, candidate, limits=limits).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[1]", b'"text"', b'{"a":"\xff"}', b"[" * 100_000],
    ids=["empty", "cut", "a list", "a text", "not UTF-8", "too deep"],
)
def test_an_undecodable_frame_is_inconclusive_even_when_both_runs_have_it(raw: bytes, run: Any, compared: Any) -> None:
    control, candidate = run(), run(1)
    for one in (control, candidate):
        one.frame("agent_thinking", "data").raw = raw

    comparison = compared(control, candidate)

    assert comparison.verdict is Verdict.INCONCLUSIVE
    assert "event 6 of control is undecodable" in str(comparison.reasons[0])


def test_an_undecodable_body_inside_a_good_frame_is_inconclusive(run: Any, compared: Any) -> None:
    control, candidate = run(), run(1)
    for one in (control, candidate):
        whole = one.record(Origin.CONTROL).events[0].payload
        one.frames[0].raw = whole.replace(b"The triage", b"The \xff triage")

    assert compared(control, candidate).verdict is Verdict.INCONCLUSIVE


def test_a_difference_beside_an_undecodable_frame_is_still_reported(run: Any, compared: Any) -> None:
    control, candidate = run(), run(1)
    candidate.frame("agent_thinking", "triage").raw = b"{"
    candidate.frame("agent_thinking", "data").envelope["tenant_id"] = "globex"

    comparison = compared(control, candidate)

    assert comparison.verdict is Verdict.INCONCLUSIVE
    assert "isolation_breach" in {found.kind for found in comparison.divergences}


@pytest.mark.parametrize("request_bytes", [None, b"{", b"[]"], ids=["not recorded", "no JSON", "no object"])
def test_an_effect_that_cannot_be_read_is_inconclusive(request_bytes: bytes | None, run: Any, compared: Any, new_effect: Any) -> None:
    control, candidate = run(), run(1)
    for one in (control, candidate):
        one.effects[0] = new_effect("model", "default", "triage", request_bytes)

    assert compared(control, candidate).verdict is Verdict.INCONCLUSIVE


def test_a_reason_of_the_caller_is_kept(changed: Any) -> None:
    comparison = changed(lambda _run: None, reasons=[say("the journal is truncated")])

    assert (comparison.verdict, tuple(map(str, comparison.reasons))) == (Verdict.INCONCLUSIVE, ("the journal is truncated",))


def test_runs_of_different_requests_are_inconclusive(run: Any, compared: Any) -> None:
    other = run(1)
    other.request = msgspec.structs.replace(other.request, payload=b'{"message":"Hello"}')

    assert tuple(map(str, compared(run(), other).reasons)) == ("the runs do not belong to one request: payload differs",)


def test_a_cancelled_run_is_inconclusive(run: Any, compared: Any) -> None:
    control = run()
    control.outcome = "cancelled"

    assert compared(control, run(1)).verdict is Verdict.INCONCLUSIVE


def test_one_fingerprint_is_one_divergence_with_a_count(changed: Any) -> None:
    def drop_all_thoughts(run: Any) -> None:
        run.frames = [frame for frame in run.frames if (frame.kind, frame.lane) != ("agent_thinking", "data")]

    assert [(found.kind, found.occurrences) for found in changed(drop_all_thoughts).divergences] == [("missing_event", 2)]


def test_effects_are_counted_by_what_became_of_them(run: Any, compared: Any, new_effect: Any) -> None:
    candidate = run(1)
    missing = EffectError(type=EffectMissingError.__name__, message="not in the journal")
    candidate.effects.append(new_effect("tool", "save_action_plan", "data", {"name": "save_action_plan"}, error=missing))

    comparison = compared(run(), candidate, performed_by_shadow=0)

    assert (comparison.effects_recorded, comparison.effects_replayed, comparison.effects_missing) == (6, 6, 1)


def test_more_differing_fields_than_may_be_named_are_one_divergence(changed: Any) -> None:
    def fill(run: Any) -> None:
        run.frame("agent_completed", "data").payload["result"].update({f"key{letter}": 1 for letter in "abcdefgh"})

    (found,) = changed(fill, limits=Limits(leaves=5)).divergences

    assert (found.kind, found.path) == ("payload", "agent_completed")
    assert "too many fields" in str(found.sentence)


def test_a_long_value_is_cut_and_says_so(changed: Any) -> None:
    def grow(run: Any) -> None:
        run.frame("agent_completed", "data").payload["result"]["final_answer"] = "é" * 10_000

    (found,) = changed(grow, limits=Limits(value_bytes=100)).divergences

    assert found.candidate is not None
    assert len(found.candidate) < 200
    assert msgspec.json.decode(found.candidate).endswith("cut, 20002 bytes in all")
