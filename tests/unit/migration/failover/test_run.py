"""A run that its candidate fails at any place and in any way: what the client gets, what is done outside, and what is kept of it."""

import asyncio
from collections import Counter
from contextlib import aclosing

import pytest

from migration.effects import perform
from migration.errors import TakenOverError, UnfinishedRunError
from migration.model import Origin, Stage
from tests.unit.migration.failover.programs import (
    CANDIDATE,
    CONTROL,
    Ask,
    Engine,
    FatalError,
    Flags,
    NotForYouError,
    Outside,
    Say,
    Served,
    faults_of,
    make_request,
)

WAYS = {
    "exception": lambda: ValueError("secret"),
    "time limit": TimeoutError,
    "fatal": FatalError,
    "own cancellation": asyncio.CancelledError,
    "stops": lambda: "stop",
    "hangs": lambda: "hang",
}
PLACES = range(len(CANDIDATE) + 1)
ASKS = {at for at, step in enumerate(CANDIDATE) if isinstance(step, Ask)}
#: Where nothing but the thoughts and ends of the agent that chooses, and closed calls of reading tools, was delivered or done.
SAVED = {at for at in range(14) if at not in (10, 11)}


async def broken(at, way, *, candidate=CANDIDATE, control=CONTROL, **options):
    """Serve a run whose candidate fails before that step."""
    outside = Outside()
    served = Served(Engine(outside, candidate, at, WAYS[way]()), Engine(outside, control), **options)
    error = await served.run()
    return served, outside, error


def fails(at, way):
    """A stream that stops after its last event has not failed."""
    return way != "stops" or at < len(CANDIDATE)


@pytest.mark.parametrize("way", WAYS)
async def test_wherever_a_candidate_fails_its_client_gets_one_clean_stream_or_an_error_and_nothing_is_done_twice(way):
    once = Counter((step.name, step.request) for step in CONTROL if not isinstance(step, Say))
    for at in PLACES:
        served, outside, error = await broken(at, way)
        assert faults_of(served.got) == [], (at, served.kinds)
        # Two agents ask the model for the same. What hung was begun, and gave no answer: that alone is asked for again.
        hung = Counter({(CANDIDATE[at].name, CANDIDATE[at].request): 1}) if way == "hangs" and at in ASKS else Counter()
        assert not outside.done - hung - once, at
        assert outside.done["pay", "1"] <= 1, at
        assert (error is None) == (served.results in ([], ["saved"])), (at, error, served.results)
        assert served.kinds[-1:] == ["done"] or error is not None, at


@pytest.mark.parametrize("way", WAYS)
async def test_what_is_saved_is_what_has_neither_answered_nor_done_anything_irreversible(way):
    saved = set()
    for at in PLACES:
        served, _, _ = await broken(at, way)
        assert len(served.results) == fails(at, way), (at, served.results)
        if served.results == ["saved"]:
            saved.add(at)
    assert saved == SAVED


@pytest.mark.parametrize(
    ("at", "result"), [(11, "unclosed"), (15, "irreversible"), (17, "irreversible")], ids=["unclosed call", "paid", "answered too"]
)
async def test_past_the_commit_point_the_failure_takes_its_course(at, result):
    served, outside, error = await broken(at, "exception")
    assert (type(error), served.results) == (ValueError, [result])
    assert outside.done["pay", "1"] == (result == "irreversible")
    assert served.kept.written[0].origin is Origin.CANDIDATE
    assert served.kept.written[0].failover is None


async def test_text_of_the_answer_that_was_delivered_binds_the_run_to_its_candidate():
    served, _, error = await broken(2, "exception", candidate=(Say("begun"), Say("part"), Say("done")))
    assert (type(error), served.results, served.kinds) == (ValueError, ["answered"], ["begun", "part"])


async def test_a_stream_that_stops_past_the_commit_point_ends_with_a_typed_error():
    _, _, error = await broken(16, "stops")
    assert isinstance(error, UnfinishedRunError)
    assert error.reason == "irreversible"


