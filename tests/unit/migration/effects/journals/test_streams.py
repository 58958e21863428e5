"""Replies that come in pieces: kept with their times, and replayed so."""

import json
from contextlib import aclosing

import pytest

from migration.effects import perform, perform_stream, perform_stream_now
from migration.effects.journals.streams import decode_stream
from migration.errors import EffectMissingError, RecordedEffectError
from migration.model import Effect

PIECES = [b'"Hel"', b'"lo"', b'{"done":true}']


class Source:
    """Yields the pieces; raises at the end if it is told to."""

    def __init__(self, pieces=PIECES, error=None):
        self.pieces, self.error, self.closed, self.calls = pieces, error, False, 0

    async def stream(self):
        self.calls += 1
        try:
            for piece in self.pieces:
                yield piece
            if self.error:
                raise self.error
        finally:
            self.closed = True

    def stream_now(self):
        self.calls += 1
        yield from self.pieces
        if self.error:
            raise self.error


def reading(source, most=99, whole=None):
    """Return a body that reads pieces, at most so many, and returns them."""

    async def body():
        found = []
        async with aclosing(perform_stream("model", "m", request=b'{"stream":true}', call=source.stream, whole=whole)) as pieces:
            async for piece in pieces:
                found.append(piece)
                if len(found) == most:
                    break
        return found

    return body


async def test_pieces_come_back_as_they_came_and_nothing_is_called(recorded, replayed):
    journal = await recorded(reading(Source()))
    never = Source()
    pieces, replay = await replayed(reading(never), journal)
    assert (pieces, never.calls, replay.tally.replayed, replay.tally.performed) == (PIECES, 0, 1, 0)


async def test_a_journal_holds_each_piece_with_its_time(recorded):
    ticks = iter(range(100))
    (effect,) = await recorded(reading(Source()), clock=lambda: float(next(ticks)))
    assert json.loads(effect.reply) == {"stream": [[1.0, "Hel"], [2.0, "lo"], [3.0, {"done": True}]], "ended": "done"}


async def test_with_recorded_pacing_pieces_come_at_their_times(replayed):
    reply = b'{"stream":[[0.5,"a"],[2.0,"b"]],"ended":"done"}'
    effect = Effect(
        kind="model", name="m", lane="", key="", request=b'{"stream":true}', reply=reply, error=None, started_s=0.0, duration_s=3.0
    )
    waits = []

    async def sleep(seconds):
        waits.append(seconds)

    pieces, _ = await replayed(reading(Source()), (effect,), pacing="recorded", sleep=sleep)
    assert (pieces, waits) == ([b'"a"', b'"b"'], [0.5, 1.5, 1.0])


async def test_a_failure_comes_back_after_the_pieces_before_it(recorded, replayed):
    async def failing():
        with pytest.raises(RuntimeError):
            await reading(Source(error=RuntimeError("gone")))()

    journal = await recorded(failing)
    found = []

    async def body():
        async for piece in perform_stream("model", "m", request=b'{"stream":true}', call=Source().stream):
            found.append(piece)  # noqa: PERF401 - what came before the failure is what the test is about

    with pytest.raises(RecordedEffectError, match="gone") as failure:
        await replayed(body, journal)
    assert isinstance(failure.value, RuntimeError)
    assert found == PIECES


async def test_who_reads_no_further_than_the_recorded_run_finds_no_difference(recorded, replayed):
    source = Source()
    journal = await recorded(reading(source, most=2))
    assert (source.closed, decode_stream(journal[0].reply).ended) == (True, "left")
    pieces, replay = await replayed(reading(Source(), most=2), journal)
    assert (pieces, replay.tally.missing) == (PIECES[:2], 0)


async def test_who_reads_further_than_the_recorded_run_is_told_that_there_is_no_more(recorded, replayed):
    journal = await recorded(reading(Source(), most=2))
    with pytest.raises(EffectMissingError, match="read 2 pieces"):
        await replayed(reading(Source()), journal)


async def test_a_reply_that_was_recorded_whole_is_taken_apart(replayed):
    effect = Effect(
        kind="model", name="m", lane="", key="", request=b'{"stream":true}', reply=b'"Hello"', error=None, started_s=0.0, duration_s=1.0
    )
    pieces, _ = await replayed(reading(Source(), whole=lambda reply: [reply[:4] + b'"', b'"' + reply[4:]]), (effect,))
    assert pieces == [b'"Hel"', b'"lo"']


async def test_a_reply_that_was_streamed_cannot_be_asked_for_whole(recorded, replayed):
    journal = await recorded(reading(Source()))

    async def body():
        return await perform("model", "m", request=b'{"stream":true}', call=None)

    with pytest.raises(EffectMissingError, match="perform_stream"):
        await replayed(body, journal)


async def test_a_thread_streams_too(recorded, replayed):
    source = Source()

    async def body():
        return list(perform_stream_now("model", "m", request=b"{}", call=source.stream_now))

    journal = await recorded(body)
    pieces, _ = await replayed(body, journal)
    assert (pieces, source.calls) == (PIECES, 1)


async def test_without_a_run_a_stream_goes_straight_to_its_source():
    source = Source()
    assert (await reading(source)(), source.closed) == (PIECES, True)
