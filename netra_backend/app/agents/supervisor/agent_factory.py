"""`AgentFactory`: gives the target engine a fresh agent and its tools for one user."""

import time
from collections.abc import Callable
from typing import Protocol

from netra_backend.app.agents.base import Agent
from netra_backend.app.agents.registry import AgentRegistry
from netra_backend.app.agents.tool_calls import ToolDispatcher
from netra_backend.app.agents.user_tool_dispatcher import UserToolDispatcher
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket.events import Notifier


class AgentFactory(Protocol):
    """Makes agents and tool dispatchers that belong to one user."""

    def create_agent(self, name: str, context: UserExecutionContext, /) -> Agent:
        """Return a new agent, which is not shared.

        Raises:
            UnknownAgentError: no agent has this name.
        """
        ...

    def create_tool_dispatcher(self, context: UserExecutionContext, notifier: Notifier, /) -> ToolDispatcher:
        """Return a new dispatcher that calls tools for this user only."""
        ...


class UserAgentFactory:
    """Makes agents from a registry, and dispatchers for the tools of its world."""

    def __init__(self, registry: AgentRegistry, clock: Callable[[], float] = time.monotonic) -> None:
        self._registry = registry
        self._clock = clock

    def create_agent(self, name: str, context: UserExecutionContext, /) -> Agent:
        """Return a new agent that is bound to this user's run.

        Raises:
            UnknownAgentError: no agent has this name.
        """
        agent = self._registry.create(name)
        agent.user_id, agent.run_id = context.user_id, context.run_id
        return agent

    def create_tool_dispatcher(self, context: UserExecutionContext, notifier: Notifier, /) -> ToolDispatcher:
        """Return a new dispatcher bound to this context."""
        return UserToolDispatcher(context, self._registry.world.tools, notifier, self._clock)