async def test_effects_that_the_candidate_had_answered_are_not_performed_again_and_control_hears_the_same():
    outside = Outside()
    candidate, control = Engine(outside, CANDIDATE, 13, ValueError()), Engine(outside, CONTROL)
    await Served(candidate, control).run()
    assert control.heard[: len(candidate.heard)] == candidate.heard
    assert set(outside.done.values()) == {1, 2}  # the model is asked twice for "1", by two agents
    assert outside.done["m", "1"] == 2


async def test_an_effect_that_failed_fails_again_instead_of_being_tried_again():
    outside = Outside(broken={"look"})
    served = Served(Engine(outside, [Say("begun"), Ask("look")]), Engine(outside, [Say("begun"), Ask("look")]))
    error = await served.run()
    assert type(error).__name__ == "LookupError"
    assert (outside.done["look", "1"], served.results) == (1, ["control_failed"])


async def test_an_announced_failure_is_withheld_and_its_place_is_taken_by_what_control_says():
    said = [Say("begun"), Say("sorry"), Say("done", status="failed")]
    outside = Outside()
    served = Served(Engine(outside, said), Engine(outside, CONTROL))
    assert await served.run() is None
    assert "sorry" not in served.kinds
    assert (served.kinds[-1], served.results, faults_of(served.got)) == ("done", ["saved"], [])
    assert served.kept.written[0].failover.reason == "sorry"


async def test_an_ending_that_says_failed_is_withheld_too():
    outside = Outside()
    served = Served(Engine(outside, [Say("begun"), Say("done", status="failed")]), Engine(outside, CONTROL))
    assert await served.run() is None
    assert served.results == ["saved"]
    assert served.kept.offers[0][0].record.outcome == "failed"


async def test_an_announced_failure_past_the_commit_point_is_delivered_as_it_is():
    said = [Say("begun"), Ask("pay"), Say("sorry"), Say("done", status="failed")]
    served = Served(Engine(Outside(), said), Engine(Outside(), CONTROL))
    assert await served.run() is None
    assert (served.kinds, served.results) == (["begun", "sorry", "done"], ["irreversible"])


async def test_a_request_that_the_candidate_turns_away_is_no_failure():
    served = Served(Engine(Outside(), CANDIDATE, 0, NotForYouError()), control := Engine(Outside(), CONTROL))
    assert type(await served.run()) is NotForYouError
    assert (served.results, control.runs) == (["refused"], 0)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, GeneratorExit])
async def test_a_process_that_is_told_to_stop_stops(stop):
    served = Served(Engine(Outside(), CANDIDATE, 3, stop()), control := Engine(Outside(), CONTROL))
    assert type(await served.run()) is stop
    assert (served.results, control.runs) == ([], 0)


async def test_a_client_that_cancels_is_obeyed():
    outside = Outside(hang={"m"})
    served = Served(Engine(outside, CANDIDATE), control := Engine(outside, CONTROL))
    task = asyncio.create_task(served.run())
    await outside.begun.wait()
    task.cancel()
    assert type(await task) is asyncio.CancelledError
    assert (served.results, control.runs, served.flags.ended) == ([], 0, ["cancelled"])


async def test_a_client_that_leaves_while_control_runs_stops_control_and_the_candidate_still_failed():
    served = Served(Engine(Outside(), CANDIDATE, 3, ValueError()), Engine(Outside(), CONTROL))
    await served.run(most=3)
    ((job, shed),) = served.kept.offers
    assert (served.results, served.flags.ended, job.record.outcome, shed) == (["stopped"], ["failed"], "failed", None)
    assert served.kept.written == []


async def test_control_that_fails_too_ends_the_run_with_its_own_error():
    served = Served(Engine(Outside(), CANDIDATE, 3, ValueError()), Engine(Outside(), CONTROL, 6, OSError()))
    assert type(await served.run()) is OSError
    assert served.results == ["control_failed"]
    assert served.kept.written[0].outcome == "failed"


