"""Engines as people have them, behind the `Engine` seam."""

import asyncio
import threading
from contextlib import aclosing, suppress
from dataclasses import dataclass

import msgspec
import pytest
from pydantic import BaseModel

from migration.effects import lane
from migration.engines import _AHEAD, by_field, emitter_engine, stream_engine
from migration.model import RunRequest

REQUEST = RunRequest(surface="support", tenant_id="t", user_id="u", thread_id="d", run_id="r", payload=b'{"words":3}', received_at=0.0)


@dataclass
class Data:
    type: str
    n: int


class Struct(msgspec.Struct):
    type: str
    n: int


class Model(BaseModel):
    type: str
    n: int


SHAPES = [
    {"type": "word", "n": 1},
    Data("word", 1),
    Struct("word", 1),
    Model(type="word", n=1),
    b'{"type":"word","n":1}',
    '{"type":"word","n":1}',
]


async def events_of(engine):
    async with aclosing(engine.run(REQUEST)) as events:
        return [(event.kind, event.lane, msgspec.json.decode(event.payload)) async for event in events]


@pytest.mark.parametrize("item", SHAPES, ids=lambda item: type(item).__name__)
async def test_items_of_every_shape_become_the_same_event(item):
    async def run(_request):
        yield item

    assert await events_of(stream_engine(run)) == [("word", "", {"type": "word", "n": 1})]


async def stream(request):
    for n in range(request.body["words"]):
        with lane("left" if n % 2 else "right"):
            yield {"type": "word", "n": n}


def plain(request):
    for n in range(request.body["words"]):
        with lane("left" if n % 2 else "right"):
            yield {"type": "word", "n": n}


async def calls_back(request, emit):
    for n in range(request.body["words"]):
        with lane("left" if n % 2 else "right"):
            emit({"type": "word", "n": n})
        await asyncio.sleep(0)


def calls_back_from_a_thread(request, emit):
    for item in plain(request):
        with lane("left" if item["n"] % 2 else "right"):
            emit(item)


EVERY = [stream_engine(stream), stream_engine(plain), emitter_engine(calls_back), emitter_engine(calls_back_from_a_thread)]
NAMES = ["stream", "plain", "calls back", "calls back from a thread"]


@pytest.mark.parametrize("engine", EVERY, ids=NAMES)
async def test_events_come_in_order_each_with_the_lane_that_it_came_from(engine):
    found = [(kind, lane, item["n"]) for kind, lane, item in await events_of(engine)]
    assert found == [("word", "right", 0), ("word", "left", 1), ("word", "right", 2)]


async def test_one_answer_is_one_event():
    async def run(_request):
        return {"type": "answer"}

    assert await events_of(stream_engine(run)) == [("answer", "", {"type": "answer"})]


async def test_kind_and_lane_may_be_fields():
    async def run(_request):
        yield {"event": "said", "agent": "ada"}
        yield {"other": 1}

    assert [found[:2] for found in await events_of(stream_engine(run, by_field("event", "agent")))] == [("said", "ada"), ("item", "")]


async def fails(_request):
    yield {"type": "word"}
    raise LookupError("lost")


def fails_in_a_thread(_request, emit):
    emit({"type": "word"})
    raise LookupError("lost")


@pytest.mark.parametrize("engine", [stream_engine(fails), emitter_engine(fails_in_a_thread)], ids=["stream", "thread"])
async def test_the_engines_own_error_ends_the_stream(engine):
    events = engine.run(REQUEST)
    assert (await anext(events)).kind == "word"
    with pytest.raises(LookupError, match="lost"):
        await anext(events)


async def test_a_reader_that_goes_stops_the_thread():
    ended = threading.Event()

    def endless(_request):
        try:
            n = 0
            while True:
                yield {"type": "word", "n": (n := n + 1)}
        finally:
            ended.set()

    async with aclosing(stream_engine(endless).run(REQUEST)) as events:
        await anext(events)
    assert await asyncio.to_thread(ended.wait, 30)


async def test_a_reader_that_goes_cancels_the_coroutine():
    cancelled = asyncio.Event()

    async def hangs(_request, emit):
        emit({"type": "word"})
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with aclosing(emitter_engine(hangs).run(REQUEST)) as events:
        await anext(events)
    assert cancelled.is_set()


async def test_text_that_is_no_json_is_refused_with_what_to_do():
    async def run(_request):
        yield "Hello"

    with pytest.raises(TypeError, match="yield an object"):
        await events_of(stream_engine(run))


async def test_a_reader_that_goes_stops_every_thread_that_waits_for_room():
    stopped, tried = threading.Barrier(3, timeout=30), []

    def floods(emit):
        with suppress(BaseException):
            while True:
                tried.append(1)
                emit({"type": "word"})
        stopped.wait()

    def run(_request, emit):
        for _ in range(2):
            threading.Thread(target=floods, args=(emit,), daemon=True).start()

    async with aclosing(emitter_engine(run).run(REQUEST)) as events:
        await anext(events)
        async with asyncio.timeout(30):
            while len(tried) < _AHEAD + 3:  # noqa: ASYNC110 - threads tell nobody that they wait
                await asyncio.sleep(0.01)
    await asyncio.to_thread(stopped.wait)
