"""The commit point, read from a surface's configuration and a run's record."""

import asyncio

import msgspec
import pytest

from migration.comparison import parse_policy
from migration.effects.journals import JournalLimits, Recording
from migration.failover.commit import CommitPoint
from migration.model import Event
from tests.unit.migration.failover.programs import POLICY, Engine, FatalError, NotForYouError, Say, make_request

SILENT = parse_policy('surface = "shop"\nversion = 1\n[envelope]\ntexts = ["type"]\n', "shop.toml")


def said(*steps: Say) -> list[Event]:
    return [Engine.event(step, number) for number, step in enumerate(steps, 1)]


def taped(*steps: Say, limits: JournalLimits | None = None) -> Recording:
    tape = Recording(make_request(), limits=limits or JournalLimits())
    for event in said(*steps):
        tape.append(event)
    return tape


@pytest.mark.parametrize(
    ("steps", "past"),
    [
        ((), None),
        ((Say("begun"), Say("thought", step=1)), None),
        ((Say("done", "chooser"),), None),
        ((Say("done"),), "answered"),
        ((Say("part", "helper/look#1"),), "answered"),
        ((Say("calling", "helper/look#1"),), "unclosed"),
        ((Say("calling", "helper/look#1"), Say("called", "helper/look#2")), "unclosed"),
        ((Say("calling", "helper/look#1"), Say("called", "helper/look#1")), None),
    ],
)
def test_delivered_events_decide(steps, past):
    assert CommitPoint(POLICY).past(taped(*steps), ValueError()) == past


def test_without_a_declaration_every_event_is_an_answer():
    commit = CommitPoint(SILENT)
    assert [commit.past(taped(*steps), None) for steps in ((), (Say("thought", step=1),))] == [None, "answered"]


def test_a_record_that_is_not_whole_cannot_say_what_was_done():
    assert CommitPoint(POLICY).past(taped(Say("begun"), Say("begun"), limits=JournalLimits(events=1)), None) == "unrecorded"


def test_a_request_that_was_turned_away_was_not_failed():
    assert CommitPoint(POLICY).past(taped(), NotForYouError()) == "refused"


@pytest.mark.parametrize("error", [ValueError(), TimeoutError(), FatalError(), asyncio.CancelledError()], ids=repr)
async def test_an_engine_fails_by_any_exception_that_it_raises_itself(error):
    assert CommitPoint(POLICY).is_failure(error)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(), GeneratorExit()], ids=repr)
async def test_a_process_or_reader_that_stops_is_no_failure(error):
    assert not CommitPoint(POLICY).is_failure(error)


async def test_a_cancellation_that_somebody_requested_is_no_failure():
    asyncio.current_task().cancel()
    with pytest.raises(asyncio.CancelledError) as raised:
        await asyncio.sleep(1)
    assert not CommitPoint(POLICY).is_failure(raised.value)
    asyncio.current_task().uncancel()


@pytest.mark.parametrize(
    ("step", "outcome"),
    [
        (Say("sorry"), "failed"),
        (Say("done", status="failed"), "failed"),
        (Say("done", status="completed"), None),
        (Say("begun"), None),
    ],
)
def test_an_event_announces_a_failure_by_its_kind_or_by_what_it_says(step, outcome):
    (event,) = said(step)
    assert CommitPoint(POLICY).announces(event, ()) == outcome


def test_an_event_that_is_not_json_announces_nothing():
    event = msgspec.structs.replace(said(Say("done", status="failed"))[0], payload=b"\xff")
    assert CommitPoint(POLICY).announces(event, ()) is None


@pytest.mark.parametrize(
    ("steps", "whole"),
    [
        ((), False),
        ((Say("begun"),), False),
        ((Say("done", "chooser"),), False),
        ((Say("done"),), True),
        ((Say("done"), Say("begun")), False),
    ],
)
def test_a_stream_is_whole_if_an_agent_that_answers_ends_it(steps, whole):
    assert CommitPoint(POLICY).ends(said(*steps)) is whole


def test_where_no_end_is_declared_every_stream_is_whole():
    assert CommitPoint(SILENT).ends([])
