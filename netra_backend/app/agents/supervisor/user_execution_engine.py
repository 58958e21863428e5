"""`UserExecutionEngine`: the single source of truth.

It has one user, one run and separate state, and leaves nothing behind after it is closed.
"""

import asyncio
import logging
import time
import uuid
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

from netra_backend.app.agents.base import Agent, Answer
from netra_backend.app.agents.supervisor.agent_events import AgentEvents
from netra_backend.app.agents.supervisor.agent_factory import AgentFactory
from netra_backend.app.agents.supervisor.agent_run import AgentRun, Ending
from netra_backend.app.agents.supervisor.execution_context import AgentExecutionContext, AgentExecutionResult, PipelineStep
from netra_backend.app.agents.supervisor.execution_statistics import ExecutionStatistics
from netra_backend.app.agents.supervisor.execution_tracker import ExecutionState, ExecutionTracker, TrackedExecution
from netra_backend.app.agents.supervisor.failure_report import report_failure
from netra_backend.app.agents.supervisor.permits import Permits
from netra_backend.app.agents.supervisor.pipeline import run_pipeline
from netra_backend.app.agents.tool_calls import Speaker, ToolInvocation, ToolOutcome
from netra_backend.app.errors import EngineClosedError, ExecutionEngineFactoryError, ForeignContextError, InvalidContextError
from netra_backend.app.services.user_execution_context import UserExecutionContext, check_id
from netra_backend.app.websocket.emitters import UserEmitter
from netra_backend.app.websocket.events import safe_message

logger = logging.getLogger(__name__)


