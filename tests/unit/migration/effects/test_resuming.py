"""A run that another engine resumes: what was done is answered from its journal, what is new is performed and recorded."""

import asyncio
from contextlib import aclosing

import pytest

from migration.effects import perform, perform_now, perform_stream
from migration.effects.journals import JournalLimits, Recording, ResumedRecording
from migration.errors import RecordedEffectError, TakenOverError
from migration.isolation import LiveCanary
from migration.model import Origin


@pytest.fixture
def resumed(request_, recorded):
    """Records a body, and returns the tape on which another engine resumes the run."""

    async def resume(body, **options):
        journal = await recorded(body)
        given = {"started": 0.0, "clock": lambda: 5.0, "limits": JournalLimits(), "on_failure": lambda *_: None, **options}
        return ResumedRecording(request_, journal, (), **given)

    return resume


def names(tape):
    return [(effect.name, effect.reply) for effect in tape.record(Origin.CONTROL, "completed", None, None).journal]


async def test_what_was_answered_is_answered_alike_and_what_is_new_is_performed(resumed, outside, ask, drive):
    tape = await resumed(lambda: ask(outside))
    heard = []

    async def again():
        heard.extend([await ask(outside), await ask(outside), await ask(outside, b'{"new": 1}')])

    await drive(tape, again)
    assert (heard, outside.calls) == ([b"1", b"2", b"3"], 3)
    assert [reply for _, reply in names(tape)] == heard


async def test_a_failure_is_repeated_without_a_call(resumed, outside, ask, drive):
    outside.replies = [LookupError("gone")]

    async def fails():
        with pytest.raises(LookupError):
            await ask(outside)

    tape = await resumed(fails)

    async def again():
        with pytest.raises(LookupError, match="gone") as raised:
            await ask(outside)
        assert isinstance(raised.value, RecordedEffectError)

    await drive(tape, again)
    assert outside.calls == 1


async def test_a_call_that_was_under_way_is_made_again(resumed, outside, ask, drive):
    async def cut_short():
        begun = asyncio.Event()

        async def forever():
            begun.set()
            await asyncio.get_running_loop().create_future()

        task = asyncio.create_task(perform("tool", "usage_summary", lane="data", request=b"{}", call=forever))
        await begun.wait()
        task.cancel()
        await asyncio.wait({task})

    tape = await resumed(cut_short)
    await drive(tape, lambda: ask(outside))
    assert outside.calls == 1


async def test_readings_of_the_clock_are_the_recorded_ones(resumed, outside, drive):
    async def read():
        perform_now("clock", "now", lane="data", request=b"{}", call=outside.call_now)

    tape = await resumed(read)
    await drive(tape, read)
    assert (outside.calls, names(tape)) == (1, [("now", b"1")])


@pytest.mark.parametrize(("most", "sources"), [(99, 1), (1, 2)], ids=["read to its end", "left"])
async def test_a_stream_is_repeated_if_it_was_read_to_its_end_and_else_asked_for_again(resumed, drive, most, sources):
    opened = []

    async def source():
        opened.append(1)
        for piece in (b"1", b"2"):
            yield piece

    async def read(most):
        heard = []
        async with aclosing(perform_stream("model", "m", lane="data", request=b"{}", call=source)) as pieces:
            async for piece in pieces:
                heard.append(piece)
                if len(heard) == most:
                    break
        return heard

    tape = await resumed(lambda: read(most))
    heard = []

    async def again():
        heard.extend(await read(99))

    await drive(tape, again)
    assert (heard, len(opened)) == ([b"1", b"2"], sources)


async def test_a_canary_is_not_planted_a_second_time(resumed, drive):
    canary = LiveCanary(token="netra-canary-0")

    async def said():
        return b'{"message":{"content":"Hello."}}'

    async def asked():
        await perform("model", "m", lane="data", request=b"{}", call=said)

    tape = await resumed(asked, canary=canary)

    async def more():
        await asked()
        await perform("model", "m", lane="data", request=b'{"q":2}', call=said)

    await drive(tape, more)
    assert [reply.count(b"netra-canary-0") for _, reply in names(tape)] == [0, 1]


async def test_a_tape_that_was_taken_over_performs_nothing_any_more(request_, outside, ask, drive):
    tape = Recording(request_)
    tape.take_over()

    async def late():
        with pytest.raises(TakenOverError):
            await ask(outside)

    await drive(tape, late)
    assert outside.calls == 0
