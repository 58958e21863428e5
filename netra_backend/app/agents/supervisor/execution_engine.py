"""`ExecutionEngine`, DEPRECATED: one object for all users. `UserExecutionEngine` replaces it.

It works, but it shares what must not be shared: all users have the same agents, permits, history, statistics, emitters and response cache.
These defects are kept on purpose, because they are why the migration exists; `tests/mission_critical/` shows them one by one.
"""

import asyncio
import time
import warnings
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any

from netra_backend.app.agents.registry import AgentRegistry
from netra_backend.app.agents.supervisor.agent_events import AgentEvents
from netra_backend.app.agents.supervisor.agent_execution_core import AgentExecutionCore
from netra_backend.app.agents.supervisor.execution_context import AgentExecutionContext, AgentExecutionResult, PipelineStep
from netra_backend.app.agents.supervisor.execution_tracker import ExecutionTracker, TrackedExecution
from netra_backend.app.agents.supervisor.failure_report import report_failure
from netra_backend.app.agents.supervisor.pipeline import run_pipeline
from netra_backend.app.agents.supervisor.response_cache import ResponseCache
from netra_backend.app.errors import ForeignContextError, InvalidContextError
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket import events
from netra_backend.app.websocket.bridge import WebSocketBridge

#: One tracker for the process: every engine registers with it and never unregisters.
PROCESS_TRACKER = ExecutionTracker()


