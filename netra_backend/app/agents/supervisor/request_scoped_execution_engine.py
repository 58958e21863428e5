"""`RequestScopedExecutionEngine`, DUPLICATE: each request has its own state, but all requests share the agents.

`UserExecutionEngine` does the same and more. The defects of this engine are kept on purpose, because they are why the migration exists:
agents are the registry's shared objects, foreign run and thread ids are accepted, failures send no `agent_error`, and there is no
heartbeat.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from netra_backend.app.agents.base import Answer
from netra_backend.app.agents.registry import AgentRegistry
from netra_backend.app.agents.supervisor.agent_events import AgentEvents
from netra_backend.app.agents.supervisor.agent_run import Ending
from netra_backend.app.agents.supervisor.execution_context import AgentExecutionContext, AgentExecutionResult
from netra_backend.app.agents.supervisor.execution_statistics import ExecutionStatistics
from netra_backend.app.agents.supervisor.execution_tracker import ExecutionState
from netra_backend.app.agents.supervisor.failure_report import report_failure
from netra_backend.app.agents.supervisor.permits import Permits
from netra_backend.app.agents.tool_calls import Speaker, ToolInvocation, ToolOutcome
from netra_backend.app.agents.user_tool_dispatcher import UserToolDispatcher
from netra_backend.app.errors import (
    AgentFailedError,
    AgentSilentError,
    AgentTimeoutError,
    EngineClosedError,
    ForeignContextError,
    InvalidContextError,
)
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket import events
from netra_backend.app.websocket.bridge import WebSocketBridge
from netra_backend.app.world import ToolCaller

logger = logging.getLogger(__name__)


class RequestScopedExecutionEngine:
    """Executes agents for one request.

    Args:
        user_context: the only user whose agents are executed.
        registry: holds one shared object for each agent.
        websocket_bridge: finds the listener of a run by its id.
        max_concurrent_executions: how many agents run at once; the rest wait in order.
        clock: monotonic seconds.

    Raises (at construction):
        ValueError: a part is missing, or `max_concurrent_executions` is less than 1.
    """

    AGENT_EXECUTION_TIMEOUT = 30.0
    QUEUE_NOTICE_S = 1.0
    CANCEL_GRACE_S = 5.0

    def __init__(
        self,
        user_context: UserExecutionContext | None,
        registry: AgentRegistry | None,
        websocket_bridge: WebSocketBridge | None,
        max_concurrent_executions: int = 3,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if user_context is None or registry is None or websocket_bridge is None:
            raise ValueError("user_context, registry or websocket_bridge is missing; an engine of one request needs all three")
        if max_concurrent_executions < 1:
            raise ValueError("max_concurrent_executions must be at least 1")
        self.user_context = user_context
        self._registry = registry
        self._bridge = websocket_bridge
        self._clock = clock
        self._dispatcher = _ForWhoeverAsks(registry.world.tools, websocket_bridge, clock)
        self._permits = Permits(max_concurrent_executions, notice_after_s=self.QUEUE_NOTICE_S)
        self._statistics = ExecutionStatistics()
        self._running: set[asyncio.Event] = set()  #: one event for each execution, set when the execution has ended
        self._tasks: set[asyncio.Task[Answer]] = set()
        self._closed = False

    async def execute_agent(self, context: AgentExecutionContext, state: Mapping[str, Any] | None = None) -> AgentExecutionResult:
        """Execute the agent that the context names: once, for at most 30 s.

        Its events are sent to the context's run, even if another user owns it.

        Args:
            context: the execution.
            state: overrides the context's metadata; None: no override.

        Raises:
            EngineClosedError: the engine was cleaned up, before or while the agent ran.
            ValueError: the user or run id is blank, the run id is "registry", or the context belongs to another user.
            asyncio.CancelledError: the caller was cancelled; the agent was stopped.
        """
        self._admit(context)
        if state is not None:
            context = replace(context, metadata={**context.metadata, **state})
        said = AgentEvents(self._bridge, agent_name=context.agent_name, user_id=context.user_id, run_id=context.run_id)
        with self._registered():
            await said.started({"isolated": True})
            started_s = self._clock()
            try:
                async with self._permits.held(said.queued) as waited_s:
                    self._statistics.waited(waited_s)
                    await said.thinking(f"The {context.agent_name} agent takes the request.", 1)
                    ending = await self._run(context)
            except (asyncio.CancelledError, EngineClosedError) as error:
                gone = Ending(state=ExecutionState.CANCELLED, duration_s=self._clock() - started_s, error=error)
                await self._conclude(context, gone, said)
                raise
            return await self._conclude(context, ending, said)

    def get_execution_stats(self) -> dict[str, Any]:
        """Return counts and durations of this request's executions; times in seconds."""
        return {
            "user_id": self.user_context.user_id,
            "run_id": self.user_context.run_id,
            "concurrent_executions": len(self._running),
            "max_concurrent": self._permits.limit,
            **self._statistics.snapshot(),
        }

    def is_active(self) -> bool:
        """Return whether the engine accepts work: until `cleanup` is called."""
        return not self._closed

    async def cleanup(self) -> None:
        """Stop all executions and wait until they have ended. May be called again."""
        self._closed = True
        self._permits.close()
        for task in self._tasks:
            task.cancel()
        for ended in tuple(self._running):
            await ended.wait()

    async def _run(self, context: AgentExecutionContext) -> Ending:
        """Run the agent in a separate task; an exception of the agent is returned as its ending."""
        started_s = self._clock()
        task = asyncio.create_task(self._agent_work(context))
        self._tasks.add(task)
        try:
            done, _ = await asyncio.wait({task}, timeout=self.AGENT_EXECUTION_TIMEOUT)
        finally:
            self._tasks.discard(task)
            if not task.done():
                await self._stop(task)
        if not done:
            error = AgentTimeoutError(context.agent_name, self.AGENT_EXECUTION_TIMEOUT)
            return Ending(state=ExecutionState.TIMED_OUT, duration_s=self.AGENT_EXECUTION_TIMEOUT, error=error)
        return self._ending(task, context.agent_name, self._clock() - started_s)

    async def _agent_work(self, context: AgentExecutionContext) -> Answer:
        agent = self._registry.get(context.agent_name)
        # The agent object is shared: if another run is using it, that run's next steps are sent to this run's user.
        agent.user_id, agent.run_id, agent.emitter, agent.dispatcher = context.user_id, context.run_id, self._bridge, self._dispatcher
        return await agent.execute(context.task(self.user_context))

    def _ending(self, task: asyncio.Task[Answer], agent_name: str, duration_s: float) -> Ending:
        if task.cancelled() and self._closed:
            raise EngineClosedError("the engine was cleaned up while the agent ran")
        if task.cancelled():
            given_up = AgentFailedError(f"the {agent_name} agent cancelled itself")
            return Ending(state=ExecutionState.FAILED, duration_s=duration_s, error=given_up)
        if (raised := task.exception()) is not None:
            return Ending(state=ExecutionState.FAILED, duration_s=duration_s, error=raised)
        answer = task.result()
        if not isinstance(answer, Answer) or not answer.text.strip():
            silent = AgentSilentError(f"the {agent_name} agent ended without an answer")
            return Ending(state=ExecutionState.FAILED, duration_s=duration_s, error=silent)
        return Ending(state=ExecutionState.COMPLETED, duration_s=duration_s, answer=answer)

    async def _conclude(self, context: AgentExecutionContext, ending: Ending, said: AgentEvents) -> AgentExecutionResult:
        """Send the only event about the end, count the execution, and return its result."""
        answer, message, metadata = ending.answer, None, {}
        if ending.error is not None:
            message = events.safe_message(ending.error)
            metadata = report_failure(ending.error, agent_name=context.agent_name, run_id=context.run_id)
        if ending.state is ExecutionState.TIMED_OUT:
            metadata["timeout"] = True
        self._statistics.ended(ending.state, ending.duration_s)
        payload = events.completed(
            context.agent_name,
            final_answer=None if answer is None else answer.text,
            error=message,
            duration_s=ending.duration_s,
            step_count=0 if answer is None else answer.step_count,
            beyond_contract={"isolated": True},
        )
        if message is None:
            del payload["result"]["error"]
        await said.send("agent_completed", payload)
        return AgentExecutionResult(
            success=answer is not None,
            agent_name=context.agent_name,
            duration_s=ending.duration_s,
            error=message,
            data={} if answer is None else {"final_answer": answer.text, "step_count": answer.step_count, **answer.data},
            metadata=metadata,
        )

    async def _stop(self, task: asyncio.Task[Answer]) -> None:
        task.cancel()
        _, running = await asyncio.wait({task}, timeout=self.CANCEL_GRACE_S)
        if running:
            logger.error("agent ignores its cancellation and is left running", extra={"run_id": self.user_context.run_id})
        task.add_done_callback(_look_at)

    @contextmanager
    def _registered(self) -> Iterator[None]:
        ended = asyncio.Event()
        self._running.add(ended)
        try:
            yield
        finally:
            self._running.discard(ended)
            ended.set()

    def _admit(self, context: AgentExecutionContext) -> None:
        if self._closed:
            raise EngineClosedError("the engine was cleaned up; make a new one for the next request")
        if not context.user_id or context.user_id.isspace():
            raise InvalidContextError("user_id", "may not be blank")
        if not context.run_id or context.run_id.isspace() or context.run_id == "registry":
            raise InvalidContextError("run_id", 'may not be blank or "registry"')
        if context.user_id != self.user_context.user_id or context.tenant_id not in {None, self.user_context.tenant_id}:
            raise ForeignContextError("the context belongs to another user than this request")


