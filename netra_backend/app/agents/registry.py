"""`AgentRegistry` makes agents by name, a new one for each request."""

from collections.abc import Mapping
from types import MappingProxyType

from netra_backend.app.agents.actions import ActionsAgent
from netra_backend.app.agents.assistant import AssistantAgent
from netra_backend.app.agents.base import Agent
from netra_backend.app.agents.data import DataAgent
from netra_backend.app.agents.optimization import OptimizationAgent
from netra_backend.app.agents.reporting import ReportingAgent
from netra_backend.app.agents.triage import TriageAgent
from netra_backend.app.errors import UnknownAgentError
from netra_backend.app.world import World

AGENTS: Mapping[str, type[Agent]] = MappingProxyType(
    {agent.name: agent for agent in (TriageAgent, DataAgent, OptimizationAgent, ActionsAgent, ReportingAgent, AssistantAgent)}
)


class AgentRegistry:
    """Makes agents that reach the outside through one `World`.

    Args:
        world: the ports.
        agents: agent classes by name.
    """

    def __init__(self, world: World, agents: Mapping[str, type[Agent]] = AGENTS) -> None:
        self.world = world
        self._agents = agents
        # goes with: migration
        self._shared: dict[str, Agent] = {}
        # stays

    @property
    def names(self) -> tuple[str, ...]:
        """The agents' names."""
        return tuple(self._agents)

    def create(self, name: str) -> Agent:
        """Return a new agent, which is not shared.

        Raises:
            UnknownAgentError: no agent has this name.
        """
        kind = self._agents.get(name)
        if kind is None:
            raise UnknownAgentError(name, self._agents)
        return kind(self.world)

    # goes with: migration
    def get(self, name: str) -> Agent:
        """Return the one shared agent of this name. Only legacy engines ask for it.

        Raises:
            UnknownAgentError: no agent has this name.
        """
        if name not in self._shared:
            self._shared[name] = self.create(name)
        return self._shared[name]

    # stays
