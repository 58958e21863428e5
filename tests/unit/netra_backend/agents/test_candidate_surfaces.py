"""The target engine on the surfaces without a chat: one agent, or one tool, and the result as the last frame."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from netra_backend.app.agents.base import Agent, Answer, Task
from netra_backend.app.agents.supervisor.execution_context import AgentExecutionResult
from netra_backend.app.agents.tool_calls import ToolOutcome
from netra_backend.app.candidate import Candidate, Listeners
from netra_backend.app.errors import ForeignContextError, InvalidPayloadError, ToolPermissionError, UnknownAgentError
from netra_backend.app.run_results import of_agent, of_tool
from netra_backend.app.websocket.channel import FrameChannel
from netra_backend.app.websocket.contract import check_contract

DATA = {"agent": "data", "message": "hello"}


async def frames_of(stream: Any) -> list[bytes]:
    return [frame async for frame in stream]


async def test_an_agents_run_obeys_the_contract_and_ends_with_its_result(make_world: Any, make_user: Any) -> None:
    candidate = Candidate(make_world())
    *events, last = await frames_of(candidate.run_agent(make_user(), DATA))
    await candidate.aclose()
    assert check_contract(events) == []
    result = json.loads(last)
    assert (result["type"], result["agent_name"], result["payload"]["status"]) == ("run_result", "", "completed")
    assert result["sequence"] == json.loads(events[-1])["sequence"] + 1
    completed = json.loads(events[-1])["payload"]["result"]
    assert {key: result["payload"]["result"][key] for key in completed} == completed


async def test_a_tools_call_is_announced_closed_and_answered_in_full(make_world: Any, make_user: Any) -> None:
    async def answer(name: str, arguments: Mapping[str, Any]) -> Any:
        return {"long": "x" * 1000}

    candidate = Candidate(make_world(answer=answer))
    frames = [json.loads(frame) for frame in await frames_of(candidate.call_tool(make_user(), {"tool": "usage_summary", "arguments": {}}))]
    await candidate.aclose()
    assert [frame["type"] for frame in frames] == ["tool_executing", "tool_completed", "run_result"]
    assert (frames[0]["agent_name"], len(frames[1]["payload"]["result"])) == ("tools", 500)
    assert frames[2]["payload"]["result"]["value"] == {"long": "x" * 1000}


async def test_a_refused_tool_is_a_result(make_world: Any, make_user: Any) -> None:
    async def refuses(name: str, arguments: Mapping[str, Any]) -> Any:
        raise ToolPermissionError("you may not")

    candidate = Candidate(make_world(answer=refuses))
    last = json.loads((await frames_of(candidate.call_tool(make_user(), {"tool": "usage_summary"})))[-1])["payload"]
    await candidate.aclose()
    assert (last["status"], last["result"]["status"], last["result"]["error"]) == ("failed", "permission_denied", "you may not")


@pytest.mark.parametrize(
    ("way", "payload", "error"),
    [
        ("run_agent", {"agent": "data"}, InvalidPayloadError),
        ("run_agent", {"agent": "data", "message": 7}, InvalidPayloadError),
        ("run_agent", {"agent": "supervisor", "message": "hello"}, UnknownAgentError),
        ("call_tool", {"arguments": {}}, InvalidPayloadError),
    ],
)
async def test_what_cannot_be_read_makes_no_engine(
    way: str, payload: dict[str, Any], error: type[Exception], make_world: Any, make_user: Any
) -> None:
    candidate = Candidate(make_world())
    with pytest.raises(error):
        await anext(getattr(candidate, way)(make_user(), payload))
    assert candidate.factory.get_factory_metrics()["engines_created"] == 0
    await candidate.aclose()


def test_an_agent_that_hangs_is_told_as_timed_out(virtual: Callable[..., Any], make_world: Any, make_registry: Any, make_user: Any) -> None:
    async def hangs(agent: Agent, task: Task) -> Answer:
        await asyncio.Event().wait()
        return Answer(text="awake", step_count=0)

    async def scenario() -> dict[str, Any]:
        candidate = Candidate(make_world(), registry=make_registry(data=hangs))
        frames = await frames_of(candidate.run_agent(make_user(), DATA))
        await candidate.aclose()
        payload: dict[str, Any] = json.loads(frames[-1])["payload"]
        return payload

    payload = virtual(scenario())
    assert (payload["status"], payload["result"]["error_type"]) == ("timed_out", "AgentTimeoutError")


def test_no_frame_continues_the_numbers_of_an_engine_that_was_not_made(make_user: Any) -> None:
    listeners, user = Listeners(), make_user()
    with listeners.listening(user, FrameChannel()), pytest.raises(ForeignContextError):
        listeners.emitter_of(user)


def test_an_agents_result_keeps_what_it_said_beside_its_answer() -> None:
    data = {"final_answer": "yes", "step_count": 3, "data_sufficiency": "partial"}
    result = AgentExecutionResult(success=True, agent_name="triage", duration_s=0.25, data=data)
    assert of_agent(result) == {
        "status": "completed",
        "result": {
            "agent_name": "triage", "success": True, "final_answer": "yes", "data": {"data_sufficiency": "partial"}, "error": None,
            "error_type": None, "support_code": None, "duration_ms": 250.0, "step_count": 3,
        },
    }  # fmt: skip


def test_a_tools_result_is_its_outcome() -> None:
    outcome = ToolOutcome(name="usage_summary", status="success", duration_s=0.001, value=[1])
    assert of_tool(outcome) == {
        "status": "completed",
        "result": {
            "tool_name": "usage_summary", "success": True, "status": "success", "value": [1], "error": None, "execution_time_ms": 1.0
        },
    }  # fmt: skip
