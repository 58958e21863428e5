import asyncio
import gc
import weakref

import pytest

from migration.effects import perform, perform_now
from migration.effects.journals.journal import UNANSWERED, JournalLimits
from migration.effects.journals.recording import Recording
from migration.model import Effect, EffectError, Event, Origin


class PortError(Exception):
    pass


def journal(tape: Recording) -> tuple[Effect, ...]:
    return tape.record(Origin.CONTROL, "completed", None, None).journal


async def test_without_a_journal_the_effect_is_just_performed(outside, ask) -> None:
    assert await ask(outside) == b"1"
    assert perform_now("clock", "now", lane="data", request=b"{}", call=outside.call_now) == b"2"


async def test_an_effect_of_a_recorded_run_is_performed_and_put_on_record(tape, outside, drive, ask) -> None:
    await drive(tape, lambda: ask(outside, b'{"q":1}'))
    assert outside.calls == 1
    assert journal(tape) == (
        Effect(
            kind="tool",
            name="usage_summary",
            lane="data",
            key="",
            request=b'{"q":1}',
            reply=b"1",
            error=None,
            started_s=1.0,
            duration_s=1.0,
        ),
    )


async def test_an_effect_that_needs_no_waiting_is_put_on_record_too(tape, outside, drive) -> None:
    async def body() -> None:
        perform_now("clock", "now", lane="data", request=b"{}", call=outside.call_now)

    await drive(tape, body)
    assert [(effect.kind, effect.reply) for effect in journal(tape)] == [("clock", b"1")]


async def test_the_error_of_an_effect_is_recorded_and_raised_unchanged(tape, outside, drive, ask) -> None:
    failure = PortError("no route")
    outside.replies = [failure]
    with pytest.raises(PortError) as raised:
        await drive(tape, lambda: ask(outside))
    assert raised.value is failure
    assert journal(tape)[0].error == EffectError(type="PortError", message="no route")


async def test_effects_stand_in_the_order_in_which_they_were_asked_for(tape, drive) -> None:
    first_may_end = asyncio.Event()

    async def slow() -> bytes:
        await first_may_end.wait()
        return b"slow"

    async def fast() -> bytes:
        first_may_end.set()
        return b"fast"

    async def body() -> None:
        await asyncio.gather(
            perform("model", "m", lane="data", request=b"{}", call=slow),
            perform("model", "m", lane="optimization", request=b"{}", call=fast),
        )

    await drive(tape, body)
    assert [effect.reply for effect in journal(tape)] == [b"slow", b"fast"]


async def test_tasks_that_the_engine_starts_record_into_the_same_journal(tape, outside, drive, ask) -> None:
    async def body() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(ask(outside, lane="data"))
            group.create_task(ask(outside, lane="optimization"))

    await drive(tape, body)
    assert {effect.lane for effect in journal(tape)} == {"data", "optimization"}


async def test_the_code_that_consumes_the_events_never_records(tape, outside, ask) -> None:
    async def engine():
        for number in range(2):
            yield Event(kind="agent_thinking", lane="data", payload=b"%d" % number, at_s=0.0)

    events = engine()
    while await tape.next_of(events) is not None:
        await ask(outside)
    await tape.close(events)
    assert (outside.calls, journal(tape)) == (2, ())


async def test_two_runs_that_take_turns_in_one_task_record_apart(request_, clock, outside, ask) -> None:
    async def engine(lane: str):
        for _ in range(3):
            await ask(outside, lane=lane)
            yield Event(kind="agent_thinking", lane=lane, payload=b"{}", at_s=0.0)

    runs = [(Recording(request_, clock=clock), engine(lane)) for lane in ("data", "actions")]
    for _ in range(4):
        for tape, events in runs:
            await tape.next_of(events)
    for tape, events in runs:
        await tape.close(events)
    assert [[effect.lane for effect in journal(tape)] for tape, _ in runs] == [["data"] * 3, ["actions"] * 3]


async def test_a_cancelled_effect_is_recorded_as_not_answered(tape, drive) -> None:
    async def body() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await perform("model", "m", lane="data", request=b"{}", call=asyncio.Event().wait)

    await drive(tape, body)
    effect = journal(tape)[0]
    assert effect.error is not None
    assert (effect.reply, effect.error.type) == (None, UNANSWERED)


