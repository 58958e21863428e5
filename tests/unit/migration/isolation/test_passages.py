"""What is scanned of two runs: every piece, with its place, and in one piece the same."""

import pytest

from migration.isolation.passages import all_at_once, passages
from migration.model import Effect, EffectError, Event, Origin, RunLog, RunRecord, RunRequest

REQUEST = RunRequest(surface="shop", tenant_id="acme", user_id="ann", thread_id="d", run_id="r", payload=b"<asked>", received_at=0.0)


def effect(kind="model", *, request=b"<request>", reply=b"<reply>", error=None, performed=False):
    return Effect(
        kind=kind,
        name="m",
        lane="a",
        key="",
        request=request,
        reply=reply,
        error=error,
        started_s=0.0,
        duration_s=0.0,
        performed_by_shadow=performed,
    )


def run(origin, *effects, error=None):
    event = Event(kind="said", lane="a", payload=f"<said by {origin.value}>".encode(), at_s=0.0)
    return RunRecord(
        request=REQUEST, origin=origin, events=(event,), journal=effects, outcome="completed", duration_s=1.0, trace_id=None, error=error
    )


NO_LOGS = (RunLog(lines=()), RunLog(lines=()))
SERVED = run(Origin.CONTROL, effect(), error=EffectError(type="X", message="<served error>"))
SHADOW = run(Origin.CANDIDATE, effect(), effect("tool", reply=b"<got outside>", performed=True))


def subjects(served=SERVED, shadow=SHADOW, logs=NO_LOGS):
    return [(one.side.value, one.subject, one.data) for one in passages(served, shadow, logs)]


def test_each_piece_has_its_side_and_its_subject():
    assert subjects(logs=(RunLog(lines=("<log>",)), RunLog(lines=()))) == [
        ("control", "run.request", b"<asked>"),
        ("control", "said", b"<said by control>"),
        ("control", "model.request", b"<request>"),
        ("control", "model.reply", b"<reply>"),
        ("control", "run.error", b"<served error>"),
        ("candidate", "said", b"<said by candidate>"),
        ("candidate", "model.request", b"<request>"),
        ("candidate", "tool.m.request", b"<request>"),
        ("candidate", "tool.m.reply", b"<got outside>"),
        ("control", "log", b"<log>"),
    ]


def test_what_both_runs_got_shows_no_engines_mix_up():
    shared = {one.subject: one.shared for one in passages(SERVED, SHADOW, NO_LOGS)}
    assert (shared["model.reply"], shared["tool.m.reply"], shared["run.request"], shared["said"]) == (True, False, True, False)


def test_only_the_users_own_words_may_name_anybody():
    assert [one.subject for one in passages(SERVED, SHADOW, NO_LOGS) if one.own_words] == ["run.request"]


@pytest.mark.parametrize("piece", [data for _, _, data in subjects()])
def test_everything_is_in_the_one_piece_too(piece):
    assert piece in all_at_once(SERVED, SHADOW, NO_LOGS)


def test_an_error_of_an_effect_is_scanned_too():
    failed = run(Origin.CONTROL, effect(reply=None, error=EffectError(type="X", message="<failed>")))
    assert ("control", "model.error", b"<failed>") in subjects(served=failed)
    assert b"<failed>" in all_at_once(failed, SHADOW, NO_LOGS)


def test_a_half_surrogate_in_a_log_is_scanned_and_stops_nothing():
    logs = (RunLog(lines=("\ud800",)), RunLog(lines=()))
    assert b"\xed\xa0\x80" in all_at_once(SERVED, SHADOW, logs)
