"""`AgentExecutionCore`: the legacy engine's executor. For any user, it runs the shared agent of the given name."""

import asyncio
import time
from collections.abc import Callable

from netra_backend.app.agents.base import Agent, Answer
from netra_backend.app.agents.registry import AgentRegistry
from netra_backend.app.agents.supervisor.agent_events import AgentEvents
from netra_backend.app.agents.supervisor.announcing_tool_dispatcher import AnnouncingToolDispatcher
from netra_backend.app.agents.supervisor.execution_context import AgentExecutionContext, AgentExecutionResult
from netra_backend.app.agents.supervisor.execution_tracker import ExecutionState, ExecutionTracker, Heartbeat
from netra_backend.app.agents.supervisor.failure_report import report_failure
from netra_backend.app.errors import AgentSilentError, AgentTimeoutError, NetraError
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket.bridge import WebSocketBridge
from netra_backend.app.websocket.events import DeathCause, safe_message


class AgentExecutionCore:
    """Executes agents of a registry and sends the executor's part of the events.

    Args:
        registry: holds one shared object for each agent.
        bridge: receives the events.
        tracker: notified of each execution.
        clock: monotonic seconds.
    """

    AGENT_TIMEOUT_S = 25.0

    def __init__(
        self, registry: AgentRegistry, bridge: WebSocketBridge, tracker: ExecutionTracker, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._registry = registry
        self._bridge = bridge
        self._tracker = tracker
        self._clock = clock
        self._dispatcher = AnnouncingToolDispatcher(registry.world.tools)

    async def execute(self, context: AgentExecutionContext, user: UserExecutionContext, said: AgentEvents) -> AgentExecutionResult:
        """Execute the agent. An error of `errors.py`, or the end of the time limit, becomes a failed result.

        Raises:
            TimeoutError: the agent itself raised it.
            Exception: any other error, of the agent, its model or its tools.
        """
        await said.started({})
        execution = self._tracker.start(agent_name=context.agent_name, user_id=context.user_id, run_id=context.run_id)
        heartbeat = Heartbeat(self._tracker, execution)
        state = ExecutionState.FAILED
        started_s = self._clock()
        try:
            async with asyncio.timeout(self.AGENT_TIMEOUT_S) as limit:
                answer = await self._take_over(self._registry.get(context.agent_name), context).execute(context.task(user))
            if not answer.text.strip():
                silent = AgentSilentError(f"the {context.agent_name} agent ended without an answer")
                return await self._failed(context, said, silent, self._clock() - started_s, "silent_failure")
            state = ExecutionState.COMPLETED
            return await self._succeeded(context, said, answer, self._clock() - started_s)
        except TimeoutError:
            if not limit.expired():
                raise
            return await self.timed_out(context, said, self.AGENT_TIMEOUT_S)
        except NetraError as error:
            return await self._failed(context, said, error, self._clock() - started_s, None)
        finally:
            heartbeat.stop()
            self._tracker.finish(execution, state)

    async def timed_out(self, context: AgentExecutionContext, said: AgentEvents, limit_s: float) -> AgentExecutionResult:
        """Return the failed result of an agent that took too long. The result's duration is always 0."""
        return await self._failed(context, said, AgentTimeoutError(context.agent_name, limit_s), 0.0, "timeout")

    def _take_over(self, agent: Agent, context: AgentExecutionContext) -> Agent:
        # The agent object is shared: from here on, a concurrent run of it sends its events to this user.
        agent.user_id, agent.run_id, agent.emitter, agent.dispatcher = context.user_id, context.run_id, self._bridge, self._dispatcher
        return agent

    async def _succeeded(
        self, context: AgentExecutionContext, said: AgentEvents, answer: Answer, duration_s: float
    ) -> AgentExecutionResult:
        await said.completed(final_answer=answer.text, error=None, duration_s=duration_s, step_count=answer.step_count)
        data = {"final_answer": answer.text, "step_count": answer.step_count, **answer.data}
        return AgentExecutionResult(success=True, agent_name=context.agent_name, duration_s=duration_s, data=data)

    async def _failed(
        self, context: AgentExecutionContext, said: AgentEvents, error: NetraError, duration_s: float, death: DeathCause | None
    ) -> AgentExecutionResult:
        metadata = report_failure(error, agent_name=context.agent_name, run_id=context.run_id)
        await said.failed(error, metadata["support_code"])
        if death is not None:
            await said.died(death)
        if death == "timeout":
            metadata["timeout"] = True
        message = safe_message(error)
        await said.completed(final_answer=None, error=message, duration_s=duration_s, step_count=0)
        return AgentExecutionResult(success=False, agent_name=context.agent_name, duration_s=duration_s, error=message, metadata=metadata)
