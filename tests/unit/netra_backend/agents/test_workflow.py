"""Triage picks the chain; a failure ends it; a named agent runs alone."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from netra_backend.app.agents.supervisor.execution_context import AgentExecutionContext, AgentExecutionResult, PipelineStep
from netra_backend.app.agents.supervisor.pipeline import run_pipeline
from netra_backend.app.agents.supervisor.workflow import read_request, run_workflow
from netra_backend.app.errors import InvalidPayloadError, UnknownAgentError
from netra_backend.app.services.user_execution_context import UserExecutionContext

NAMES = ("triage", "data", "optimization", "actions", "reporting", "assistant")
CHAIN_TABLE = [
    ("sufficient", ["triage", "data", "optimization", "actions", "reporting"]),
    ("partial", ["triage", "data", "reporting"]),
    ("insufficient", ["triage", "reporting"]),
]


class FakeEngine:
    def __init__(self, verdict: str = "partial", failing: str = "") -> None:
        self.verdict, self.failing = verdict, failing
        self.metadata: dict[str, Any] = {}

    async def execute_agent(self, context: AgentExecutionContext) -> AgentExecutionResult:
        self.metadata = context.metadata
        data = {"final_answer": context.agent_name, "data_sufficiency": self.verdict}
        success = context.agent_name != self.failing
        return AgentExecutionResult(success=success, agent_name=context.agent_name, duration_s=0.0, data=data if success else {})

    async def execute_agent_pipeline(self, steps: Sequence[PipelineStep], context: AgentExecutionContext) -> list[AgentExecutionResult]:
        return await run_pipeline(steps, context, self.execute_agent)


MakeUser = Callable[..., UserExecutionContext]


async def run(engine: FakeEngine, user: UserExecutionContext, payload: dict[str, Any]) -> list[str]:
    results = await run_workflow(engine, user, read_request({"message": "hello", **payload}), (), NAMES)
    return [result.agent_name for result in results]


@pytest.mark.parametrize(("verdict", "chain"), CHAIN_TABLE)
async def test_triage_picks_the_chain(verdict: str, chain: list[str], make_user: MakeUser) -> None:
    assert await run(FakeEngine(verdict), make_user(), {}) == chain


@pytest.mark.parametrize(("failing", "ran"), [("triage", ["triage"]), ("optimization", ["triage", "data", "optimization"])])
async def test_a_failed_agent_ends_the_workflow(failing: str, ran: list[str], make_user: MakeUser) -> None:
    assert await run(FakeEngine("sufficient", failing), make_user(), {}) == ran


async def test_a_named_agent_runs_alone(make_user: MakeUser) -> None:
    assert await run(FakeEngine(), make_user(), {"agent": "assistant"}) == ["assistant"]


async def test_an_unknown_agent_is_refused(make_user: MakeUser) -> None:
    with pytest.raises(UnknownAgentError, match="supervisor, triage"):
        await run(FakeEngine(), make_user(), {"agent": "poet"})


async def test_history_and_tools_of_the_payload_reach_the_agent(make_user: MakeUser) -> None:
    engine = FakeEngine()
    history = json.loads(
        """[{"role": "system", "content": "policy"}, {"role": "assistant", "content": null, "tool_calls":
        [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c", "name": "f", "content": "3"}]"""
    )
    tool = {"type": "function", "function": {"name": "f", "description": "", "parameters": {}}}
    await run(engine, make_user(), {"agent": "assistant", "history": history, "tools": [tool]})
    assert [message.role for message in engine.metadata["history"]] == ["system", "assistant", "tool"]
    assert [spec.function.name for spec in engine.metadata["tools"]] == ["f"]


@pytest.mark.parametrize(
    "payload", [{}, {"message": 3}, {"message": "hi", "history": [{"role": "king"}]}, {"message": "hi", "tools": "all"}]
)
def test_a_payload_that_cannot_be_read_is_refused(payload: dict[str, Any]) -> None:
    with pytest.raises(InvalidPayloadError):
        read_request(payload)
