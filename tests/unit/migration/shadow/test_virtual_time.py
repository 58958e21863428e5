import asyncio
import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from migration.shadow.virtual_time import ShuffledTimeLoop, VirtualTimeLoop


@pytest.fixture
def loop() -> Iterator[VirtualTimeLoop]:
    loop = VirtualTimeLoop()
    yield loop
    loop.close()


def test_waiting_for_a_day_takes_no_time_and_the_clock_says_a_day(loop) -> None:
    async def work() -> float:
        started = loop.time()
        await asyncio.sleep(86_400)
        return loop.time() - started

    before = time.monotonic()
    assert loop.drive(work()) == pytest.approx(86_400, abs=1.0)
    assert time.monotonic() - before < 60


def test_timers_fire_in_their_order(loop) -> None:
    fired = []

    async def after(seconds: float) -> None:
        await asyncio.sleep(seconds)
        fired.append(seconds)

    async def work() -> None:
        await asyncio.gather(after(30), after(10), after(20))

    loop.drive(work())
    assert fired == [10, 20, 30]


def test_a_timeout_comes_before_a_reply_that_takes_longer(loop) -> None:
    async def work() -> str:
        try:
            async with asyncio.timeout(25):
                await asyncio.sleep(40)
        except TimeoutError:
            return "timed out"
        return "answered"

    assert loop.drive(work()) == "timed out"


def test_time_does_not_overtake_a_thread(loop) -> None:
    release = []

    async def work() -> str:
        async with asyncio.timeout(3600):
            thread = asyncio.create_task(asyncio.to_thread(lambda: release.append(time.sleep(0.02))))
            await thread
        return "in time"

    assert loop.drive(work()) == "in time"


def test_on_the_wall_the_deadline_ends_what_waits_for_nothing(loop) -> None:
    async def work() -> str:
        waiting = asyncio.create_task(asyncio.Event().wait())
        loop.call_on_expiry(0.02, waiting.cancel)
        await asyncio.wait({waiting})
        return "ended"

    assert loop.drive(work()) == "ended"


def test_a_heartbeat_without_end_is_ended_too(loop, monkeypatch) -> None:
    async def beat() -> None:
        while True:  # noqa: ASYNC110 - never to end is the point
            await asyncio.sleep(2)

    async def work() -> str:
        beating = asyncio.create_task(beat())
        loop.call_on_expiry(3600, beating.cancel)
        await asyncio.wait({beating})
        return "ended"

    before = time.monotonic()
    assert loop.drive(work()) == "ended"
    assert time.monotonic() - before < 60


def test_a_deadline_that_was_called_off_does_not_fire(loop) -> None:
    fired = []

    async def work() -> None:
        cancel = loop.call_on_expiry(0.0, lambda: fired.append(True))
        cancel()
        await asyncio.sleep(5000)

    loop.drive(work())
    assert fired == []


def test_a_task_that_exits_the_process_does_not_stop_the_work(loop) -> None:
    async def leave() -> None:
        sys.exit(1)

    async def work() -> str:
        task = asyncio.create_task(leave())
        await asyncio.wait({task})
        return type(task.exception()).__name__

    assert loop.drive(work()) == "SystemExit"


def test_sweeping_ends_what_was_left_behind(loop) -> None:
    async def work() -> asyncio.Task[bool]:
        task = asyncio.create_task(asyncio.Event().wait())
        await asyncio.sleep(0)
        return task

    task = loop.drive(work())
    assert loop.sweep(1.0)
    assert task.cancelled()


def test_sweeping_says_when_something_will_not_end(loop) -> None:
    loop.set_exception_handler(lambda _loop, _context: None)
    stop = []

    async def stubborn() -> None:
        while not stop:
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                continue

    async def work() -> None:
        loop.create_task(stubborn()).set_name("stubborn")
        await asyncio.sleep(0)

    loop.drive(work())
    assert not loop.sweep(0.01)
    stop.append(True)
    loop.drive(asyncio.sleep(5))


