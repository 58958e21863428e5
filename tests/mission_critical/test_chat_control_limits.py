"""What one user of the legacy engine takes from the others, and what it never gives back; and that the target does neither."""

import asyncio
import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from netra_backend.app.agents.base import Agent, Answer, Task
from netra_backend.app.agents.supervisor.agent_factory import UserAgentFactory
from netra_backend.app.agents.supervisor.execution_context import AgentExecutionContext, PipelineStep
from netra_backend.app.agents.supervisor.execution_engine import ExecutionEngine
from netra_backend.app.agents.supervisor.execution_engine_factory import FactoryLimits
from netra_backend.app.agents.supervisor.execution_tracker import ExecutionTracker
from netra_backend.app.agents.supervisor.user_execution_engine import UserExecutionEngine
from netra_backend.app.candidate import Candidate
from netra_backend.app.controls.chat import ControlChat
from netra_backend.app.websocket.bridge import WebSocketBridge
from netra_backend.app.websocket.channel import FrameChannel
from netra_backend.app.websocket.emitters import UserEmitter

pytestmark = pytest.mark.mission_critical

Virtual = Callable[..., Any]


async def answers(agent: Agent, task: Task) -> Answer:
    return Answer(text="3", step_count=0)


async def takes_three_seconds(agent: Agent, task: Task) -> Answer:
    if task.user.user_id == "ann":
        await asyncio.sleep(3)
    return Answer(text=f"for {task.user.user_id}", step_count=0)


def engine_one(registry: Any, **parts: Any) -> ExecutionEngine:
    with pytest.warns(DeprecationWarning, match="shares state between users"):
        return ExecutionEngine(registry, WebSocketBridge(), **{"tracker": ExecutionTracker(), **parts})


@pytest.mark.parametrize("starves", [True, False], ids=["ControlChat", "Candidate"])
def test_a_burst_of_one_user_starves_another(starves: bool, virtual: Virtual, *, make_registry: Any, make_user: Any, read: Any) -> None:
    """Ann asks ten times at once; bob, whose answer takes no time, asks after her."""

    async def scenario() -> tuple[float, list[dict[str, Any]]]:
        loop = asyncio.get_running_loop()
        registry = make_registry(data=takes_three_seconds)
        if starves:
            chat: Any = ControlChat(registry.world, registry=registry, clock=loop.time)
        else:
            chat = Candidate(registry.world, registry=registry, limits=FactoryLimits(engines_per_user=10))
        burst = [asyncio.create_task(read(chat, make_user("ann", number), message=f"question {number}")) for number in range(10)]
        for _ in range(20):
            await asyncio.sleep(0)
        asked_s = loop.time()
        events = await read(chat, make_user("bob"))
        waited_s = loop.time() - asked_s
        await asyncio.gather(*burst)
        await chat.aclose()
        return waited_s, events

    waited_s, events = virtual(scenario())
    told = [event["payload"]["reasoning"] for event in events if event["payload"].get("step_number") == 0]
    assert (waited_s, told) == ((3.0, ["queued due to high load"]) if starves else (0.0, []))


async def test_the_steps_of_a_pipeline_pass_by_the_permits(make_registry: Any, make_user: Any) -> None:
    """More agents than there are permits meet at a barrier, so they all run at once."""
    together = ExecutionEngine.MAX_CONCURRENT_AGENTS + 2
    barrier = asyncio.Barrier(together)

    async def meets(agent: Agent, task: Task) -> Answer:
        await barrier.wait()
        return await answers(agent, task)

    legacy = engine_one(make_registry(data=meets))

    async def pipeline(number: int) -> Any:
        context = AgentExecutionContext.of(make_user("ann", number), "data", {"message": str(number)})
        return await legacy.execute_pipeline([PipelineStep(agent_name="data")], context)

    results = await asyncio.gather(*(pipeline(number) for number in range(together)))
    assert all(result.success for (result,) in results)


async def test_statistics_and_history_are_those_of_all_users(make_registry: Any, make_user: Any) -> None:
    legacy = engine_one(make_registry(data=answers))
    for name in ("ann", "bob"):
        await legacy.execute_agent(AgentExecutionContext.of(make_user(name), "data", {"message": name}))
    assert (await legacy.get_execution_stats())["total_executions"] == 2
    assert (await legacy.get_execution_stats())["history_size"] == 2


async def test_the_target_counts_one_user_only(make_registry: Any, make_user: Any) -> None:
    for name in ("ann", "bob"):
        user = make_user(name)
        engine = UserExecutionEngine(user, UserAgentFactory(make_registry(data=answers)), UserEmitter(user, FrameChannel()))
        async with engine:
            await engine.execute_agent(AgentExecutionContext.of(user, "data", {}))
            assert engine.get_user_execution_stats()["total_executions"] == 1


async def test_the_history_is_bounded_and_the_lists_of_times_and_emitters_are_not(make_registry: Any, make_user: Any) -> None:
    legacy, runs = engine_one(make_registry(data=answers)), ExecutionEngine.MAX_HISTORY_SIZE + 30
    for number in range(runs):
        await legacy.execute_agent(AgentExecutionContext.of(make_user("ann", number), "data", {"message": str(number)}))
    await legacy.shutdown()
    stats = await legacy.get_execution_stats()
    assert (stats["history_size"], stats["total_executions"], stats["emitters"]) == (ExecutionEngine.MAX_HISTORY_SIZE, runs, runs)
    assert (len(legacy._queue_wait_times), len(legacy._execution_times)) == (runs, runs)


async def test_a_legacy_engine_is_never_collected(make_registry: Any, make_user: Any) -> None:
    tracker = ExecutionTracker()
    legacy = engine_one(make_registry(data=answers), tracker=tracker)
    await legacy.execute_agent(AgentExecutionContext.of(make_user(), "data", {}))
    await legacy.shutdown()
    kept = weakref.ref(legacy)
    del legacy
    gc.collect()
    assert kept() is not None


async def test_shutdown_stops_nothing(make_registry: Any, make_user: Any) -> None:
    running, go_on = asyncio.Event(), asyncio.Event()

    async def waits(agent: Agent, task: Task) -> Answer:
        running.set()
        await go_on.wait()
        return await answers(agent, task)

    legacy = engine_one(make_registry(data=waits))
    work = asyncio.create_task(legacy.execute_agent(AgentExecutionContext.of(make_user(), "data", {})))
    await running.wait()
    await legacy.shutdown()
    assert (await legacy.get_execution_stats())["concurrent_executions"] == 0
    go_on.set()
    assert (await work).success
