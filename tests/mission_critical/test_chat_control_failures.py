"""How the legacy engine of `chat` fails: it repeats side effects and forgets durations; and that the target does not."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from netra_backend.app.agents.base import Agent, Answer, Task
from netra_backend.app.agents.supervisor.execution_context import AgentExecutionContext
from netra_backend.app.agents.supervisor.execution_engine import ExecutionEngine
from netra_backend.app.agents.supervisor.execution_tracker import ExecutionTracker, Heartbeat
from netra_backend.app.candidate import Candidate
from netra_backend.app.controls.chat import ControlChat
from netra_backend.app.errors import ModelUnavailableError
from netra_backend.app.services.llm.chat_model import FunctionCall, FunctionSpec, Message, ModelRequest, ToolCall, ToolSpec
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket.bridge import WebSocketBridge
from netra_backend.app.websocket.channel import FrameChannel

pytestmark = pytest.mark.mission_critical

Virtual = Callable[..., Any]
SAVE = ToolSpec(FunctionSpec("save_action_plan", "saves a plan", {}))


async def hangs(agent: Agent, task: Task) -> Answer:
    await asyncio.Event().wait()
    return Answer(text="awake", step_count=0)


async def breaks(agent: Agent, task: Task) -> Answer:
    raise ConnectionResetError("peer of ann")


async def without_model(agent: Agent, task: Task) -> Answer:
    raise ModelUnavailableError("the model refused the request")


async def saves_then_breaks(request: ModelRequest, lane: str) -> Message:
    if request.messages[-1].role == "tool":
        raise ConnectionResetError("the model went away")
    return Message("assistant", tool_calls=(ToolCall("1", FunctionCall("save_action_plan", "{}")),))


class Run:
    """One execution on a legacy engine, and what its user saw."""

    def __init__(self, registry: Any, user: UserExecutionContext, **parts: Any) -> None:
        bridge, self._channel = WebSocketBridge(), FrameChannel()
        bridge.subscribe(user, self._channel)
        with pytest.warns(DeprecationWarning, match="shares state between users"):
            self.engine = ExecutionEngine(registry, bridge, tracker=ExecutionTracker(), **parts)
        self.context = AgentExecutionContext.of(user, "data", {"message": "hello"})

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(frame) for frame in self._channel._frames]

    @property
    def kinds(self) -> list[str]:
        return [event["type"] for event in self.events if event["type"] != "agent_thinking"]


@pytest.mark.parametrize(("engine", "saved"), [(ControlChat, 4), (Candidate, 1)])
def test_a_failure_after_a_side_effect_repeats_the_side_effect(
    engine: Any, saved: int, virtual: Virtual, make_fakes: Any, make_user: Any
) -> None:
    async def scenario() -> list[tuple[str, str]]:
        fakes = make_fakes(saves_then_breaks)
        chat = engine(fakes.as_world(), [SAVE])
        try:
            async for _ in chat.stream(make_user(), {"message": "save it", "agent": "actions"}):
                pass
        except ConnectionResetError:
            assert engine is ControlChat
        await chat.aclose()
        return list(fakes.tool_calls)

    assert virtual(scenario()) == [("ann", "save_action_plan")] * saved


async def test_an_unexpected_exception_is_retried_after_2_4_and_8_seconds_and_then_raised_as_it_is(
    make_registry: Any, make_user: Any
) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    run = Run(make_registry(data=breaks), make_user(), sleep=sleep)
    with pytest.raises(ConnectionResetError, match="peer of ann"):
        await run.engine.execute_agent(run.context)
    assert (pauses, run.context.retry_count) == ([2.0, 4.0, 8.0], 3)
    assert run.kinds == ["agent_started"] + ["agent_started", "agent_error"] * 4 + ["agent_completed"]
    assert "peer of ann" not in json.dumps(run.events)


def test_a_retry_holds_its_permit(virtual: Virtual, make_registry: Any, make_user: Any) -> None:
    async def scenario() -> list[bool]:
        run = Run(make_registry(data=breaks), make_user())
        run.engine._permits = asyncio.Semaphore(1)
        work = asyncio.create_task(run.engine.execute_agent(run.context))
        held = []
        for _ in range(6):
            await asyncio.sleep(2)
            held.append(run.engine._permits.locked())
        await asyncio.wait({work})
        assert isinstance(work.exception(), ConnectionResetError)
        return held

    assert virtual(scenario()) == [True] * 6


async def test_an_agents_own_failure_is_a_failed_result_without_retry(make_registry: Any, make_user: Any) -> None:
    run = Run(make_registry(data=without_model), make_user())
    result = await run.engine.execute_agent(run.context)
    assert (result.success, result.error, run.context.retry_count) == (False, "the model refused the request", 0)
    assert run.kinds == ["agent_started", "agent_started", "agent_error", "agent_completed", "agent_completed"]


@pytest.mark.parametrize(("engine", "duration_ms", "endings"), [(ControlChat, 0.0, 2), (Candidate, 25_000.0, 1)])
def test_a_timeout_ends_in_a_death_and_a_failed_completion(
    engine: Any, duration_ms: float, endings: int, virtual: Virtual, *, make_registry: Any, make_user: Any, read: Any
) -> None:
    async def scenario() -> tuple[list[dict[str, Any]], float]:
        registry = make_registry(data=hangs)
        chat = engine(registry.world, registry=registry)
        events = await read(chat, make_user())
        took_s = asyncio.get_running_loop().time()
        await chat.aclose()
        return events, took_s

    events, took_s = virtual(scenario())
    assert took_s == 25.0
    assert [event["type"] for event in events][-endings - 2 :] == ["agent_error", "agent_death"] + ["agent_completed"] * endings
    assert {event["payload"]["result"]["duration_ms"] for event in events[-endings:]} == {duration_ms}


def test_a_legacy_timeout_is_tracked_as_failed(virtual: Virtual, make_registry: Any, make_user: Any) -> None:
    async def scenario() -> dict[str, int]:
        tracker = ExecutionTracker()
        with pytest.warns(DeprecationWarning, match="shares state between users"):
            legacy = ExecutionEngine(make_registry(data=hangs), WebSocketBridge(), tracker=tracker)
        result = await legacy.execute_agent(AgentExecutionContext.of(make_user(), "data", {}))
        assert (result.duration_s, result.metadata["timeout"]) == (0.0, True)
        assert (await legacy.get_execution_stats())["timeout_executions"] == 1
        return {state.value: count for state, count in tracker.ended.items() if count}

    assert virtual(scenario()) == {"failed": 1}


def test_an_agent_that_ignores_the_executors_limit_meets_the_engines(virtual: Virtual, make_registry: Any, make_user: Any) -> None:
    async def deaf_once(agent: Agent, task: Task) -> Answer:
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            await asyncio.sleep(100)
        return Answer(text="awake", step_count=0)

    async def scenario() -> tuple[Any, float]:
        run = Run(make_registry(data=deaf_once), make_user())
        return await run.engine.execute_agent(run.context), asyncio.get_running_loop().time()

    result, took_s = virtual(scenario())
    assert (result.success, result.metadata["timeout"], took_s) == (False, True, 30.0)


def test_a_heartbeat_keeps_a_hung_agent_alive_and_without_one_its_death_is_told(
    virtual: Virtual, make_registry: Any, make_user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def deaths() -> int:
        run = Run(make_registry(data=hangs), make_user())
        await run.engine.execute_agent(run.context)
        causes = [event["payload"]["death_cause"] for event in run.events if event["type"] == "agent_death"]
        return causes.count("no_heartbeat")

    assert virtual(deaths()) == 0
    monkeypatch.setattr(Heartbeat, "_beat", lambda _heartbeat: None)
    assert virtual(deaths()) == 1


async def test_an_agent_that_says_nothing_is_a_silent_failure(make_registry: Any, make_user: Any) -> None:
    async def blank(agent: Agent, task: Task) -> Answer:
        return Answer(text=" ", step_count=0)

    run = Run(make_registry(data=blank), make_user())
    result = await run.engine.execute_agent(run.context)
    assert result.metadata["error_type"] == "AgentSilentError"
    assert [event["payload"]["death_cause"] for event in run.events if event["type"] == "agent_death"] == ["silent_failure"]


async def test_the_send_methods_speak_for_their_execution(make_registry: Any, make_user: Any) -> None:
    run = Run(make_registry(data=hangs), make_user())
    await run.engine.send_agent_thinking(run.context, "thinking aloud", 7)
    await run.engine.send_tool_executing(run.context, "usage_summary")
    await run.engine.send_partial_result(run.context, "so far", is_complete=False)
    await run.engine.send_final_report(run.context, {"total": 3}, 12.5)
    assert [(event["type"], event["agent_name"]) for event in run.events] == [
        ("agent_thinking", "data"), ("tool_executing", "data"), ("partial_result", "data"), ("final_report", "data")
    ]  # fmt: skip