def _order(loop: VirtualTimeLoop) -> list[int]:
    """Return in which order ten tasks that are ready together each take their second step."""
    steps: list[int] = []

    async def step(number: int) -> None:
        await asyncio.sleep(0)
        steps.append(number)

    async def work() -> None:
        await asyncio.gather(*(step(number) for number in range(10)))

    with contextlib.closing(loop):
        loop.drive(work())
    return steps


def test_tasks_that_are_ready_together_go_on_in_another_order_which_the_seed_gives() -> None:
    plain, one, again, other = (_order(loop) for loop in (VirtualTimeLoop(), *map(ShuffledTimeLoop, ("a", "a", "b"))))
    assert plain == list(range(10))
    assert sorted(one) == sorted(other) == plain
    assert one == again
    assert len({tuple(plain), tuple(one), tuple(other)}) == 3


def test_plain_callbacks_keep_their_order_in_a_shuffled_loop() -> None:
    called: list[int] = []

    async def work() -> None:
        for number in range(50):
            asyncio.get_running_loop().call_soon(called.append, number)
        await asyncio.sleep(1)

    with contextlib.closing(ShuffledTimeLoop("seed")) as loop:
        loop.drive(work())
    assert called == list(range(50))


def test_a_rest_of_the_only_task_moves_the_clock_without_a_turn_of_the_loop(loop) -> None:
    turns = []

    async def work() -> float:
        started = loop.time()
        loop.call_at(started + 100, turns.append, "a later timer")
        await loop.rest(60)
        return loop.time() - started

    assert loop.drive(work()) == pytest.approx(60, abs=1.0)
    assert turns == []


def test_a_timer_that_is_due_during_a_rest_comes_first(loop) -> None:
    async def work() -> list[str]:
        order: list[str] = []
        loop.call_later(30, order.append, "timer")
        await loop.rest(60)
        return [*order, "rested"]

    assert loop.drive(work()) == ["timer", "rested"]


def test_tasks_that_are_ready_have_their_turn_during_a_rest_of_no_time(loop) -> None:
    async def work() -> list[str]:
        order: list[str] = []
        loop.call_soon(order.append, "other")
        await loop.rest(0)
        return [*order, "rested"]

    assert loop.drive(work()) == ["other", "rested"]


def test_a_task_that_was_cancelled_hears_of_it_when_it_rests(loop) -> None:
    async def work() -> str:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        try:
            await loop.rest(1)
        except asyncio.CancelledError:
            return "cancelled"
        return "rested"

    assert loop.drive(work()) == "cancelled"


def test_rests_without_end_expire_on_the_wall(loop) -> None:
    async def work() -> str:
        over = []
        loop.call_on_expiry(0.0, lambda: over.append(True))
        while not over:
            await loop.rest(0)
        return "expired"

    assert loop.drive(work()) == "expired"


async def _name_of_a_thread() -> str:
    return (await asyncio.get_running_loop().run_in_executor(None, threading.current_thread)).name


def test_a_run_gets_threads_of_its_own_when_it_asks_for_one(loop) -> None:
    assert loop.drive(_name_of_a_thread()).startswith("engine")
    threads = loop._threads
    loop.let_threads_go()
    with pytest.raises(RuntimeError, match="after shutdown"):
        threads.submit(print)
    assert loop.drive(_name_of_a_thread()).startswith("engine")
    loop.let_threads_go()


def test_threads_that_an_engine_brought_serve_its_own_run_alone(loop) -> None:
    async def brings() -> str:
        loop.set_default_executor(pool)
        return await _name_of_a_thread()

    with ThreadPoolExecutor(1, thread_name_prefix="brought") as pool:
        assert loop.drive(brings()).startswith("brought")
        loop.let_threads_go()
        assert loop.drive(_name_of_a_thread()).startswith("engine")
    loop.let_threads_go()