async def test_a_task_that_the_candidate_leaves_behind_can_do_nothing_any_more():
    outside, refused = Outside(), []

    class Leaving(Engine):
        async def run(self, request, /):
            self.left = asyncio.create_task(self.later())
            yield self.event(Say("begun"), 1)
            raise ValueError

        async def later(self):
            await taken.wait()
            try:
                await perform("tool", "pay", lane="helper", request=b"{}", call=lambda: outside.call("pay", "late"))
            except TakenOverError as error:
                refused.append(error.run_id)

    class Late(Engine):
        async def run(self, request, /):
            taken.set()
            async for event in super().run(request):
                await asyncio.sleep(0)
                yield event

    taken = asyncio.Event()
    candidate = Leaving(outside, ())
    served = Served(candidate, Late(outside, CONTROL))
    assert await served.run() is None
    await candidate.left
    assert (refused, outside.done["pay", "late"], outside.done["pay", "1"]) == (["r-1"], 0, 1)


async def test_stores_keep_one_run_that_control_finished_and_say_how_its_candidate_failed():
    served, _, _ = await broken(7, "exception")
    (record,) = served.kept.written
    assert (record.origin, record.outcome, record.events) == (Origin.CONTROL, "completed", tuple(served.got))
    assert (record.failover.reason, record.failover.outcome, record.failover.events, record.failover.build) == (
        "ValueError",
        "failed",
        5,
        "1.2",
    )
    assert record.duration_s >= 0
    assert [effect.name for effect in record.journal][:2] == ["id", "m"]


async def test_the_candidate_is_judged_by_its_own_failed_part():
    served, _, _ = await broken(7, "exception")
    ((job, shed),) = served.kept.offers
    record = job.record
    assert (record.origin, record.outcome, record.error.type, len(record.events), shed) == (
        Origin.CANDIDATE,
        "failed",
        "ValueError",
        5,
        None,
    )
    assert record.failover.reason == "ValueError"
    assert served.flags.ended == ["failed"]
    counted = served.metrics.registry.get_sample_value(
        "migration_runs_total", {"surface": "support", "stage": "live", "origin": "candidate", "outcome": "failed"}
    )
    assert counted == 1


async def test_the_removal_of_control_hears_that_control_ran():
    served, _, _ = await broken(0, "exception", flags=Flags(Stage.RAMPDOWN))
    assert served.kept.ran == [(Origin.CANDIDATE, None), (Origin.CONTROL, None)]


@pytest.mark.parametrize("at", [0, 6])
async def test_with_the_flag_off_nothing_is_resumed(at):
    served, _, error = await broken(at, "exception", flags=Flags(fails_over=False))
    assert (type(error), served.results) == (ValueError, [])


async def test_a_run_that_does_not_fail_is_passed_on_as_it_is():
    outside = Outside()
    served = Served(candidate := Engine(outside, CANDIDATE), control := Engine(outside, CONTROL))
    assert await served.run() is None
    said = [step for step in CANDIDATE if isinstance(step, Say)]
    assert [event.payload for event in served.got] == [candidate.event(step, number).payload for number, step in enumerate(said, 1)]
    assert (control.runs, served.results, served.kept.written[0].failover) == (0, [], None)


async def test_the_first_event_is_passed_on_before_the_next_one_is_asked_for():
    outside = Outside(hang={"m"})
    served = Served(Engine(outside, [Say("begun"), Ask("m", kind="model")]), Engine(outside, CONTROL))
    async with aclosing(served.facade.run(make_request())) as events:
        assert (await anext(events)).kind == "begun"
        assert not outside.done


async def test_a_failure_after_the_end_of_the_whole_run_is_not_a_second_end_and_still_a_failure():
    outside = Outside()
    served = Served(Engine(outside, [Say("begun"), Say("done", "")], 2, ValueError()), control := Engine(outside, CONTROL))
    assert await served.run() is None
    ((job, _),) = served.kept.offers
    assert (served.results, control.runs, served.kept.written[0].outcome) == (["ended"], 0, "completed")
    assert (job.record.outcome, job.record.error.type, served.flags.ended) == ("failed", "ValueError", ["failed"])


@pytest.mark.parametrize("way", [FatalError, asyncio.CancelledError])
async def test_past_the_commit_point_a_failure_that_hardly_anything_catches_becomes_a_typed_error(way):
    served = Served(Engine(Outside(), CANDIDATE, 16, way()), Engine(Outside(), CONTROL))
    error = await served.run()
    assert (type(error), type(error.__cause__), served.flags.ended) == (UnfinishedRunError, way, ["failed"])
