"""One user, one run: what the target engine promises."""

import asyncio
import gc
import json
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from netra_backend.app.agents.base import Agent, Answer, Task
from netra_backend.app.agents.execution_engine_interface import ExecutionEngineInterface
from netra_backend.app.agents.registry import AgentRegistry
from netra_backend.app.agents.supervisor.agent_factory import UserAgentFactory
from netra_backend.app.agents.supervisor.agent_run import AgentRun
from netra_backend.app.agents.supervisor.execution_context import AgentExecutionContext, PipelineStep
from netra_backend.app.agents.supervisor.execution_tracker import ExecutionState, ExecutionTracker, Heartbeat
from netra_backend.app.agents.supervisor.user_execution_engine import UserExecutionEngine
from netra_backend.app.errors import (
    AgentTimeoutError,
    EngineClosedError,
    ForeignContextError,
    InvalidContextError,
    ModelUnavailableError,
)
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket.contract import check_contract
from netra_backend.app.websocket.emitters import UserEmitter
from netra_backend.app.world import World

MakeEngine = Callable[..., UserExecutionEngine]
MakeRegistry = Callable[..., AgentRegistry]
MakeUser = Callable[..., UserExecutionContext]
Execution = Callable[..., AgentExecutionContext]
Virtual = Callable[..., Any]


async def answers(agent: Agent, task: Task) -> Answer:
    return Answer(text="an answer", step_count=0)


async def hangs(agent: Agent, task: Task) -> Answer:
    await asyncio.Event().wait()
    raise AssertionError("it woke up")


async def breaks(agent: Agent, task: Task) -> Answer:
    raise KeyError("a secret of ann")


async def says_nothing(agent: Agent, task: Task) -> Answer | None:
    return None


def kinds(sink: Any) -> list[str]:
    return [json.loads(frame)["type"] for frame in sink.frames]


def payloads(sink: Any, kind: str) -> list[dict[str, Any]]:
    return [event["payload"] for event in map(json.loads, sink.frames) if event["type"] == kind]


def interface(_engine: ExecutionEngineInterface) -> None:
    """Is checked by mypy: the target engine answers to the whole interface."""


async def test_a_success_is_an_answer_and_a_whole_stream(
    make_engine: MakeEngine, make_registry: MakeRegistry, execution: Execution, sink: Any
) -> None:
    async with make_engine(make_registry(data=answers)) as engine:
        interface(engine)
        result = await engine.execute_agent(execution())
    assert (result.success, result.data["final_answer"], result.error) == (True, "an answer", None)
    assert kinds(sink) == ["agent_started", "agent_thinking", "agent_completed"]
    assert check_contract(sink.frames) == []


async def test_every_execution_gets_an_agent_of_its_own_and_that_one_runs(
    make_engine: MakeEngine, make_registry: MakeRegistry, execution: Execution
) -> None:
    ran: list[Agent] = []

    async def remembers(agent: Agent, task: Task) -> Answer:
        ran.append(agent)
        return Answer(text=f"{agent.user_id}/{agent.run_id}", step_count=0)

    registry = make_registry(data=remembers)
    async with make_engine(registry) as engine:
        first = await engine.execute_agent(execution())
        await engine.execute_agent(execution())
    assert first.data["final_answer"] == "ann/run-7"
    assert len({id(agent) for agent in ran}) == 2
    assert registry.get("data") not in ran  # goes with: migration


@pytest.mark.parametrize("field", ["user_id", "run_id", "thread_id", "tenant_id"])
async def test_a_context_with_one_foreign_id_is_refused_before_any_event(
    field: str, make_engine: MakeEngine, make_registry: MakeRegistry, execution: Execution, sink: Any
) -> None:
    async with make_engine(make_registry(data=answers)) as engine:
        for work in (
            engine.execute_agent(execution(**{field: "other"})),
            engine.execute_agent_pipeline([PipelineStep(agent_name="data")], execution(**{field: "other"})),
            engine.execute_tool("usage_summary", {}, execution(**{field: "other"})),
        ):
            with pytest.raises(ForeignContextError):
                await work
    assert sink.frames == []


