"""The consolidated `ExecutionEngine`, DUPLICATE: one engine for all users; extensions add users' permits, data, events and MCP.

It has its own types, factory and request scope, although `UserExecutionEngine` has such parts already. Its defects are kept on purpose,
because they are why the migration exists. It sends no event between start and end, and none about a failure. It raises no error, counts a
missing answer as success, ignores `max_concurrent_agents`, and distinguishes runs by agent and millisecond only. The extensions lose
permits, and cache answers without regard to the user.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

import msgspec

from netra_backend.app.agents.base import Answer, Task
from netra_backend.app.agents.consolidated_extensions import extensions_of, with_rows
from netra_backend.app.agents.consolidated_types import ConsolidatedContext, ConsolidatedResult, ConsolidatedTask, EngineConfig
from netra_backend.app.agents.registry import AgentRegistry
from netra_backend.app.agents.silent_tool_dispatcher import SilentToolDispatcher
from netra_backend.app.agents.supervisor.failure_report import report_failure
from netra_backend.app.agents.tool_calls import ToolDispatcher
from netra_backend.app.errors import AgentTimeoutError, EngineClosedError, ForeignContextError, InvalidContextError, InvalidPayloadError
from netra_backend.app.services.llm.chat_model import ToolSpec
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket.events import Notifier, safe_message

__all__ = [
    "ConsolidatedResult",
    "ConsolidatedTask",
    "EngineConfig",
    "ExecutionEngine",
    "ExecutionEngineFactory",
    "RequestScopedExecutionEngine",
    "execute_agent",
    "execution_engine_context",
]


class ExecutionEngine:
    """Executes agents, a new one for each execution; the extensions take part in it.

    Args:
        config: None: the defaults.
        registry: makes the agents.
        websocket_bridge: receives the events; None: no events are sent.
        user_context: the only user whose tasks are executed; None: any user with a context.
        tool_dispatcher: makes the agents' tool calls; None: the registry's tools, called without an event to the user.
        mcp_tools: tools by MCP server, for `config.mcp`.
        clock: monotonic seconds.

    Raises (at construction):
        ValueError: the registry is missing.
    """

    def __init__(
        self,
        config: EngineConfig | None = None,
        registry: AgentRegistry | None = None,
        websocket_bridge: Notifier | None = None,
        user_context: UserExecutionContext | None = None,
        tool_dispatcher: ToolDispatcher | None = None,
        *,
        mcp_tools: Mapping[str, Sequence[ToolSpec]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if registry is None:
            raise ValueError("registry is missing; pass the AgentRegistry of the application")
        self.config = config or EngineConfig()
        self._registry = registry
        self._user_context = user_context
        self._dispatcher = tool_dispatcher or SilentToolDispatcher(registry.world.tools)
        self._clock = clock
        self._extensions = extensions_of(self.config, websocket_bridge, mcp_tools or {}, clock)
        self._initialized = False
        self._active_runs: dict[str, ConsolidatedContext] = {}
        self._history: deque[ConsolidatedResult] = deque(maxlen=self.config.max_history_size)
        self._succeeded = self._failed = 0
        self._duration_s = 0.0

    async def initialize(self) -> None:
        """Initialize the extensions. The second call does nothing; `execute` calls this method if its caller did not."""
        if not self._initialized:
            self._initialized = True
            for extension in self._extensions:
                await extension.initialize()

    async def execute(
        self, agent_name: str, task: str | Mapping[str, Any], user_context: UserExecutionContext | None = None
    ) -> ConsolidatedResult:
        """Execute an agent, and return how it ended. An exception of the agent, its model or its tools becomes a failed result.

        Args:
            agent_name: the agent.
            task: a message, or the fields of `ConsolidatedTask`.
            user_context: the user to execute for; None: the engine's own user, if the config allows it.

        Raises:
            InvalidContextError: there is no user.
            ForeignContextError: the engine is another user's.
            InvalidPayloadError: the task cannot be read.
        """
        context = _context(agent_name, task, self._user(user_context))
        await self.initialize()
        # Two runs of an agent that start in the same millisecond share one entry, and the first of them to end removes it. This defect is
        # kept on purpose.
        run_key = f"{agent_name}_{int(self._clock() * 1000)}"
        self._active_runs[run_key] = context
        started_s = self._clock()
        try:
            result = await self._execute(context, started_s)
        except Exception as error:  # noqa: BLE001 - nothing raises
            result = self._failure(context, error, self._clock() - started_s)
            for extension in self._extensions:
                await extension.on_error(context, error)
        finally:
            self._active_runs.pop(run_key, None)
        self._remember(result)
        return result

    def with_request_scope(self, user_context: UserExecutionContext) -> "RequestScopedExecutionEngine":
        """Return this engine for one request. Its extensions, with their permits and their cache, stay shared.

        Raises:
            ValueError: request scoping is off.
        """
        if not self.config.enable_request_scoping:
            raise ValueError("request scoping is off; set EngineConfig.enable_request_scoping")
        return RequestScopedExecutionEngine(self, user_context)

    def get_metrics(self) -> dict[str, Any]:
        """Return counts of all users together, durations in seconds; {} when `config.metrics` is off."""
        if not self.config.metrics:
            return {}
        total = self._succeeded + self._failed
        return {
            "total_executions": total,
            "successful_executions": self._succeeded,
            "failed_executions": self._failed,
            "active_executions": len(self._active_runs),
            "history_size": len(self._history),
            "avg_execution_time": self._duration_s / total if total else 0.0,
            "extensions": [type(extension).__name__ for extension in self._extensions],
        }

    async def cleanup(self) -> None:
        """Clean up the extensions, last in, first out. May be called again."""
        for extension in reversed(self._extensions):
            await extension.cleanup()
        self._active_runs.clear()
        self._history.clear()

    async def _execute(self, context: ConsolidatedContext, started_s: float) -> ConsolidatedResult:
        for extension in self._extensions:
            await extension.pre_execute(context)
        result = context.known
        if result is None:
            answers = await self._within_limit(context)
            result = _success(context.agent_name, answers, self._clock() - started_s)
        for extension in reversed(self._extensions):
            await extension.post_execute(context, result)
        return result

    async def _within_limit(self, context: ConsolidatedContext) -> list[Answer | None]:
        limit_s = self.config.agent_execution_timeout
        try:
            async with asyncio.timeout(limit_s) as limit:
                messages = context.batches or [with_rows(context.message, context.rows)]
                return [await self._ask(context, message) for message in messages]
        except TimeoutError:
            if limit.expired():
                raise AgentTimeoutError(context.agent_name, limit_s) from None
            raise

    async def _ask(self, context: ConsolidatedContext, message: str) -> Answer | None:
        agent = self._registry.create(context.agent_name)
        agent.user_id, agent.run_id, agent.dispatcher = context.user.user_id, context.user.run_id, self._dispatcher
        return await agent.execute(Task(user=context.user, message=message, history=context.history, tools=context.tools))

    def _failure(self, context: ConsolidatedContext, error: Exception, duration_s: float) -> ConsolidatedResult:
        metadata = report_failure(error, agent_name=context.agent_name, run_id=context.user.run_id)
        if isinstance(error, AgentTimeoutError):
            metadata["timeout"] = True
        words = f"The {context.agent_name} agent could not answer. Ask again later."
        return ConsolidatedResult(
            success=False,
            agent_name=context.agent_name,
            duration_s=duration_s,
            data={"fallback_answer": words} if self.config.fallback else {},
            error=safe_message(error),
            metadata=metadata,
        )

    def _remember(self, result: ConsolidatedResult) -> None:
        self._history.append(result)
        self._succeeded += result.success
        self._failed += not result.success
        self._duration_s += result.duration_s

    def _user(self, user_context: UserExecutionContext | None) -> UserExecutionContext:
        own = self._user_context
        if user_context is None:
            if own is None or self.config.require_user_context:
                raise InvalidContextError("user_context", "is missing; pass the context of the user who asks")
            return own
        if own is not None and (own.tenant_id, own.user_id) != (user_context.tenant_id, user_context.user_id):
            raise ForeignContextError("the engine belongs to another user")
        return user_context


class RequestScopedExecutionEngine:
    """One request's use of a consolidated engine; an async context manager.

    Args:
        engine: shared by all users.
        user_context: the user to execute for.
    """

    def __init__(self, engine: ExecutionEngine, user_context: UserExecutionContext) -> None:
        self._engine = engine
        self._user_context = user_context
        self._closed = False

    async def __aenter__(self) -> Self:
        """Return the scope."""
        return self

    async def __aexit__(self, *_exception: object) -> None:
        """End the scope."""
        await self.cleanup()

    async def execute(self, agent_name: str, task: str | Mapping[str, Any]) -> ConsolidatedResult:
        """Execute an agent for the request's user; see `ExecutionEngine.execute`.

        Raises:
            EngineClosedError: the scope has ended.
            ForeignContextError, InvalidPayloadError: as `ExecutionEngine.execute`.
        """
        if self._closed:
            raise EngineClosedError("the request's scope has ended; open a new one")
        return await self._engine.execute(agent_name, task, self._user_context)

    async def cleanup(self) -> None:
        """End the scope. The engine continues to run."""
        self._closed = True


class ExecutionEngineFactory:
    """A second factory, in addition to the one that makes `UserExecutionEngine`s. It does not limit the number of engines. This defect is
    kept on purpose.

    Args:
        registry: makes the agents.
        websocket_bridge: receives the events; None: no events are sent.
        tool_dispatcher: see `ExecutionEngine`.
    """

    def __init__(
        self, registry: AgentRegistry, websocket_bridge: Notifier | None = None, tool_dispatcher: ToolDispatcher | None = None
    ) -> None:
        self._registry = registry
        self._bridge = websocket_bridge
        self._dispatcher = tool_dispatcher

    def create_engine(self, config: EngineConfig | None = None, user_context: UserExecutionContext | None = None) -> ExecutionEngine:
        """Return an engine with that config."""
        return ExecutionEngine(config, self._registry, self._bridge, user_context, self._dispatcher)

    def create_user_engine(self, user_context: UserExecutionContext) -> ExecutionEngine:
        """Return an engine for this user, with the extension that limits each user's executions."""
        return self.create_engine(EngineConfig(user_features=True), user_context)

    def create_data_engine(self) -> ExecutionEngine:
        """Return an engine with batches and a cache, for all users."""
        return self.create_engine(EngineConfig(data_features=True))


