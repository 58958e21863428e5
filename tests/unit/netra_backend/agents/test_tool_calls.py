"""Tool calls of one reply: side by side, bounded, each closed, in order."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from netra_backend.app.agents.tool_calls import MAX_PARALLEL_CALLS, Speaker, ToolInvocation, ToolOutcome
from netra_backend.app.agents.user_tool_dispatcher import UserToolDispatcher
from netra_backend.app.errors import ForeignContextError, ToolPermissionError
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket.emitters import UserEmitter
from netra_backend.app.world import World

User = UserExecutionContext
Dispatch = Callable[..., Any]


@pytest.fixture
def dispatch(make_world: Callable[..., World], make_user: Callable[..., User], sink: Any) -> Dispatch:
    """Dispatch calls of the named tools, answered by `answer`."""

    async def run(answer: Callable[[str, Mapping[str, Any]], Any], *names: str) -> list[ToolOutcome]:
        user = make_user()
        emitter = UserEmitter(user, sink)
        speaker = Speaker(agent_name="data", user_id="ann", run_id="run-7", notifier=emitter)
        dispatcher = UserToolDispatcher(user, make_world(answer=answer).tools, emitter)
        return await dispatcher.dispatch([ToolInvocation(name=name, arguments={}) for name in names], user, lambda: speaker)

    return run


def told(sink: Any) -> list[tuple[str, str, str | None]]:
    events = [json.loads(frame) for frame in sink.frames]
    return [(event["type"], event["payload"]["tool_name"], event["payload"].get("status")) for event in events]


async def test_calls_are_closed_in_order_though_the_second_ends_first(dispatch: Dispatch, sink: Any) -> None:
    second_done = asyncio.Event()

    async def answer(name: str, arguments: Mapping[str, Any]) -> Any:
        if name == "first":
            await second_done.wait()
        second_done.set()
        return name

    outcomes = await dispatch(answer, "first", "second")

    assert [outcome.value for outcome in outcomes] == ["first", "second"]
    assert told(sink) == [
        ("tool_executing", "first", None),
        ("tool_executing", "second", None),
        ("tool_completed", "first", "success"),
        ("tool_completed", "second", "success"),
    ]


async def test_at_most_eight_calls_run_at_once(dispatch: Dispatch) -> None:
    running = most = 0

    async def answer(name: str, arguments: Mapping[str, Any]) -> Any:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    await dispatch(answer, *(f"tool-{number}" for number in range(30)))
    assert most == MAX_PARALLEL_CALLS


async def test_a_refused_call_says_so(dispatch: Dispatch, sink: Any) -> None:
    async def answer(name: str, arguments: Mapping[str, Any]) -> Any:
        raise ToolPermissionError("you may not save plans")

    (outcome,) = await dispatch(answer, "save_action_plan")
    assert (outcome.status, outcome.error) == ("permission_denied", "you may not save plans")
    assert told(sink)[-1] == ("tool_completed", "save_action_plan", "permission_denied")


async def test_an_unexpected_exception_stops_the_other_calls_and_every_call_is_closed(dispatch: Dispatch, sink: Any) -> None:
    stopped = asyncio.Event()

    async def answer(name: str, arguments: Mapping[str, Any]) -> Any:
        if name == "broken":
            raise KeyError("price")
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    with pytest.raises(KeyError):
        await dispatch(answer, "broken", "slow")
    assert stopped.is_set()
    assert told(sink)[2:] == [("tool_completed", "broken", "cancelled"), ("tool_completed", "slow", "cancelled")]


async def test_a_cancelled_dispatch_closes_its_calls(dispatch: Dispatch, sink: Any) -> None:
    called = asyncio.Event()

    async def answer(name: str, arguments: Mapping[str, Any]) -> Any:
        called.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(dispatch(answer, "slow"))
    await called.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert told(sink)[-1] == ("tool_completed", "slow", "cancelled")


async def test_a_call_is_closed_although_its_dispatch_is_cancelled_while_it_stops_the_others(dispatch: Dispatch, sink: Any) -> None:
    stopping, go_on = asyncio.Event(), asyncio.Event()

    async def answer(name: str, arguments: Mapping[str, Any]) -> Any:
        if name == "broken":
            raise KeyError("price")
        try:
            await asyncio.Event().wait()
        finally:
            stopping.set()
            await go_on.wait()

    task = asyncio.create_task(dispatch(answer, "slow to stop", "broken"))
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()
    await stopping.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()
    assert told(sink)[2:] == [("tool_completed", "slow to stop", "cancelled"), ("tool_completed", "broken", "cancelled")]


@pytest.mark.parametrize("field", ["tenant_id", "user_id", "thread_id", "run_id"])
async def test_a_dispatcher_calls_nothing_for_another_user(
    field: str, make_world: Callable[..., World], make_user: Callable[..., User], sink: Any
) -> None:
    user, world = make_user(), make_world()
    emitter = UserEmitter(user, sink)
    dispatcher = UserToolDispatcher(user, world.tools, emitter)
    speaker = Speaker(agent_name="data", user_id="ann", run_id="run-7", notifier=emitter)
    with pytest.raises(ForeignContextError):
        await dispatcher.dispatch([ToolInvocation(name="usage", arguments={})], make_user(**{field: "other"}), lambda: speaker)
    assert (world.tools.calls, sink.frames) == ([], [])  # type: ignore[attr-defined]  # the fake's own