@pytest.mark.parametrize(("field", "value"), [("user_id", " "), ("run_id", ""), ("run_id", "registry")])
async def test_a_blank_or_placeholder_id_is_refused(
    field: str, value: str, make_engine: MakeEngine, make_registry: MakeRegistry, execution: Execution
) -> None:
    async with make_engine(make_registry(data=answers)) as engine:
        with pytest.raises(InvalidContextError):
            await engine.execute_agent(execution(**{field: value}))


async def test_an_emitter_of_another_run_is_refused(make_user: MakeUser, make_registry: MakeRegistry, sink: Any) -> None:
    with pytest.raises(ForeignContextError):
        UserExecutionEngine(make_user(), UserAgentFactory(make_registry()), UserEmitter(make_user(run_id="other"), sink))


async def test_an_unexpected_exception_is_a_failed_result_without_retry_and_without_its_message(
    make_engine: MakeEngine, make_registry: MakeRegistry, execution: Execution, sink: Any, caplog: pytest.LogCaptureFixture
) -> None:
    runs: list[int] = []

    async def counts_and_breaks(agent: Agent, task: Task) -> Answer:
        runs.append(1)
        return await breaks(agent, task)

    async with make_engine(make_registry(data=counts_and_breaks)) as engine:
        result = await engine.execute_agent(execution())

    assert (result.success, result.metadata["error_type"], len(runs)) == (False, "KeyError", 1)
    assert check_contract(sink.frames) == []
    shown = b"".join(sink.frames).decode() + caplog.text + repr(result) + repr([vars(record) for record in caplog.records])
    assert "a secret of ann" not in shown
    (error,) = payloads(sink, "agent_error")
    assert error["support_code"] == result.metadata["support_code"] == caplog.records[0].__dict__["support_code"]


async def test_an_error_of_our_own_tree_is_shown_in_its_own_words(
    make_engine: MakeEngine, make_registry: MakeRegistry, execution: Execution, sink: Any
) -> None:
    async def without_model(agent: Agent, task: Task) -> Answer:
        raise ModelUnavailableError("the model refused the request")

    async with make_engine(make_registry(data=without_model)) as engine:
        result = await engine.execute_agent(execution())
    assert result.error == "the model refused the request"
    assert "language model" in payloads(sink, "agent_error")[0]["user_facing_advice"]


def test_a_timeout_is_an_error_a_death_and_a_failed_completion_of_25_seconds(
    virtual: Virtual, make_engine: MakeEngine, make_registry: MakeRegistry, execution: Execution, sink: Any
) -> None:
    async def scenario() -> tuple[Any, float]:
        async with make_engine(make_registry(data=hangs)) as engine:
            result = await engine.execute_agent(execution())
            return result, asyncio.get_running_loop().time()

    result, took_s = virtual(scenario())
    assert (result.success, result.duration_s, result.metadata["timeout"], took_s) == (False, 25.0, True, 25.0)
    assert kinds(sink)[-3:] == ["agent_error", "agent_death", "agent_completed"]
    assert payloads(sink, "agent_death")[0]["death_cause"] == "timeout"
    assert payloads(sink, "agent_completed")[0]["result"]["duration_ms"] == 25_000
    assert check_contract(sink.frames) == []


def test_an_agent_that_ignores_its_cancellation_is_left_behind_after_five_seconds(
    virtual: Virtual, make_engine: MakeEngine, make_registry: MakeRegistry, execution: Execution, caplog: pytest.LogCaptureFixture
) -> None:
    async def deaf(agent: Agent, task: Task) -> Answer:
        for _ in range(2):
            try:
                await asyncio.sleep(40)
            except asyncio.CancelledError:
                continue
        raise KeyError("late")

    async def scenario() -> float:
        async with make_engine(make_registry(data=deaf)) as engine:
            await engine.execute_agent(execution())
            took_s = asyncio.get_running_loop().time()
            await asyncio.sleep(60)
            return took_s

    assert virtual(scenario()) == 25.0 + AgentRun.CANCEL_GRACE_S
    assert "ignores its cancellation" in caplog.text