async def execute_agent(
    agent_name: str,
    task: str | Mapping[str, Any],
    user_context: UserExecutionContext,
    registry: AgentRegistry,
    websocket_bridge: Notifier | None = None,
) -> ConsolidatedResult:
    """Create an engine, execute one agent on it, and clean the engine up. Raises the errors of `ExecutionEngine.execute`."""
    async with execution_engine_context(user_context, registry, websocket_bridge) as engine:
        return await engine.execute(agent_name, task, user_context)


@asynccontextmanager
async def execution_engine_context(
    user_context: UserExecutionContext, registry: AgentRegistry, websocket_bridge: Notifier | None = None
) -> AsyncGenerator[ExecutionEngine, None]:
    """Yield an initialized engine for this user, and clean it up after the block."""
    engine = ExecutionEngineFactory(registry, websocket_bridge).create_user_engine(user_context)
    await engine.initialize()
    try:
        yield engine
    finally:
        await engine.cleanup()


def _context(agent_name: str, task: str | Mapping[str, Any], user: UserExecutionContext) -> ConsolidatedContext:
    try:
        read = ConsolidatedTask(message=task) if isinstance(task, str) else msgspec.convert(task, ConsolidatedTask)
    except msgspec.ValidationError as error:
        raise InvalidPayloadError(f"the task cannot be read: {error}") from None
    return ConsolidatedContext(
        agent_name=agent_name,
        user=user,
        message=read.message,
        history=read.history,
        tools=read.tools,
        rows=read.rows,
        mcp_servers=read.mcp_servers,
    )


def _success(agent_name: str, answers: Sequence[Answer | None], duration_s: float) -> ConsolidatedResult:
    """Return one result for all answers. A missing answer counts as success, too. This defect is kept on purpose."""
    given = [answer for answer in answers if answer is not None]
    data: dict[str, Any] = {}
    for answer in given:
        data.update(answer.data)
    return ConsolidatedResult(
        success=True,
        agent_name=agent_name,
        duration_s=duration_s,
        final_answer="\n".join(answer.text for answer in given) if given else None,
        step_count=sum(answer.step_count for answer in given),
        data=data,
    )
