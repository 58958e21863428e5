"""What the legacy engine of `batch` does worse than the target, each on both."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from netra_backend.app.agents.base import Agent, Answer, Task
from netra_backend.app.agents.execution_engine_consolidated import EngineConfig, ExecutionEngine, ExecutionEngineFactory
from netra_backend.app.agents.supervisor.agent_factory import UserAgentFactory
from netra_backend.app.agents.supervisor.execution_context import AgentExecutionContext
from netra_backend.app.agents.supervisor.user_execution_engine import UserExecutionEngine
from netra_backend.app.candidate import Candidate
from netra_backend.app.controls.batch import ControlBatch
from netra_backend.app.errors import InvalidContextError, ModelUnavailableError
from netra_backend.app.services.llm.chat_model import FunctionCall, FunctionSpec, Message, ModelRequest, ToolCall, ToolSpec
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket.channel import FrameChannel
from netra_backend.app.websocket.emitters import UserEmitter

pytestmark = pytest.mark.mission_critical

Virtual = Callable[..., Any]
CONTROL_AND_CANDIDATE = pytest.mark.parametrize("keeps", [True, False], ids=["ControlBatch", "Candidate"])
USAGE = ToolSpec(FunctionSpec("usage_summary", "reads usage", {}))
AN_HOUR_S = 3600.0


async def answers(agent: Agent, task: Task) -> Answer:
    return Answer(text=f"for {task.user.user_id}", step_count=0)


async def without_model(agent: Agent, task: Task) -> Answer:
    raise ModelUnavailableError("the model refused the request")


async def returns_nothing(agent: Agent, task: Task) -> Any:
    return None


def adapter_of(keeps: bool, world: Any, *parts: Any, **named: Any) -> Any:
    return ControlBatch(world, *parts, **named) if keeps else Candidate(world, *parts, **named)


async def item(adapter: Any, user: UserExecutionContext, message: str = "hello") -> list[dict[str, Any]]:
    stream = adapter.stream if isinstance(adapter, ControlBatch) else adapter.run_agent
    return [json.loads(frame) async for frame in stream(user, {"agent": "data", "message": message})]


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


async def looks_once(request: ModelRequest, lane: str) -> Message:
    if request.messages[-1].role == "tool":
        return Message("assistant", "3 EUR")
    return Message("assistant", tool_calls=(ToolCall("1", FunctionCall("usage_summary", "{}")),))


@CONTROL_AND_CANDIDATE
async def test_nothing_is_said_between_start_and_end(keeps: bool, make_fakes: Any, make_user: Any) -> None:
    adapter = adapter_of(keeps, make_fakes(looks_once).as_world(), [USAGE])
    said = kinds(await item(adapter, make_user()))
    await adapter.aclose()
    between = [] if keeps else [*["agent_thinking"] * 3, "tool_executing", "tool_completed", *["agent_thinking"] * 2]
    assert said == ["agent_started", *between, "agent_completed", "run_result"]


@CONTROL_AND_CANDIDATE
async def test_a_failing_run_falls_silent_after_its_start(keeps: bool, make_registry: Any, make_user: Any) -> None:
    registry = make_registry(data=without_model)
    adapter = adapter_of(keeps, registry.world, registry=registry)
    events = await item(adapter, make_user())
    await adapter.aclose()
    assert kinds(events) == ["agent_started", *([] if keeps else ["agent_thinking", "agent_error", "agent_completed"]), "run_result"]
    result = events[-1]["payload"]["result"]
    assert (result["success"], result["error"], result["error_type"]) == (False, "the model refused the request", "ModelUnavailableError")


@CONTROL_AND_CANDIDATE
async def test_no_answer_counts_as_success(keeps: bool, make_registry: Any, make_user: Any) -> None:
    registry = make_registry(data=returns_nothing)
    adapter = adapter_of(keeps, registry.world, registry=registry)
    payload = (await item(adapter, make_user()))[-1]["payload"]
    await adapter.aclose()
    assert (payload["status"], payload["result"]["final_answer"]) == ("completed" if keeps else "failed", None)


@CONTROL_AND_CANDIDATE
def test_two_failures_hang_their_user_for_ever_and_nobody_else(
    keeps: bool, virtual: Virtual, *, make_registry: Any, make_user: Any
) -> None:
    async def fails_for_ann_at_first(agent: Agent, task: Task) -> Answer:
        if task.message == "fail":
            raise ModelUnavailableError("the model refused the request")
        return await answers(agent, task)

    async def scenario() -> tuple[bool, bool]:
        registry = make_registry(data=fails_for_ann_at_first)
        adapter = adapter_of(keeps, registry.world, registry=registry)
        for number in (1, 2):
            await item(adapter, make_user("ann", number), "fail")
        third = asyncio.create_task(item(adapter, make_user("ann", 3)))
        bob = asyncio.create_task(item(adapter, make_user("bob")))
        done, waiting = await asyncio.wait({third, bob}, timeout=AN_HOUR_S)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await adapter.aclose()
        return third in done, bob in done

    assert virtual(scenario()) == (not keeps, True)


async def test_successes_give_their_permits_back(make_registry: Any, make_user: Any) -> None:
    legacy = ExecutionEngine(EngineConfig(user_features=True), make_registry(data=answers))
    results = await asyncio.gather(*(legacy.execute("data", str(number), make_user("ann", number)) for number in range(10)))
    assert all(result.success for result in results)
    assert legacy._extensions[0]._permits == {}  # type: ignore[attr-defined]  # of the user extension


@pytest.mark.parametrize("keeps", [True, False])
async def test_the_limit_of_concurrent_agents_is_ignored(keeps: bool, make_registry: Any, make_user: Any) -> None:
    """Three agents are wanted at once where one is allowed. Whoever sees all three at once ignores the limit."""
    running = most = 0
    together = asyncio.Event()

    async def counts(agent: Agent, task: Task) -> Answer:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 3:
            together.set()
        if keeps:
            await together.wait()
        else:
            await asyncio.sleep(0)
        running -= 1
        return await answers(agent, task)

    registry, user = make_registry(data=counts), make_user()
    if keeps:
        legacy = ExecutionEngine(EngineConfig(max_concurrent_agents=1), registry)
        await asyncio.gather(*(legacy.execute("data", str(number), user) for number in range(3)))
    else:
        limited = UserExecutionContext(
            tenant_id=user.tenant_id, user_id=user.user_id, thread_id=user.thread_id, run_id=user.run_id,
            agent_context={"resource_limits": {"max_concurrent_agents": 1}},
        )  # fmt: skip
        async with UserExecutionEngine(limited, UserAgentFactory(registry), UserEmitter(limited, FrameChannel())) as engine:
            await asyncio.gather(*(engine.execute_agent(AgentExecutionContext.of(limited, "data", {})) for _ in range(3)))
    assert most == (3 if keeps else 1)


@CONTROL_AND_CANDIDATE
async def test_a_question_is_answered_with_the_answer_to_another_user(keeps: bool, make_registry: Any, make_user: Any) -> None:
    registry = make_registry(data=answers)
    adapter = adapter_of(keeps, registry.world, registry=registry)
    for name in ("ann", "bob"):
        last = (await item(adapter, make_user(name), "What did we spend?"))[-1]
    await adapter.aclose()
    assert (last["user_id"], last["payload"]["result"]["final_answer"]) == ("bob", "for ann" if keeps else "for bob")


@pytest.mark.parametrize("keeps", [True, False])
async def test_runs_that_start_in_one_millisecond_are_one_run(keeps: bool, make_registry: Any, make_user: Any) -> None:
    both_run, counted = asyncio.Barrier(3), asyncio.Event()

    async def meets(agent: Agent, task: Task) -> Answer:
        await both_run.wait()
        await counted.wait()
        return await answers(agent, task)

    registry, user = make_registry(data=meets), make_user()
    legacy = ExecutionEngine(registry=registry, clock=lambda: 7.0)
    engine = UserExecutionEngine(user, UserAgentFactory(registry), UserEmitter(user, FrameChannel()), clock=lambda: 7.0)

    async def run(number: int) -> Any:
        if keeps:
            return await legacy.execute("data", str(number), user)
        return await engine.execute_agent(AgentExecutionContext.of(user, "data", {}))

    runs = [asyncio.create_task(run(number)) for number in range(2)]
    await both_run.wait()
    active = legacy.get_metrics()["active_executions"] if keeps else engine.get_user_execution_stats()["concurrent_executions"]
    counted.set()
    await asyncio.gather(*runs)
    await engine.cleanup()
    assert active == (1 if keeps else 2)


async def test_nothing_that_an_agent_does_is_raised(make_registry: Any, make_user: Any) -> None:
    async def breaks(agent: Agent, task: Task) -> Answer:
        raise ConnectionResetError("peer of ann")

    legacy = ExecutionEngine(registry=make_registry(data=breaks))
    for agent, error_type in (("data", "ConnectionResetError"), ("poet", "UnknownAgentError")):
        result = await legacy.execute(agent, "hello", make_user())
        assert (result.success, result.metadata["error_type"]) == (False, error_type)
        assert "peer of ann" not in (result.error or "")


async def test_nobody_is_made_up_when_no_user_is_given(make_registry: Any) -> None:
    with pytest.raises(InvalidContextError, match="user_context is missing"):
        await ExecutionEngine(registry=make_registry(data=answers)).execute("data", "hello")


def test_its_factory_knows_no_limit(make_registry: Any, make_user: Any) -> None:
    factory = ExecutionEngineFactory(make_registry(data=answers))
    assert len({factory.create_user_engine(make_user("ann", number)) for number in range(50)}) == 50
