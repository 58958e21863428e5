"""A chat's workflow, the same for every engine: triage chooses the chain of agents, or the agent that the request names runs alone."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from netra_backend.app.agents.execution_engine_interface import WorkflowEngine
from netra_backend.app.agents.supervisor.execution_context import AgentExecutionContext, AgentExecutionResult, PipelineStep
from netra_backend.app.agents.triage import DataSufficiency
from netra_backend.app.errors import InvalidPayloadError, UnknownAgentError
from netra_backend.app.services.llm.chat_model import Message, ToolSpec
from netra_backend.app.services.user_execution_context import UserExecutionContext

SUPERVISOR: Final = "supervisor"

CHAINS: Final[Mapping[DataSufficiency, tuple[str, ...]]] = MappingProxyType(
    {
        DataSufficiency.SUFFICIENT: ("data", "optimization", "actions", "reporting"),
        DataSufficiency.PARTIAL: ("data", "reporting"),
        DataSufficiency.INSUFFICIENT: ("reporting",),
    }
)


class ChatRequest(msgspec.Struct, frozen=True):
    """A user's request in a chat."""

    message: str
    agent: str = SUPERVISOR  #: "supervisor": triage chooses the agents; any other name: that agent alone
    history: tuple[Message, ...] = ()  #: the thread so far, oldest first; may begin with a system message
    tools: tuple[ToolSpec, ...] | None = None  #: offered to the agents; None: the application's own tools


def read_request(payload: Mapping[str, Any]) -> ChatRequest:
    """Return the request in the payload.

    Raises:
        InvalidPayloadError: a field is missing or has the wrong type.
    """
    try:
        return msgspec.convert(payload, ChatRequest)
    except msgspec.ValidationError as error:
        raise InvalidPayloadError(f"the chat cannot be read: {error}") from None


async def run_workflow(
    engine: WorkflowEngine, user: UserExecutionContext, request: ChatRequest, tools: tuple[ToolSpec, ...], agents: tuple[str, ...]
) -> list[AgentExecutionResult]:
    """Execute the agents that the request needs, and return their results. A failed agent ends the workflow.

    Args:
        engine: executes the agents.
        user: the user to execute for.
        request: what was asked.
        tools: offered to the agents when the request contains none.
        agents: names of all agents.

    Raises:
        UnknownAgentError: the request names an agent that does not exist.
        Exception: any error of the engine.
    """
    if request.agent != SUPERVISOR and request.agent not in agents:
        raise UnknownAgentError(request.agent, (SUPERVISOR, *agents))
    metadata = {
        "message": request.message,
        "history": request.history,
        "tools": tools if request.tools is None else request.tools,
    }
    if request.agent != SUPERVISOR:
        return [await engine.execute_agent(AgentExecutionContext.of(user, request.agent, metadata))]
    context = AgentExecutionContext.of(user, "triage", metadata)
    triage = await engine.execute_agent(context)
    if not triage.success:
        return [triage]
    chain = CHAINS[DataSufficiency(triage.data["data_sufficiency"])]
    steps = [PipelineStep(agent_name=name) for name in chain]
    return [triage, *await engine.execute_agent_pipeline(steps, context)]
