"""The legacy engine of `oneshot` does its work: an engine that merely fails is not a control."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from netra_backend.app.agents.base import Agent, Answer, Task
from netra_backend.app.agents.supervisor.execution_context import AgentExecutionContext
from netra_backend.app.agents.supervisor.request_scoped_execution_engine import RequestScopedExecutionEngine, create_request_scoped_engine
from netra_backend.app.controls.oneshot import ControlOneshot
from netra_backend.app.errors import EngineClosedError, InvalidPayloadError, UnknownAgentError
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket.bridge import WebSocketBridge
from netra_backend.app.websocket.channel import FrameChannel

Virtual = Callable[..., Any]


async def answers(agent: Agent, task: Task) -> Answer:
    return Answer(text=task.message, step_count=2, data={"mood": "good"})


class Gate:
    """An agent that tells when it runs and when it was stopped."""

    def __init__(self) -> None:
        self.running, self.stopped = asyncio.Event(), asyncio.Event()

    async def __call__(self, agent: Agent, task: Task) -> Answer:
        self.running.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.stopped.set()
        return await answers(agent, task)


class Legacy:
    """An engine of ann's request, and what she hears."""

    def __init__(self, registry: Any, user: UserExecutionContext, **parts: Any) -> None:
        bridge, self._channel = WebSocketBridge(), FrameChannel()
        bridge.subscribe(user, self._channel)
        self.engine = RequestScopedExecutionEngine(user, registry, bridge, **parts)
        self._user = user

    def context(self, message: str = "hello") -> AgentExecutionContext:
        return AgentExecutionContext.of(self._user, "data", {"message": message})

    @property
    def heard(self) -> list[dict[str, Any]]:
        return [json.loads(frame) for frame in self._channel._frames]


async def test_an_answer_is_a_result_with_its_data(make_registry: Any, make_user: Any) -> None:
    legacy = Legacy(make_registry(data=answers), make_user())
    result = await legacy.engine.execute_agent(legacy.context(), state={"message": "laid over"})
    assert (result.success, result.error, result.metadata) == (True, None, {})
    assert result.data == {"final_answer": "laid over", "step_count": 2, "mood": "good"}
    assert [event["type"] for event in legacy.heard] == ["agent_started", "agent_thinking", "agent_completed"]


@pytest.mark.parametrize("answer", [None, Answer(text="  ", step_count=0)])
async def test_silence_is_a_failure(answer: Any, make_registry: Any, make_user: Any) -> None:
    async def says_nothing(agent: Agent, task: Task) -> Any:
        return answer

    legacy = Legacy(make_registry(data=says_nothing), make_user())
    result = await legacy.engine.execute_agent(legacy.context())
    assert (result.success, result.metadata["error_type"]) == (False, "AgentSilentError")


@pytest.mark.parametrize(
    ("error", "error_type"), [(ConnectionResetError("ann's"), "ConnectionResetError"), (asyncio.CancelledError(), None)]
)
async def test_whatever_the_agent_raises_is_a_failed_result(
    error: BaseException, error_type: str | None, make_registry: Any, make_user: Any
) -> None:
    async def breaks(agent: Agent, task: Task) -> Answer:
        raise error

    legacy = Legacy(make_registry(data=breaks), make_user())
    result = await legacy.engine.execute_agent(legacy.context())
    assert (result.success, result.metadata["error_type"]) == (False, error_type or "AgentFailedError")
    assert "ann's" not in (result.error or "")


def test_a_fourth_agent_waits_for_its_turn_and_is_told_so(virtual: Virtual, make_registry: Any, make_user: Any) -> None:
    async def two_seconds(agent: Agent, task: Task) -> Answer:
        await asyncio.sleep(2)
        return await answers(agent, task)

    async def scenario() -> tuple[float, list[int], dict[str, Any]]:
        legacy = Legacy(make_registry(data=two_seconds), make_user(), clock=asyncio.get_running_loop().time)
        await asyncio.gather(*(legacy.engine.execute_agent(legacy.context()) for _ in range(4)))
        steps = [event["payload"]["step_number"] for event in legacy.heard if event["type"] == "agent_thinking"]
        return asyncio.get_running_loop().time(), steps, legacy.engine.get_execution_stats()

    took_s, steps, stats = virtual(scenario())
    assert (took_s, steps) == (4.0, [1, 1, 1, 0, 1])
    assert (stats["total_executions"], stats["completed_executions"], stats["max_queue_wait_time"]) == (4, 4, 2.0)
    assert (stats["concurrent_executions"], stats["max_concurrent"], stats["avg_execution_time"]) == (0, 3, 2.0)


