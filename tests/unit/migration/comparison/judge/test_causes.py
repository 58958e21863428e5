"""One cause, one row: what follows from a difference is told with it, unless the ledger thinks better of the cause than of what follows."""

from datetime import date
from typing import Any

import msgspec
import pytest

from migration.comparison import Accepted, Ledger
from migration.comparison.judge.ledger import EntryPattern
from migration.model import Comparison, EffectError, Origin, Verdict

TODAY = date(2026, 7, 1)
REFUSED = {"reply": None, "error": EffectError(type="EffectMissingError", message=""), "duration_s": 0.0}


def crash(run: Any, error: str = "ZeroDivisionError") -> Any:
    """Let the run end in the middle of its second agent."""
    del run.frames[run.find("tool_completed", "data/usage_summary#1") :]
    del run.effects[3:]
    run.outcome, run.error = "failed", EffectError(type=error, message="")
    return run


def starve(run: Any) -> Any:
    """Let the run ask for what the crashed one did not live to ask for, three times, look at the clock, and fail in its own way."""
    asked = msgspec.structs.replace(run.effects[3], **REFUSED)
    tries = [msgspec.structs.replace(asked, started_s=asked.started_s + wait_s) for wait_s in (0.0, 1.0, 2.0)]
    clock = msgspec.structs.replace(run.effects[0], kind="clock", name="now", lane="data", request=b"{}", started_s=9.0, **REFUSED)
    run.effects[3:] = [*tries, clock]
    del run.frames[run.find("tool_executing", "data/price_lookup#2") :]
    run.outcome, run.error = "timed_out", EffectError(type="TimeoutError", message="")
    return run


def told(comparison: Comparison) -> list[tuple[str, str, str, str]]:
    return [(one.kind, one.severity, one.path, str(one.sentence)) for one in comparison.divergences]


CRASHED = ("terminal_state", "contract", "run.outcome", "Candidate crashed with ZeroDivisionError; control continued.")


def test_a_crash_is_one_divergence_with_what_it_cost(run: Any, compared: Any) -> None:
    comparison = compared(run(), crash(run(1)))

    assert told(comparison) == [CRASHED]
    follows = comparison.divergences[0].follows
    assert "missing_event agent_completed of data" in follows
    assert "missing_event * of reporting" in follows
    assert "effect_missing model of reporting" in follows


def test_a_crash_is_the_same_one_whoever_served(run: Any, compared: Any) -> None:
    shadowing = compared(run(), crash(run(1)), serving=Origin.CONTROL)
    serving = compared(starve(run()), crash(run(1)), serving=Origin.CANDIDATE)

    assert told(serving) == told(shadowing) == [CRASHED]
    assert serving.divergences[0].fingerprint == shadowing.divergences[0].fingerprint
    assert serving.reasons == ()


def test_what_differed_before_a_crash_is_told_beside_it(run: Any, compared: Any) -> None:
    candidate = crash(run(1))
    candidate.frame("agent_completed", "triage").payload["result"]["final_answer"] = "quite different"
    candidate.drop("agent_thinking", "data")

    assert [one.kind for one in compared(run(), candidate).divergences] == ["terminal_state", "payload", "missing_event"]


@pytest.mark.parametrize(
    ("error", "how"),
    [
        ("CapacityError", "Candidate rejected the request as busy with CapacityError; control continued."),
        ("InvalidPayloadError", "Candidate refused the request with InvalidPayloadError; control continued."),
    ],
)
def test_turning_a_request_away_is_an_outcome_of_its_own(error: str, how: str, run: Any, compared: Any) -> None:
    candidate = run(1)
    candidate.frames, candidate.effects = [], []
    candidate.outcome, candidate.error = "failed", EffectError(type=error, message="")

    (found,) = compared(run(), candidate).divergences

    assert (found.kind, found.path, str(found.sentence)) == ("terminal_state", "run.outcome", how)
    assert found.candidate == ('"busy"' if error == "CapacityError" else '"refused"')


def test_two_runs_that_turn_a_request_away_for_different_reasons_differ(run: Any, compared: Any) -> None:
    runs = run(), run(1)
    for one, error in zip(runs, ("CapacityError", "InvalidPayloadError"), strict=True):
        one.frames, one.effects, one.outcome, one.error = [], [], "failed", EffectError(type=error, message="")

    (found,) = compared(*runs).divergences

    assert (found.control, found.candidate) == ('"busy"', '"refused"')


def test_a_type_that_changed_in_every_frame_is_one_row(run: Any, compared: Any) -> None:
    candidate = run(1)
    for number, frame in enumerate(candidate.frames):
        frame.envelope["timestamp"] = f"2026-12-01T00:00:{number:02}Z"

    (found,) = compared(run(), candidate).divergences

    assert (found.kind, found.severity, found.path) == ("payload", "contract", "agent_started.timestamp")
    assert len(found.follows) >= 9
    assert any(clause.startswith("payload tool_completed.timestamp of data/price_lookup") for clause in found.follows)