class UserExecutionEngine:
    """Executes agents for one `UserExecutionContext`. Implements `ExecutionEngineInterface`; it is an async context manager.

    Args:
        context: the only user, tenant, thread and run that the engine works for.
        agent_factory: makes a fresh agent and tool dispatcher for each execution.
        websocket_emitter: receives the events; the engine closes it.
        clock: monotonic seconds.

    Raises (at construction):
        ForeignContextError: the emitter is of another user, tenant, thread or run.
        InvalidContextError: the context's resource limit is not a whole number.
    """

    AGENT_EXECUTION_TIMEOUT = 25.0
    MAX_HISTORY_SIZE = 100
    MAX_CONCURRENT_AGENTS = 3  #: `context.agent_context["resource_limits"]["max_concurrent_agents"]` may change it
    QUEUE_NOTICE_S = 1.0
    CLOSE_GRACE_S = 10.0

    def __init__(
        self,
        context: UserExecutionContext,
        agent_factory: AgentFactory,
        websocket_emitter: UserEmitter,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not context.owns(websocket_emitter.context):
            raise ForeignContextError("the emitter belongs to another user or run")
        self.context = context
        self.engine_id = uuid.uuid4().hex
        self._factory = agent_factory
        self._emitter = websocket_emitter
        self._clock = clock
        self._permits = Permits(self._limit(), notice_after_s=self.QUEUE_NOTICE_S)
        self._tracker = ExecutionTracker()
        self._tracker.add_death_callback(self._on_death)
        self._runs: dict[AgentRun, asyncio.Event] = {}  #: the running executions, each with the event that is set when it has ended
        self._history: deque[AgentExecutionResult] = deque(maxlen=self.MAX_HISTORY_SIZE)
        self._statistics = ExecutionStatistics()
        self._closing: asyncio.Task[None] | None = None
        self._closed = False
        self._idle_since_s = clock()

    async def __aenter__(self) -> Self:
        """Return the engine."""
        return self

    async def __aexit__(self, *_exception: object) -> None:
        """Clean up."""
        await self.cleanup()

    async def execute_agent(self, context: AgentExecutionContext) -> AgentExecutionResult:
        """Execute the agent that the context names: once, without retry, for at most 25 s.

        Whatever the agent does is returned as a result: success, or a failure whose events were sent. Only the errors below are raised.

        Raises:
            EngineClosedError: the engine was cleaned up, before or while the agent ran.
            ForeignContextError: the context is of another user, tenant, thread or run.
            InvalidContextError: an id is blank or a placeholder.
            asyncio.CancelledError: the caller was cancelled; the agent was stopped, and its events were closed.
        """
        self._admit(context)
        said = AgentEvents(self._emitter, agent_name=context.agent_name, user_id=self.context.user_id, run_id=self.context.run_id)
        started_s = self._clock()
        async with self._registered(context) as run:
            await said.started({"user_isolated": True})
            try:
                async with self._permits.held(said.queued) as waited_s:
                    self._statistics.waited(waited_s)
                    await said.thinking(f"The {context.agent_name} agent takes the request.", 1)
                    ending = await run.supervise(self._agent_work(context))
            except (asyncio.CancelledError, EngineClosedError) as error:
                ending = Ending(state=ExecutionState.CANCELLED, duration_s=self._clock() - started_s, error=error)
                await self._conclude(context, ending, said)
                raise
            result = await self._conclude(context, ending, said)
        if ending.state is ExecutionState.CANCELLED and ending.error is not None:
            raise ending.error
        return result

    async def execute_agent_pipeline(self, steps: Sequence[PipelineStep], context: AgentExecutionContext) -> list[AgentExecutionResult]:
        """Execute the steps; each takes a permit of this engine like any other execution.

        Raises:
            EngineClosedError, ForeignContextError, InvalidContextError: as `execute_agent`.
        """
        self._admit(context)
        return await run_pipeline(steps, context, self.execute_agent)

    async def execute_tool(self, tool_name: str, parameters: Mapping[str, Any], context: AgentExecutionContext) -> ToolOutcome:
        """Call one tool for this user, and send the events of its start and end.

        Raises:
            EngineClosedError, ForeignContextError, InvalidContextError: as `execute_agent`.
            AgentTimeoutError: the tool took longer than 25 s and was cancelled.
            Exception: any error of the tool that is not a `ToolError`.
        """
        self._admit(context)
        speaker = Speaker(agent_name=context.agent_name, user_id=self.context.user_id, run_id=self.context.run_id, notifier=self._emitter)
        outcomes: list[ToolOutcome] = []

        async def call() -> Answer:
            dispatcher = self._factory.create_tool_dispatcher(self.context, self._emitter)
            invocation = ToolInvocation(name=tool_name, arguments=parameters)
            outcomes.extend(await dispatcher.dispatch([invocation], self.context, lambda: speaker))
            return Answer(text=outcomes[0].status, step_count=0)

        async with self._registered(context) as run:
            ending = await run.supervise(call())
        if ending.error is not None:
            raise ending.error
        return outcomes[0]

    def get_user_execution_stats(self) -> dict[str, Any]:
        """Return this engine's counts and durations; no other user is included."""
        return {
            "engine_id": self.engine_id,
            "user_id": self.context.user_id,
            "concurrent_executions": len(self._runs),
            "max_concurrent": self._permits.limit,
            "events_sent": self._emitter.sent,
            "events_lost": self._emitter.lost,
            **self._statistics.snapshot(),
        }

    def get_execution_summary(self) -> dict[str, Any]:
        """Return the current and the latest executions, oldest first, at most 100."""
        return {
            "engine_id": self.engine_id,
            "run_id": self.context.run_id,
            "active": self.is_active(),
            "running": [run.agent_name for run in self._runs],
            "history": [
                {"agent_name": result.agent_name, "success": result.success, "duration_s": result.duration_s} for result in self._history
            ],
        }

    def is_active(self) -> bool:
        """Return whether the engine accepts work: until `cleanup` is called."""
        return not self._closed

    def is_busy(self) -> bool:
        """Return whether an agent runs or waits for its turn."""
        return bool(self._runs)

    def idle_s(self) -> float:
        """Return the seconds since the last execution ended, or since the engine was created; 0.0 while it is busy."""
        return 0.0 if self._runs else self._clock() - self._idle_since_s

    async def cleanup(self) -> None:
        """Stop all executions, wait until they have ended, and forget everything. Every call waits for the same, single cleanup."""
        if self._closing is None:
            self._closed = True  # before anything is awaited: from here on no execution can start
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        self._permits.close()
        ended = [asyncio.create_task(event.wait()) for event in self._runs.values()]
        for run in self._runs:
            run.stop(ExecutionState.CANCELLED)
        if ended:
            _, late = await asyncio.wait(ended, timeout=self.CLOSE_GRACE_S)
            for waiting in late:
                logger.error("an execution still runs after closing", extra={"engine_id": self.engine_id, "run_id": self.context.run_id})
                waiting.cancel()
        self._emitter.close()
        self._tracker.remove_death_callback(self._on_death)
        self._tracker.close()
        self._history.clear()

    @asynccontextmanager
    async def _registered(self, context: AgentExecutionContext) -> AsyncGenerator[AgentRun, None]:
        run = AgentRun(
            agent_name=context.agent_name,
            user_id=self.context.user_id,
            run_id=self.context.run_id,
            tracker=self._tracker,
            limit_s=self.AGENT_EXECUTION_TIMEOUT,
            clock=self._clock,
        )
        ended = self._runs[run] = asyncio.Event()
        try:
            yield run
        finally:
            del self._runs[run]
            self._idle_since_s = self._clock()
            ended.set()

    async def _agent_work(self, context: AgentExecutionContext) -> Answer:
        agent = self._factory.create_agent(context.agent_name, self.context)
        if not isinstance(agent, Agent):
            raise ExecutionEngineFactoryError(f"the agent factory returned a {type(agent).__name__} instead of an agent")
        agent.user_id, agent.run_id, agent.emitter = self.context.user_id, self.context.run_id, self._emitter
        agent.dispatcher = self._factory.create_tool_dispatcher(self.context, self._emitter)
        return await agent.execute(context.task(self.context))

    async def _conclude(self, context: AgentExecutionContext, ending: Ending, said: AgentEvents) -> AgentExecutionResult:
        """Send how the execution ended, record it, and return the result."""
        answer, message, metadata = ending.answer, None, {}
        if ending.error is not None:
            if not said.has_thought:  # the agent never got its turn
                await said.queued()
            message = safe_message(ending.error)
            metadata = report_failure(ending.error, agent_name=context.agent_name, run_id=self.context.run_id)
            await said.failed(ending.error, metadata["support_code"])
            if ending.death is not None:
                await said.died(ending.death)
        if ending.state is ExecutionState.TIMED_OUT:
            metadata["timeout"] = True
        result = AgentExecutionResult(
            success=answer is not None,
            agent_name=context.agent_name,
            duration_s=ending.duration_s,
            error=message,
            data={} if answer is None else {"final_answer": answer.text, "step_count": answer.step_count, **answer.data},
            metadata=metadata,
        )
        self._history.append(result)
        self._statistics.ended(ending.state, ending.duration_s)
        await said.completed(
            final_answer=None if answer is None else answer.text,
            error=message,
            duration_s=ending.duration_s,
            step_count=0 if answer is None else answer.step_count,
        )
        return result

    def _admit(self, context: AgentExecutionContext) -> None:
        if self._closed:
            raise EngineClosedError("the engine was cleaned up; make a new one for the next request")
        check_id("user_id", context.user_id)
        check_id("run_id", context.run_id)
        own = self.context
        if (context.user_id, context.run_id, context.thread_id) != (own.user_id, own.run_id, own.thread_id) or (
            context.tenant_id is not None and context.tenant_id != own.tenant_id
        ):
            raise ForeignContextError("the context belongs to another user, tenant, thread or run than this engine")

    def _on_death(self, execution: TrackedExecution) -> None:
        for run in self._runs:
            if run.is_of(execution):
                run.stop(ExecutionState.DEAD)

    def _limit(self) -> int:
        limits = self.context.agent_context.get("resource_limits", {})
        wanted = limits.get("max_concurrent_agents", self.MAX_CONCURRENT_AGENTS) if isinstance(limits, Mapping) else None
        if not isinstance(wanted, int) or wanted < 1:
            raise InvalidContextError("agent_context.resource_limits.max_concurrent_agents", "must be a whole number, at least 1")
        return wanted