async def test_cleanup_stops_what_runs_and_what_waits_and_refuses_more(make_registry: Any, make_user: Any) -> None:
    gate = Gate()
    legacy = Legacy(make_registry(data=gate), make_user(), max_concurrent_executions=1)
    work = [asyncio.create_task(legacy.engine.execute_agent(legacy.context())) for _ in range(2)]
    await gate.running.wait()
    assert legacy.engine.get_execution_stats()["concurrent_executions"] == 2
    await legacy.engine.cleanup()
    await legacy.engine.cleanup()
    ended = await asyncio.gather(*work, return_exceptions=True)
    assert [type(outcome) for outcome in ended] == [EngineClosedError] * 2
    assert gate.stopped.is_set()
    assert not legacy.engine.is_active()
    assert [event["type"] for event in legacy.heard].count("agent_completed") == 2
    with pytest.raises(EngineClosedError):
        await legacy.engine.execute_agent(legacy.context())


async def test_cancelling_the_caller_stops_the_agent(make_registry: Any, make_user: Any) -> None:
    gate = Gate()
    legacy = Legacy(make_registry(data=gate), make_user())
    work = asyncio.create_task(legacy.engine.execute_agent(legacy.context()))
    await gate.running.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert gate.stopped.is_set()
    assert legacy.heard[-1]["payload"]["status"] == "failed"


def test_an_agent_that_ignores_its_cancellation_is_left_behind(virtual: Virtual, make_registry: Any, make_user: Any, caplog: Any) -> None:
    async def stubborn(agent: Agent, task: Task) -> Answer:
        end_s = asyncio.get_running_loop().time() + 60
        while asyncio.get_running_loop().time() < end_s:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                continue
        raise ConnectionResetError("ann's")

    async def scenario() -> tuple[Any, float]:
        legacy = Legacy(make_registry(data=stubborn), make_user())
        result = await legacy.engine.execute_agent(legacy.context())
        ended_s = asyncio.get_running_loop().time()
        await asyncio.sleep(100)
        return result, ended_s

    result, ended_s = virtual(scenario())
    assert (result.metadata["timeout"], result.duration_s, ended_s) == (True, 30.0, 35.0)
    assert "left running" in caplog.text
    assert "ann's" not in caplog.text


def test_an_engine_wants_its_parts(make_registry: Any, make_user: Any) -> None:
    whole: tuple[Any, ...] = (make_user(), make_registry(), WebSocketBridge())
    for lacking in range(3):
        parts = [None if index == lacking else part for index, part in enumerate(whole)]
        with pytest.raises(ValueError, match="is missing"):
            RequestScopedExecutionEngine(*parts)
    with pytest.raises(ValueError, match="at least 1"):
        RequestScopedExecutionEngine(*whole, max_concurrent_executions=0)
    assert create_request_scoped_engine(*whole).is_active()


@pytest.mark.parametrize(("payload", "error"), [({}, InvalidPayloadError), ({"message": "hi", "agent": "supervisor"}, UnknownAgentError)])
async def test_a_request_that_cannot_be_read_raises_and_sends_nothing(
    payload: dict[str, Any], error: type[Exception], make_fakes: Any, make_user: Any
) -> None:
    with pytest.raises(error):
        await anext(ControlOneshot(make_fakes().as_world()).stream(make_user(), payload))


async def test_closing_the_adapter_ends_its_runs(make_registry: Any, make_user: Any) -> None:
    gate = Gate()
    registry = make_registry(data=gate)
    control = ControlOneshot(registry.world, registry=registry)
    frames: list[bytes] = []

    async def read() -> None:
        async for frame in control.stream(make_user(), {"agent": "data", "message": "hello"}):
            frames.append(frame)  # noqa: PERF401 - what came before the exception counts

    reading = asyncio.create_task(read())
    await gate.running.wait()
    await control.aclose()
    with pytest.raises(EngineClosedError):
        await reading
    assert json.loads(frames[-1])["type"] == "agent_completed"