async def test_a_late_effect_of_a_runaway_task_is_performed_and_not_recorded(tape, outside, drive, ask) -> None:
    may_go_on = asyncio.Event()
    tasks: list[asyncio.Task[bytes]] = []

    async def runaway() -> bytes:
        await may_go_on.wait()
        return await ask(outside)

    async def body() -> None:
        tasks.append(asyncio.create_task(runaway()))

    await drive(tape, body)
    before = journal(tape)
    may_go_on.set()
    assert await tasks[0] == b"1"
    assert journal(tape) == before == ()


async def test_an_effect_still_under_way_at_the_end_is_recorded_as_not_answered(tape, outside, drive, ask) -> None:
    may_answer = asyncio.Event()
    tasks: list[asyncio.Task[bytes]] = []

    async def slow() -> bytes:
        await may_answer.wait()
        return b"late"

    async def body() -> None:
        tasks.append(asyncio.create_task(perform("model", "m", lane="data", request=b"{}", call=slow)))
        await asyncio.sleep(0)

    await drive(tape, body)
    may_answer.set()
    assert await tasks[0] == b"late"
    assert [(effect.reply, effect.error and effect.error.type) for effect in journal(tape)] == [(None, UNANSWERED)]


@pytest.mark.parametrize(
    "limits", [JournalLimits(effects=1), JournalLimits(size_bytes=5), JournalLimits(events=0)], ids=["effects", "bytes", "events"]
)
async def test_beyond_a_limit_the_run_goes_on_and_the_recording_is_shed(request_, outside, drive, ask, limits) -> None:
    tape = Recording(request_, limits=limits)

    async def body() -> None:
        await ask(outside)
        await ask(outside)

    await drive(tape, body)
    record = tape.record(Origin.CONTROL, "completed", None, None)
    assert outside.calls == 2
    assert record.journal == ()
    assert tape.shed_reason() == "job_bytes"


async def test_when_recording_fails_the_run_goes_on_and_the_failure_is_told(request_, outside, drive, ask) -> None:
    failures = []

    def broken_clock() -> float:
        readings.append(0.0)
        if len(readings) == 2:
            raise OSError("no clock")
        return 0.0

    readings: list[float] = []
    tape = Recording(request_, clock=broken_clock, on_failure=lambda operation, error: failures.append((operation, type(error))))
    await drive(tape, lambda: ask(outside))
    assert outside.calls == 1
    assert failures == [("effects.record", OSError)]
    assert tape.truncated


async def test_an_exception_while_the_engine_stops_does_not_lose_the_record(tape) -> None:
    async def engine():
        try:
            yield Event(kind="agent_started", lane="data", payload=b"{}", at_s=0.0)
        finally:
            raise PortError("while stopping")

    events = engine()
    event = await tape.next_of(events)
    tape.append(event)
    await tape.close(events)
    assert tape.record(Origin.CONTROL, "cancelled", None, None).events == (event,)


@pytest.mark.parametrize(("outcome", "reason"), [("cancelled", "cancelled"), ("cut", "cancelled"), ("failed", None)])
async def test_the_shed_reason_says_why_a_run_must_not_be_shadowed(tape, outcome, reason) -> None:
    tape.record(Origin.CONTROL, outcome, None, None)
    assert tape.shed_reason() == reason


def test_a_full_tape_keeps_its_beginning_and_the_event_that_ends_the_run(request_) -> None:
    tape = Recording(request_, limits=JournalLimits(events=2))
    ending = b'{"payload":{"status":"failed"}}'
    events = [Event(kind="agent_thinking", lane="data", payload=b"{}", at_s=float(number)) for number in range(4)]
    last = Event(kind="agent_completed", lane="data", payload=ending, at_s=4.0)
    for event in [*events, last]:
        tape.append(event)
    assert tape.truncated
    assert tape.record(Origin.CONTROL, "failed", None, None).events == (*events[:2], last)


def test_events_beyond_the_bytes_are_shed_but_the_last_one(request_) -> None:
    tape = Recording(request_, limits=JournalLimits(size_bytes=25))
    said = [Event(kind="word", lane="", payload=b"0123456789", at_s=float(number)) for number in range(5)]
    for event in said:
        tape.append(event)
    assert (tape.events, tape.truncated) == ((said[0], said[1], said[-1]), True)


def test_a_recording_is_freed_with_its_last_reference(request_):
    gc.disable()
    try:
        recording = Recording(request_)
        kept = weakref.ref(recording)
        del recording
        assert kept() is None
    finally:
        gc.enable()
