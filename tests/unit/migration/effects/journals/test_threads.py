"""Effects find the run that started their task, thread or pool job."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from migration.effects import lane, perform_now
from migration.effects.journals.threads import follow_threads
from migration.effects.ports import current


@pytest.fixture(autouse=True)
def following():
    follow_threads()


def ask(number):
    return perform_now("tool", "look", request=b"%d" % number, call=lambda: b'"found"')


async def by_gather():
    async def branch(number):
        with lane(f"branch {number}"):
            ask(0)

    await asyncio.gather(*(branch(number) for number in range(3)))


async def by_to_thread():
    await asyncio.gather(*(asyncio.to_thread(ask, number) for number in range(3)))


async def by_default_executor():
    loop = asyncio.get_running_loop()
    await asyncio.gather(*(loop.run_in_executor(None, ask, number) for number in range(3)))


async def by_pool():
    with ThreadPoolExecutor(2) as pool:
        await asyncio.to_thread(lambda: list(pool.map(ask, range(3))))


async def by_threads():
    threads = [threading.Thread(target=ask, args=[number]) for number in range(3)]
    for thread in threads:
        thread.start()
    await asyncio.to_thread(lambda: [thread.join() for thread in threads])


WAYS = [by_gather, by_to_thread, by_default_executor, by_pool, by_threads]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_every_way_of_doing_two_things_at_once_finds_its_record(way, recorded, replayed):
    journal = await recorded(way)
    assert [effect.reply for effect in journal] == [b'"found"'] * 3
    _, replay = await replayed(way, journal)
    assert (replay.tally.replayed, replay.tally.missing, replay.tally.performed) == (3, 0, 0)


async def test_a_thread_of_a_pool_that_one_run_started_serves_the_next_one(recorded):
    with ThreadPoolExecutor(1) as pool:

        async def run():
            await asyncio.wrap_future(pool.submit(ask, 1))

        first, second = await recorded(run), await recorded(run)
        outside = pool.submit(current).result(10)
    assert (len(first), len(second), outside) == (1, 1, None)


async def test_lanes_are_carried_along(recorded):
    async def body():
        with lane("search"):
            await asyncio.get_running_loop().run_in_executor(None, ask, 1)

    (effect,) = await recorded(body)
    assert effect.lane == "search"