class ExecutionEngine:
    """Executes agents for all users of the process.

    Args:
        registry: contains one shared object for each agent.
        websocket_bridge: finds the listeners of a run.
        user_context: the only user whose agents are executed; None: any user.
        clock: monotonic seconds.
        sleep: waits before a retry.
        tracker: watches executions.

    Raises (at construction):
        ValueError: the registry is missing.
        RuntimeError: the bridge is missing.
    """

    MAX_HISTORY_SIZE = 100
    MAX_CONCURRENT_AGENTS = 10
    AGENT_EXECUTION_TIMEOUT = 30.0  #: the executor's own limit of 25 s fires first, unless an agent ignores it
    QUEUE_NOTICE_S = 1.0
    RETRY_DELAYS_S = (2.0, 4.0, 8.0)

    def __init__(
        self,
        registry: AgentRegistry | None,
        websocket_bridge: WebSocketBridge | None,
        user_context: UserExecutionContext | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        tracker: ExecutionTracker = PROCESS_TRACKER,
    ) -> None:
        warnings.warn("ExecutionEngine shares state between users; use UserExecutionEngine", DeprecationWarning, stacklevel=2)
        if registry is None:
            raise ValueError("registry is missing; pass the AgentRegistry of the application")
        if websocket_bridge is None:
            raise RuntimeError("websocket_bridge is missing, so users would never see an event; pass one")
        self._bridge = websocket_bridge
        self._user_context = user_context
        self._clock = clock
        self._sleep = sleep
        self._core = AgentExecutionCore(registry, websocket_bridge, tracker, clock)
        self._permits = asyncio.Semaphore(self.MAX_CONCURRENT_AGENTS)
        self._cache = ResponseCache(clock)
        self._emitters: dict[tuple[str, str], AgentEvents] = {}
        self._active_runs: dict[str, AgentExecutionContext] = {}
        self._history: list[AgentExecutionResult] = []
        self._queue_wait_times: list[float] = []
        self._execution_times: list[float] = []
        self._failed = 0
        self._timed_out = 0
        self._died = 0
        self._death_notices: set[asyncio.Task[None]] = set()
        tracker.add_death_callback(self._on_death)

    async def execute_agent(self, context: AgentExecutionContext, user_context: UserExecutionContext | None = None) -> AgentExecutionResult:
        """Execute the agent that the context names, as soon as one of the ten permits that all users share is free.

        After an unexpected exception the agent runs again, after 2, 4 and 8 s; the permit stays held and the tools are called again.

        Args:
            context: the execution; its retry count is raised by each retry.
            user_context: the owner; None: the engine's own user; if it has none, any user.

        Raises:
            ValueError: the user or run id is blank, the run id is "registry", or the user is not the owner.
            Exception: the unexpected exception itself, after the last retry.
        """
        user = self._admit(context, user_context)
        said = self._emitter_for(context)
        await said.started({})
        queued_s = self._clock()
        async with self._permits:
            waited_s = self._clock() - queued_s
            self._queue_wait_times.append(waited_s)
            if waited_s > self.QUEUE_NOTICE_S:
                await said.queued()
            return await self._execute_admitted(context, user, said)

    async def execute_pipeline(
        self, steps: Sequence[PipelineStep], context: AgentExecutionContext, user_context: UserExecutionContext | None = None
    ) -> list[AgentExecutionResult]:
        """Execute the steps. They take no permit.

        Raises:
            ValueError, Exception: as `execute_agent`.
        """
        user = self._admit(context, user_context)

        async def execute(step: AgentExecutionContext) -> AgentExecutionResult:
            said = self._emitter_for(step)
            await said.started({})
            return await self._execute_admitted(step, user, said)

        return await run_pipeline(steps, context, execute)

    async def send_agent_thinking(self, context: AgentExecutionContext, thought: str, step_number: int) -> None:
        """Send a thinking step for this execution."""
        await self._emitter_for(context).thinking(thought, step_number)

    async def send_partial_result(self, context: AgentExecutionContext, content: str, *, is_complete: bool = False) -> None:
        """Send a part of an answer."""
        await self._emitter_for(context).send("partial_result", {"content": content, "is_complete": is_complete})

    async def send_tool_executing(self, context: AgentExecutionContext, tool_name: str) -> None:
        """Send that a tool is being called."""
        await self._emitter_for(context).send("tool_executing", events.tool_executing(tool_name, {}))

    async def send_final_report(self, context: AgentExecutionContext, report: dict[str, Any], duration_ms: float) -> None:
        """Send a finished report."""
        await self._emitter_for(context).send("final_report", {"report": report, "total_duration_ms": duration_ms})

    async def get_execution_stats(self) -> dict[str, Any]:
        """Return the statistics of all users together; times in seconds."""
        waits, times = self._queue_wait_times, self._execution_times
        return {
            "total_executions": len(times),
            "concurrent_executions": len(self._active_runs),
            "failed_executions": self._failed,
            "timeout_executions": self._timed_out,
            "dead_executions": self._died,
            "avg_queue_wait_time": sum(waits) / len(waits) if waits else 0.0,
            "max_queue_wait_time": max(waits, default=0.0),
            "avg_execution_time": sum(times) / len(times) if times else 0.0,
            "max_execution_time": max(times, default=0.0),
            "history_size": len(self._history),
            "emitters": len(self._emitters),
        }

    def get_isolation_status(self) -> dict[str, Any]:
        """Return how far users are isolated from each other. They are not, even if the engine has an owner."""
        return {
            "has_user_context": self._user_context is not None,
            "user_id": None if self._user_context is None else self._user_context.user_id,
            "isolation_level": "global_state",
            "run_id_validated": False,
            "global_state_warning": True,
            "recommended_migration": "UserExecutionEngine, made by ExecutionEngineFactory",
        }

    async def shutdown(self) -> None:
        """Forget the active runs. They are not stopped, and nothing is released."""
        self._active_runs.clear()

    async def _execute_admitted(
        self, context: AgentExecutionContext, user: UserExecutionContext, said: AgentEvents
    ) -> AgentExecutionResult:
        self._active_runs[context.correlation_id] = context
        started_s = self._clock()
        try:
            await said.thinking(f"The {context.agent_name} agent takes the request.", 1)
            result = self._cache.get(_question(context))
            if result is None:
                await said.thinking(f"Executing the {context.agent_name} agent.", 2)
                result = await self._execute_with_retries(context, user, said)
        finally:
            self._active_runs.pop(context.correlation_id, None)
            self._execution_times.append(self._clock() - started_s)
        if result.success:
            self._cache.put(_question(context), result)
        await self._conclude(context, result, said)
        return result

    async def _execute_with_retries(
        self, context: AgentExecutionContext, user: UserExecutionContext, said: AgentEvents
    ) -> AgentExecutionResult:
        while True:
            try:
                async with asyncio.timeout(self.AGENT_EXECUTION_TIMEOUT) as limit:
                    return await self._core.execute(context, user, said)
            except Exception as error:
                if isinstance(error, TimeoutError) and limit.expired():
                    return await self._core.timed_out(context, said, self.AGENT_EXECUTION_TIMEOUT)
                report = report_failure(error, agent_name=context.agent_name, run_id=context.run_id)
                await said.failed(error, report["support_code"])
                if context.retry_count >= context.max_retries:
                    self._failed += 1
                    await said.completed(final_answer=None, error=events.safe_message(error), duration_s=0.0, step_count=0)
                    raise
            await self._sleep(self.RETRY_DELAYS_S[min(context.retry_count, len(self.RETRY_DELAYS_S) - 1)])
            context.retry_count += 1

    async def _conclude(self, context: AgentExecutionContext, result: AgentExecutionResult, said: AgentEvents) -> None:
        self._history.append(result)
        del self._history[: -self.MAX_HISTORY_SIZE]
        final_answer, step_count = result.data.get("final_answer"), result.data.get("step_count", 0)
        legacy: dict[str, Any] = {}
        if result.success:
            legacy = {"user_prompt": context.metadata.get("message", ""), "final_answer": final_answer, "step_count": step_count}
        else:
            self._failed += 1
            self._timed_out += bool(result.metadata.get("timeout"))
        await said.completed(
            final_answer=final_answer, error=result.error, duration_s=result.duration_s, step_count=step_count, beyond_contract=legacy
        )

    def _admit(self, context: AgentExecutionContext, user_context: UserExecutionContext | None) -> UserExecutionContext:
        if not context.user_id or context.user_id.isspace():
            raise InvalidContextError("user_id", "may not be blank")
        if not context.run_id or context.run_id.isspace() or context.run_id == "registry":
            raise InvalidContextError("run_id", 'may not be blank or "registry"')
        owner = user_context or self._user_context
        if owner is None:
            return UserExecutionContext(
                tenant_id=context.tenant_id or context.user_id,
                user_id=context.user_id,
                thread_id=context.thread_id,
                run_id=context.run_id,
            )
        if owner.user_id != context.user_id:
            raise ForeignContextError("the context belongs to another user")
        return owner

    def _emitter_for(self, context: AgentExecutionContext) -> AgentEvents:
        key = (context.run_id, context.agent_name)
        if key not in self._emitters:
            self._emitters[key] = AgentEvents(self._bridge, agent_name=context.agent_name, user_id=context.user_id, run_id=context.run_id)
        return self._emitters[key]

    def _on_death(self, execution: TrackedExecution) -> None:
        said = self._emitters.get((execution.run_id, execution.agent_name))
        if said is None:
            return
        self._died += 1
        notice = asyncio.create_task(said.died("no_heartbeat"))
        self._death_notices.add(notice)
        notice.add_done_callback(self._death_notices.discard)


def create_request_scoped_engine(
    user_context: UserExecutionContext, registry: AgentRegistry, websocket_bridge: WebSocketBridge
) -> ExecutionEngine:
    """Return an engine that executes agents for this user only. Its agents are still those of the registry, which all users share."""
    return ExecutionEngine(registry, websocket_bridge, user_context)


def detect_global_state_usage() -> dict[str, Any]:
    """Return what this engine shares between users."""
    return {
        "global_state_detected": True,
        "shared_objects": ["agents", "permits", "history", "statistics", "response cache", "emitters", "death callbacks"],
        "recommendation": "execute through UserExecutionEngine, made by ExecutionEngineFactory",
    }


def _question(context: AgentExecutionContext) -> Hashable:
    """Return the key of the response cache. The user is not part of the key."""
    return (context.agent_name, context.metadata.get("message", ""), tuple(context.metadata.get("history", ())))
