"""`effect`: one's own functions as ports."""

import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from pydantic import BaseModel

from migration.effects import effect
from migration.effects.journals.recording import Recording
from migration.effects.journals.streams import decode_stream
from migration.effects.journals.threads import follow_threads
from migration.effects.ports import activate, deactivate
from migration.errors import RecordedEffectError, TakenOverError
from migration.model import EffectError, RunRequest


class OutOfStockError(Exception):
    """What a tool of an engine raises."""


@dataclass
class Order:
    number: int
    due: date


class Answer(BaseModel):
    text: str


CALLED = []


class Shop:
    @effect("tool", raises=[OutOfStockError], leave_out=["client"])
    async def order(self, number: int, *, client: object = None) -> Order:
        CALLED.append("order")
        if number > 9:
            raise OutOfStockError("none left")
        return Order(number, date(2026, 1, 2))

    @effect("tool", "stock")
    def look(self, number: int) -> list[int]:
        CALLED.append("look")
        return [number]

    @effect("model")
    async def answer(self, text: str) -> AsyncIterator[Answer]:
        CALLED.append("answer")
        for word in text.split():
            yield Answer(text=word)

    @effect("model")
    def words(self, text: str) -> Iterator[str]:
        CALLED.append("words")
        yield from text.split()


async def everything():
    shop = Shop()
    found = [await shop.order(1, client=object()), shop.look(2), [one async for one in shop.answer("a b")], list(shop.words("c d"))]
    return [*found, await asyncio.to_thread(shop.look, 3)]


async def test_a_replay_gets_the_same_values_of_the_same_types_and_calls_nothing(recorded, replayed):
    follow_threads()
    journal = await recorded(everything)
    CALLED.clear()
    found, replay = await replayed(everything, journal)
    assert found == [Order(1, date(2026, 1, 2)), [2], [Answer(text="a"), Answer(text="b")], ["c", "d"], [3]]
    assert (CALLED, replay.tally.missing) == ([], 0)


async def test_the_request_names_the_arguments_but_those_that_are_left_out(recorded):
    journal = await recorded(everything)
    assert [json.loads(one.request) for one in journal[:2]] == [
        {"name": "order", "arguments": {"number": 1}},
        {"name": "stock", "arguments": {"number": 2}},
    ]


async def test_a_recorded_failure_is_raised_as_the_functions_own(recorded, replayed):
    async def refused():
        with pytest.raises(OutOfStockError, match="none left"):
            await Shop().order(10)

    await replayed(refused, await recorded(refused))


async def test_another_failure_goes_by_its_name(recorded, replayed):
    @effect("tool")
    async def broken() -> None:
        raise ConnectionError("gone")

    async def run():
        with pytest.raises(ConnectionError) as failure:
            await broken()
        return failure.value

    again, _ = await replayed(run, await recorded(run))
    assert isinstance(again, RecordedEffectError)


async def test_what_json_does_not_hold_is_named_with_what_to_do(recorded):
    @effect("tool")
    async def take(thing: object) -> None:
        """Take it."""

    async def run():
        with pytest.raises(TypeError, match=r"Shop.*leave_out"):
            await take(Shop())

    await recorded(run)


def test_a_decorated_function_is_of_the_same_kind():
    assert inspect.iscoroutinefunction(Shop.order)
    assert inspect.isasyncgenfunction(Shop.answer)
    assert Shop.order.__name__ == "order"


async def test_a_reader_that_leaves_early_ends_the_functions_own_generator():
    ended = []

    @effect("model")
    async def words() -> AsyncIterator[str]:
        try:
            yield "a"
            yield "b"
        finally:
            ended.append(True)

    async with aclosing(words()) as read:
        await anext(read)
    assert ended == [True]


async def test_a_result_may_be_annotated_with_any_object():
    @effect("tool")
    async def found() -> dict[str, object]:
        return {"words": ["a"], "n": 1}

    assert await found() == {"words": ["a"], "n": 1}


async def test_a_request_is_the_same_however_the_arguments_are_given(recorded):
    @effect("tool")
    async def find(city: str, limit: int = 5) -> list[str]:
        return [city] * limit

    async def ask() -> None:
        await find("Rome", 5)
        await find("Rome")
        await find(limit=5, city="Rome")

    assert {one.request for one in await recorded(ask)} == {b'{"name":"find","arguments":{"city":"Rome","limit":5}}'}


async def test_an_argument_too_many_is_the_functions_own_error():
    @effect("tool")
    async def find(city: str) -> str:
        return city

    with pytest.raises(TypeError, match="too many positional arguments"):
        await find("Rome", "Paris")


@effect("model", raises=[OutOfStockError])
async def spoken(words: int, *, fails: bool = False) -> AsyncIterator[str]:
    for number in range(words):
        yield str(number)
    if fails:
        raise OutOfStockError("no more words")


async def read(most: int, **how: Any) -> list[str]:
    found = []
    async with aclosing(spoken(4, **how)) as words:
        async for word in words:
            found.append(word)
            if len(found) == most:
                break
    return found


@pytest.mark.parametrize(("most", "ended"), [(9, "done"), (2, "left")])
async def test_a_stream_is_recorded_as_far_as_it_was_read(recorded, replayed, most, ended):
    journal = await recorded(lambda: read(most))
    told = decode_stream(journal[0].reply)
    assert ([bytes(piece) for _, piece in told.stream], told.ended) == ([b'"0"', b'"1"', b'"2"', b'"3"'][:most], ended)
    assert (await replayed(lambda: read(most), journal))[0] == ["0", "1", "2", "3"][:most]


async def test_a_stream_that_fails_is_recorded_with_its_error(recorded, replayed):
    async def failing() -> None:
        with pytest.raises(OutOfStockError, match="no more words"):
            await read(9, fails=True)

    (told,) = await recorded(failing)
    assert told.error == EffectError(type="OutOfStockError", message="no more words")
    await replayed(failing, [told])


async def test_a_run_that_was_taken_over_begins_no_stream():
    tape = Recording(RunRequest(surface="s", tenant_id="t", user_id="u", thread_id="d", run_id="r", payload=b"{}", received_at=0.0))
    tape.take_over()
    token = activate(tape)
    try:
        with pytest.raises(TakenOverError):
            await read(1)
    finally:
        deactivate(token)