async def test_an_agent_that_ends_without_an_answer_is_a_silent_failure(
    make_engine: MakeEngine, make_registry: MakeRegistry, execution: Execution, sink: Any
) -> None:
    async with make_engine(make_registry(data=says_nothing)) as engine:
        result = await engine.execute_agent(execution())
    assert (result.success, result.metadata["error_type"]) == (False, "AgentSilentError")
    assert payloads(sink, "agent_death")[0]["death_cause"] == "silent_failure"


@pytest.fixture
def no_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Heartbeat, "_beat", lambda _heartbeat: None)


@pytest.mark.usefixtures("no_heartbeat")
def test_an_agent_whose_heartbeat_stops_is_stopped_and_declared_dead(
    virtual: Virtual, make_engine: MakeEngine, make_registry: MakeRegistry, execution: Execution, sink: Any
) -> None:
    async def scenario() -> tuple[Any, float]:
        async with make_engine(make_registry(data=hangs)) as engine:
            return await engine.execute_agent(execution()), asyncio.get_running_loop().time()

    result, took_s = virtual(scenario())
    assert (result.metadata["error_type"], took_s) == ("AgentDiedError", 15.0)
    assert payloads(sink, "agent_death")[0]["death_cause"] == "no_heartbeat"
    assert check_contract(sink.frames) == []


def test_a_slow_agent_that_beats_is_not_declared_dead(
    virtual: Virtual, make_engine: MakeEngine, make_registry: MakeRegistry, execution: Execution
) -> None:
    async def slow(agent: Agent, task: Task) -> Answer:
        await asyncio.sleep(24)
        return await answers(agent, task)

    async def scenario() -> Any:
        async with make_engine(make_registry(data=slow)) as engine:
            return await engine.execute_agent(execution())

    assert virtual(scenario()).success


async def test_a_factory_that_returns_a_coroutine_fails_the_run_instead_of_caching_it(
    make_user: MakeUser, make_registry: MakeRegistry, execution: Execution, sink: Any
) -> None:
    class Wrong(UserAgentFactory):
        def create_agent(self, name: str, context: UserExecutionContext, /) -> Any:
            return {"a": "dict, no agent"}

    user = make_user()
    async with UserExecutionEngine(user, Wrong(make_registry()), UserEmitter(user, sink)) as engine:
        result = await engine.execute_agent(execution())
    assert result.error == "the agent factory returned a dict instead of an agent"


async def test_an_unknown_agent_is_a_failed_result(
    make_engine: MakeEngine, make_registry: MakeRegistry, execution: Execution, sink: Any
) -> None:
    async with make_engine(make_registry(data=answers)) as engine:
        result = await engine.execute_agent(execution("poet"))
    assert result.metadata["error_type"] == "UnknownAgentError"
    assert check_contract(sink.frames) == []


async def test_cleanup_stops_what_runs_closes_its_stream_and_refuses_more(
    make_engine: MakeEngine, make_registry: MakeRegistry, execution: Execution, sink: Any
) -> None:
    running, stopped = asyncio.Event(), asyncio.Event()

    async def until_stopped(agent: Agent, task: Task) -> Answer:
        running.set()
        try:
            return await hangs(agent, task)
        finally:
            stopped.set()

    engine = make_engine(make_registry(data=until_stopped))
    work = asyncio.create_task(engine.execute_agent(execution()))
    await running.wait()
    assert (engine.is_active(), engine.is_busy()) == (True, True)
    await asyncio.gather(engine.cleanup(), engine.cleanup())
    await engine.cleanup()

    assert stopped.is_set()
    with pytest.raises(EngineClosedError):
        await work
    assert check_contract(sink.frames) == []
    assert (engine.is_active(), engine.is_busy(), engine.get_execution_summary()["history"]) == (False, False, [])
    for late in (
        engine.execute_agent(execution()),
        engine.execute_agent_pipeline([], execution()),
        engine.execute_tool("a", {}, execution()),
    ):
        with pytest.raises(EngineClosedError):
            await late


