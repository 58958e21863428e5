"""The input and the output of one execution of an agent."""

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from netra_backend.app.agents.base import Task
from netra_backend.app.services.user_execution_context import UserExecutionContext


class ExecutionStrategy(StrEnum):
    """How a step of a pipeline runs."""

    SEQUENTIAL = "sequential"
    PARALLEL = "parallel"
    CONDITIONAL = "conditional"


@dataclass(slots=True, kw_only=True)
class AgentExecutionContext:
    """One execution of one agent. Mutable: engines count retries in it.

    `metadata` contains the task: `message` (str), `history` (messages), `tools` (specs), `results` (agent name -> final answer).
    """

    run_id: str
    thread_id: str
    user_id: str
    agent_name: str
    retry_count: int = 0
    max_retries: int = 3
    metadata: dict[str, Any] = field(default_factory=dict, repr=False)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    correlation_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    tenant_id: str | None = None  #: None: not stated; the target engine then uses the tenant of its own context

    @classmethod
    def of(cls, user: UserExecutionContext, agent_name: str, metadata: dict[str, Any]) -> "AgentExecutionContext":
        """Return an execution of that agent for this user."""
        return cls(
            run_id=user.run_id,
            thread_id=user.thread_id,
            user_id=user.user_id,
            agent_name=agent_name,
            metadata=metadata,
            tenant_id=user.tenant_id,
        )

    def for_step(self, agent_name: str, results: Mapping[str, str]) -> "AgentExecutionContext":
        """Return the execution of a pipeline's step: it has the step's agent, and its `results` include those of the earlier steps."""
        metadata = {**self.metadata, "results": {**self.metadata.get("results", {}), **results}}
        return replace(self, agent_name=agent_name, metadata=metadata, retry_count=0, correlation_id=uuid.uuid4().hex)

    def task(self, user: UserExecutionContext) -> Task:
        """Return the agent's task."""
        return Task(
            user=user,
            message=self.metadata.get("message", ""),
            history=tuple(self.metadata.get("history", ())),
            tools=tuple(self.metadata.get("tools", ())),
            results=self.metadata.get("results", {}),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentExecutionResult:
    """How an execution ended. It holds plain data only: no context, no session, no exception."""

    success: bool
    agent_name: str
    duration_s: float  #: monotonic seconds
    error: str | None = None  #: safe for users; None on success
    data: Mapping[str, Any] = field(default_factory=dict)  #: `final_answer`, `step_count`, and what else the agent returned; {} on failure
    metadata: Mapping[str, Any] = field(default_factory=dict)  #: `error_type`, `support_code`, `timeout` on failure


Condition = Callable[[AgentExecutionContext], bool | Awaitable[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineStep:
    """One agent in a pipeline."""

    agent_name: str
    strategy: ExecutionStrategy = ExecutionStrategy.SEQUENTIAL
    condition: Condition | None = None  #: None: the step always runs. A condition that returns False or raises skips the step
    dependencies: tuple[str, ...] = ()  #: agents that must have succeeded before; otherwise the step is skipped
    continue_on_error: bool = False  #: True: the pipeline continues when this step fails
