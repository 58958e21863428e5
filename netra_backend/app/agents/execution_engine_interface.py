"""The interface of all engines, and the additions of the target engine."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from netra_backend.app.agents.supervisor.execution_context import AgentExecutionContext, AgentExecutionResult, PipelineStep
from netra_backend.app.agents.tool_calls import ToolOutcome


class AgentExecutor(Protocol):
    """Executes one agent; every engine of agents can do this."""

    async def execute_agent(self, context: AgentExecutionContext) -> AgentExecutionResult:
        """Execute the agent that the context names, and return how it ended."""
        ...


class WorkflowEngine(AgentExecutor, Protocol):
    """The part of an engine that a chat's workflow needs."""

    async def execute_agent_pipeline(self, steps: Sequence[PipelineStep], context: AgentExecutionContext) -> list[AgentExecutionResult]:
        """Execute the steps, and return the results of those that ran."""
        ...


class ExecutionEngineInterface(WorkflowEngine, Protocol):
    """The whole interface: the engine that stays implements it, and its callers may rely on it."""

    async def execute_tool(self, tool_name: str, parameters: Mapping[str, Any], context: AgentExecutionContext) -> ToolOutcome:
        """Call one tool for the context's user."""
        ...

    def get_user_execution_stats(self) -> dict[str, Any]:
        """Return counts and durations of this user's executions."""
        ...

    def get_execution_summary(self) -> dict[str, Any]:
        """Return what the engine is doing and what it did last."""
        ...

    def is_active(self) -> bool:
        """Return whether the engine accepts work."""
        ...

    async def cleanup(self) -> None:
        """Stop all executions and forget everything."""
        ...