async def test_cleanup_turns_away_who_still_waits_for_a_turn(
    make_engine: MakeEngine, make_registry: MakeRegistry, execution: Execution, sink: Any
) -> None:
    engine = make_engine(make_registry(**dict.fromkeys("abcd", hangs)))
    work = [asyncio.create_task(engine.execute_agent(execution(name))) for name in "abcd"]
    for _ in range(20):
        await asyncio.sleep(0)
    assert engine.get_execution_summary()["running"] == list("abcd")
    await engine.cleanup()
    outcomes = await asyncio.gather(*work, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [EngineClosedError] * 4
    assert check_contract(sink.frames) == []


async def test_an_agent_stopped_before_it_begins_never_begins() -> None:
    begun: list[int] = []

    async def begins() -> Answer:
        begun.append(1)
        return Answer(text="an answer", step_count=0)

    run = AgentRun(agent_name="data", user_id="ann", run_id="run-7", tracker=ExecutionTracker(), limit_s=25.0)
    run.stop(ExecutionState.CANCELLED)
    ending = await run.supervise(begins())
    assert (type(ending.error), begun) == (EngineClosedError, [])


async def test_a_cancelled_caller_stops_the_agent_and_its_stream_is_closed(
    make_engine: MakeEngine, make_registry: MakeRegistry, execution: Execution, sink: Any
) -> None:
    running, stopped = asyncio.Event(), asyncio.Event()

    async def until_stopped(agent: Agent, task: Task) -> Answer:
        running.set()
        try:
            return await hangs(agent, task)
        finally:
            stopped.set()

    async with make_engine(make_registry(data=until_stopped)) as engine:
        work = asyncio.create_task(engine.execute_agent(execution()))
        await running.wait()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        assert (stopped.is_set(), engine.is_busy()) == (True, False)
        assert engine.get_user_execution_stats()["cancelled_executions"] == 1
    assert check_contract(sink.frames) == []


def test_three_agents_run_at_once_and_the_fourth_says_that_it_waits(
    virtual: Virtual, make_engine: MakeEngine, make_registry: MakeRegistry, execution: Execution, sink: Any
) -> None:
    running: set[str] = set()
    most: list[int] = []

    async def takes_two_seconds(agent: Agent, task: Task) -> Answer:
        running.add(agent.name)
        most.append(len(running))
        await asyncio.sleep(2)
        running.discard(agent.name)
        return await answers(agent, task)

    async def scenario() -> dict[str, Any]:
        async with make_engine(make_registry(**dict.fromkeys("abcd", takes_two_seconds))) as engine:
            await asyncio.gather(*(engine.execute_agent(execution(name)) for name in "abcd"))
            return engine.get_user_execution_stats()

    stats = virtual(scenario())
    assert max(most) == 3
    waits = [payload for payload in payloads(sink, "agent_thinking") if payload["step_number"] == 0]
    assert [payload["reasoning"] for payload in waits] == ["queued due to high load"]
    assert (stats["total_executions"], stats["max_queue_wait_time"]) == (4, 2.0)
    assert check_contract(sink.frames) == []


def test_a_context_may_change_the_number_of_agents_at_once(make_user: MakeUser, make_registry: MakeRegistry, sink: Any) -> None:
    user = make_user(agent_context={"resource_limits": {"max_concurrent_agents": 1}})
    engine = UserExecutionEngine(user, UserAgentFactory(make_registry()), UserEmitter(user, sink))
    assert engine.get_user_execution_stats()["max_concurrent"] == 1


@pytest.mark.parametrize("limits", [{"max_concurrent_agents": 0}, {"max_concurrent_agents": "many"}, "none"])
def test_a_limit_that_is_no_number_is_refused(limits: object, make_user: MakeUser, make_registry: MakeRegistry, sink: Any) -> None:
    user = make_user(agent_context={"resource_limits": limits})
    with pytest.raises(InvalidContextError, match="whole number"):
        UserExecutionEngine(user, UserAgentFactory(make_registry()), UserEmitter(user, sink))


async def test_the_history_is_bounded_and_the_counts_are_not(
    make_engine: MakeEngine, make_registry: MakeRegistry, execution: Execution
) -> None:
    async with make_engine(make_registry(data=answers, broken=breaks)) as engine:
        for number in range(UserExecutionEngine.MAX_HISTORY_SIZE + 20):
            await engine.execute_agent(execution("broken" if number % 2 else "data"))
        stats = engine.get_user_execution_stats()
        assert len(engine.get_execution_summary()["history"]) == 100
        assert (stats["total_executions"], stats["completed_executions"], stats["failed_executions"]) == (120, 60, 60)


async def test_a_closed_engine_is_collected(make_engine: MakeEngine, make_registry: MakeRegistry, execution: Execution) -> None:
    engine = make_engine(make_registry(data=answers))
    await engine.execute_agent(execution())
    await engine.cleanup()
    gone = weakref.ref(engine)
    del engine
    gc.collect()
    assert gone() is None


async def test_a_listener_that_fails_costs_events_but_not_the_run(
    make_user: MakeUser, make_registry: MakeRegistry, execution: Execution
) -> None:
    class Broken:
        def offer(self, frame: bytes, /) -> bool:
            raise ConnectionResetError("gone")

        async def room(self) -> None:
            raise AssertionError("never asked")

    user = make_user()
    async with UserExecutionEngine(user, UserAgentFactory(make_registry(data=answers)), UserEmitter(user, Broken())) as engine:
        assert (await engine.execute_agent(execution())).success
        stats = engine.get_user_execution_stats()
    assert (stats["events_sent"], stats["events_lost"]) == (0, 3)


async def test_a_tool_is_called_announced_and_closed(
    make_engine: MakeEngine, make_registry: MakeRegistry, make_world: Callable[..., World], execution: Execution, sink: Any
) -> None:
    async with make_engine(make_registry(make_world())) as engine:
        outcome = await engine.execute_tool("usage_summary", {"days": 7}, execution("tools"))
    assert (outcome.status, outcome.value) == ("success", {"tool": "usage_summary", "days": 7})
    assert kinds(sink) == ["tool_executing", "tool_completed"]


def test_a_tool_that_hangs_is_stopped_after_25_seconds(
    virtual: Virtual, make_engine: MakeEngine, make_registry: MakeRegistry, execution: Execution, sink: Any
) -> None:
    async def hang(name: str, arguments: object) -> None:
        await asyncio.Event().wait()

    async def scenario() -> float:
        registry = make_registry()
        registry.world.tools.answer = hang  # type: ignore[attr-defined]  # the fake's own
        async with make_engine(registry) as engine:
            with pytest.raises(AgentTimeoutError):
                await engine.execute_tool("usage_summary", {}, execution("tools"))
            return asyncio.get_running_loop().time()

    assert virtual(scenario()) == 25.0
    assert payloads(sink, "tool_completed")[0]["status"] == "cancelled"


async def test_a_result_holds_plain_data_only(make_engine: MakeEngine, make_registry: MakeRegistry, execution: Execution) -> None:
    async with make_engine(make_registry(data=answers, broken=breaks)) as engine:
        for name in ("data", "broken"):
            result = await engine.execute_agent(execution(name))
            json.dumps([result.success, result.error, dict(result.data), dict(result.metadata)])