class _ForWhoeverAsks:
    """A `ToolDispatcher` that calls each tool for the user of the call, because the shared agent may hold another request's dispatcher."""

    def __init__(self, caller: ToolCaller, bridge: WebSocketBridge, clock: Callable[[], float]) -> None:
        self._caller = caller
        self._bridge = bridge
        self._clock = clock

    async def dispatch(
        self, calls: Sequence[ToolInvocation], user: UserExecutionContext, speaker: Callable[[], Speaker], /
    ) -> list[ToolOutcome]:
        """Announce the calls to their user, run them concurrently, and close them."""
        return await UserToolDispatcher(user, self._caller, self._bridge, self._clock).dispatch(calls, user, speaker)


def create_request_scoped_engine(
    user_context: UserExecutionContext,
    registry: AgentRegistry,
    websocket_bridge: WebSocketBridge,
    max_concurrent_executions: int = 3,
) -> RequestScopedExecutionEngine:
    """Return an engine for one request."""
    return RequestScopedExecutionEngine(user_context, registry, websocket_bridge, max_concurrent_executions)


def _look_at(task: asyncio.Task[Answer]) -> None:
    # asyncio logs an exception that is never read. This exception comes after the run has ended, so it is read here.
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.info("an agent failed after its run had ended", extra={"error_type": type(error).__name__})
