"""The extensions of the consolidated engine: users' permits, data in batches, events, MCP tools."""

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import msgspec

from netra_backend.app.agents.consolidated_types import ConsolidatedContext, ConsolidatedResult, EngineConfig
from netra_backend.app.services.llm.chat_model import ToolSpec
from netra_backend.app.websocket import events
from netra_backend.app.websocket.events import Notifier


class ExecutionExtension:
    """Takes part in every execution of an engine; each hook does nothing unless it is overridden."""

    async def initialize(self) -> None:
        """Prepare the extension, once."""

    async def pre_execute(self, context: ConsolidatedContext) -> None:
        """Called before the agent runs. An exception fails the execution."""

    async def post_execute(self, context: ConsolidatedContext, result: ConsolidatedResult) -> None:
        """Called after a success, in reverse order of the extensions."""

    async def on_error(self, context: ConsolidatedContext, error: Exception) -> None:
        """Called after a failure."""

    async def cleanup(self) -> None:
        """Release all resources, once."""


class UserExecutionExtension(ExecutionExtension):
    """Limits each user to two executions at once.

    A permit is taken before an execution and returned only after a success. After a user's second failure no permit is left, so that the
    third execution never starts. This defect is kept on purpose.
    """

    PERMITS_PER_USER = 2

    def __init__(self) -> None:
        self._permits: dict[tuple[str, str], asyncio.Semaphore] = {}
        self._interested: Counter[tuple[str, str]] = Counter()  #: executions that hold or want a permit

    async def pre_execute(self, context: ConsolidatedContext) -> None:
        """Wait for one of the user's permits."""
        user = _key(context)
        permits = self._permits.setdefault(user, asyncio.Semaphore(self.PERMITS_PER_USER))
        self._interested[user] += 1
        try:
            await permits.acquire()
        except BaseException:
            self._leave(user)
            raise

    async def post_execute(self, context: ConsolidatedContext, result: ConsolidatedResult) -> None:  # noqa: ARG002 - any success
        """Give the permit back."""
        user = _key(context)
        self._permits[user].release()
        self._leave(user)

    async def cleanup(self) -> None:
        """Forget all permits."""
        self._permits.clear()
        self._interested.clear()

    def _leave(self, user: tuple[str, str]) -> None:
        self._interested[user] -= 1
        if not self._interested[user]:
            del self._interested[user], self._permits[user]


class DataExecutionExtension(ExecutionExtension):
    """Cuts rows into batches of a thousand, and caches answers for five minutes.

    The cache is keyed by the question, not by the user. This defect is kept on purpose.

    Args:
        clock: monotonic seconds.
    """

    BATCH_ROWS = 1000
    CACHE_TTL_S = 300.0
    CACHE_ENTRIES = 1000

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._cache: OrderedDict[Hashable, tuple[float, ConsolidatedResult]] = OrderedDict()  # oldest first

    async def pre_execute(self, context: ConsolidatedContext) -> None:
        """Look for a cached answer; if there is none, cut the rows into batches."""
        expires_s, known = self._cache.get(_question(context), (0.0, None))
        if known is not None and self._clock() < expires_s:
            context.known = known
            return
        context.batches = [
            with_rows(context.message, context.rows[start : start + self.BATCH_ROWS])
            for start in range(0, max(1, len(context.rows)), self.BATCH_ROWS)
        ]

    async def post_execute(self, context: ConsolidatedContext, result: ConsolidatedResult) -> None:
        """Cache the answer; an answer that came from this cache keeps its age."""
        if context.known is not None:
            return
        question = _question(context)
        self._cache.pop(question, None)
        self._cache[question] = (self._clock() + self.CACHE_TTL_S, result)
        if len(self._cache) > self.CACHE_ENTRIES:
            self._cache.popitem(last=False)

    async def cleanup(self) -> None:
        """Forget all answers."""
        self._cache.clear()


class WebSocketExtension(ExecutionExtension):
    """Sends `agent_started` before an execution and `agent_completed` after a success; nothing in between, and nothing after a failure.
    This defect is kept on purpose.

    Args:
        notifier: receives the events.
    """

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier

    async def pre_execute(self, context: ConsolidatedContext) -> None:
        """Send that the agent started."""
        payload = events.started(context.agent_name, {})
        await self._notifier.notify(
            "agent_started", payload, agent_name=context.agent_name, user_id=context.user.user_id, run_id=context.user.run_id
        )

    async def post_execute(self, context: ConsolidatedContext, result: ConsolidatedResult) -> None:
        """Send that the agent succeeded."""
        payload = events.completed(
            context.agent_name,
            final_answer=result.final_answer,
            error=None,
            duration_s=result.duration_s,
            step_count=result.step_count,
        )
        await self._notifier.notify(
            "agent_completed", payload, agent_name=context.agent_name, user_id=context.user.user_id, run_id=context.user.run_id
        )


class MCPExecutionExtension(ExecutionExtension):
    """Offers the tools of MCP servers to the agents whose task names these servers.

    Args:
        servers: tools by server name.
    """

    def __init__(self, servers: Mapping[str, Sequence[ToolSpec]]) -> None:
        self._servers = servers

    async def pre_execute(self, context: ConsolidatedContext) -> None:
        """Add the tools. An unknown server adds no tool."""
        context.tools += tuple(tool for server in context.mcp_servers for tool in self._servers.get(server, ()))


def with_rows(message: str, rows: Sequence[Any]) -> str:
    """Return the message with its rows below it, one JSON value on each line."""
    return "\n".join([message, *(msgspec.json.encode(row).decode() for row in rows)])


def _question(context: ConsolidatedContext) -> Hashable:
    """Return the key of the cache. The user is not part of the key."""
    return (context.agent_name, context.history, with_rows(context.message, context.rows))


def _key(context: ConsolidatedContext) -> tuple[str, str]:
    return (context.user.tenant_id, context.user.user_id)


def extensions_of(
    config: EngineConfig, bridge: Notifier | None, mcp_tools: Mapping[str, Sequence[ToolSpec]], clock: Callable[[], float]
) -> tuple[ExecutionExtension, ...]:
    """Return new extensions, in the order in which they take part before an execution."""
    extensions: list[ExecutionExtension] = []
    if config.user_features:
        extensions.append(UserExecutionExtension())
    if config.data_features:
        extensions.append(DataExecutionExtension(clock))
    if config.websocket_events and bridge is not None:
        extensions.append(WebSocketExtension(bridge))
    if config.mcp:
        extensions.append(MCPExecutionExtension(mcp_tools))
    return tuple(extensions)