def test_a_value_that_changed_in_several_places_is_one_row(run: Any, compared: Any) -> None:
    runs = run(), run(1)
    for one, name in zip(runs, ("large-2", "small-2"), strict=True):
        one.frame("agent_started", "data").payload["model"] = name
        one.frame("agent_completed", "data").payload["result"]["used"] = name
        one.frame("agent_completed", "reporting").payload["step"] = 1 + (name == "small-2")

    assert [one.path for one in compared(*runs).divergences] == ["agent_started.payload.model", "agent_completed.payload.step"]


def rename_a_field_of_two(run: Any) -> None:
    for lane in ("data", "triage"):
        run.frame("agent_completed", lane).payload["note"] = "new"


@pytest.mark.parametrize(("lane", "rows"), [("data", ["triage", "data"]), ("triage", ["triage", "data"])])
def test_a_ledger_that_accepts_one_place_accepts_no_other(lane: str, rows: list[str], changed: Any) -> None:
    pattern = EntryPattern(kind="payload", lane=lane, path="agent_completed.payload.note")
    ledger = Ledger([Accepted(id="note", reason="It is new.", owner="chat", permanent=True, pattern=pattern)])

    comparison = changed(rename_a_field_of_two, ledger=ledger, today=TODAY)

    assert comparison.verdict is Verdict.DIVERGENT
    divergent = [one.lane for one in comparison.divergences if one.verdict is Verdict.DIVERGENT]
    told = [clause.rpartition(" of ")[2] for one in comparison.divergences for clause in one.follows]
    assert set(divergent) == set(rows) - {lane}
    assert {one.lane for one in comparison.divergences} | set(told) == set(rows)


def start_twice(run: Any) -> None:
    at = run.find("agent_started", "data")
    run.frames.insert(at + 1, run.frames[at])


ACCEPT_TWICE = Ledger(
    [
        Accepted(
            id="twice",
            reason="Control does.",
            owner="chat",
            permanent=True,
            pattern=EntryPattern(kind="duplicate_event", path="agent_started"),
        )
    ]
)


def test_a_breach_of_the_candidate_is_told_with_the_difference_that_shows_it(changed: Any) -> None:
    (found,) = changed(start_twice).divergences

    assert found.kind == "duplicate_event"
    assert found.follows == ("contract_violation agent_started of data",)


def test_a_breach_of_the_candidate_is_divergent_though_the_ledger_accepts_what_shows_it(changed: Any) -> None:
    found = changed(start_twice, ledger=ACCEPT_TWICE, today=TODAY).divergences

    assert [(one.kind, one.verdict) for one in found] == [
        ("duplicate_event", Verdict.ACCEPTED),
        ("contract_violation", Verdict.DIVERGENT),
    ]


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("ledger", [Ledger(), ACCEPT_TWICE], ids=["nothing accepted", "accepted"])
def test_a_breach_of_the_candidate_is_not_hidden_by_controls_own(times: int, ledger: Ledger, run: Any, compared: Any) -> None:
    control, candidate = run(), run(1)
    start_twice(candidate)
    for _ in range(times):
        start_twice(control)

    comparison = compared(control, candidate, ledger=ledger, today=TODAY)

    assert comparison.verdict is Verdict.DIVERGENT
    assert [str(one.sentence) for one in comparison.divergences if one.kind == "contract_violation"] == [
        "Candidate breaks the event contract for `data`: `agent_started` must come exactly once, but came more than once."
    ]


def test_a_dropped_and_a_doubled_event_have_fingerprints_of_their_own(run: Any, compared: Any) -> None:
    def broken(change: Any) -> str:
        runs = run(), run(1)
        for one in runs:
            change(one)
        (found,) = (one for one in compared(*runs).divergences if "`agent_started` must come" in str(one.sentence))
        return found.fingerprint

    assert broken(start_twice) != broken(lambda one: one.drop("agent_started", "data"))


def test_an_agent_that_ends_otherwise_carries_what_comes_of_it(run: Any, compared: Any) -> None:
    candidate = run(1)
    done = candidate.frame("agent_completed", "reporting").payload
    done["status"] = "failed"
    done["result"].update(success=False, error="no answer", final_answer=None, step_count=1)
    candidate.outcome = "failed"

    (found,) = compared(run(), candidate).divergences

    assert (found.kind, found.lane) == ("terminal_state", "reporting")
    assert "terminal_state run.outcome" in found.follows
    assert "payload agent_completed.payload.result.step_count of reporting" in found.follows


def test_somebody_elses_data_is_never_told_with_something_else(run: Any, compared: Any) -> None:
    candidate = crash(run(1))
    candidate.frame("agent_thinking", "triage").envelope["tenant_id"] = "globex"

    assert {one.kind for one in compared(run(), candidate).divergences} == {"isolation_breach", "terminal_state"}
