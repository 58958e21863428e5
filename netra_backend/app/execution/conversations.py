"""Which surfaces can answer a recorded conversation, and by which agents."""

from migration.errors import ConfigurationError
from netra_backend.app.agents.registry import AGENTS
from netra_backend.app.agents.supervisor.workflow import SUPERVISOR
from netra_backend.app.execution.engines import check_surfaces

#: Each surface that takes a message, and the agents that it knows by name.
_ANSWERED_BY = {"chat": (SUPERVISOR, *AGENTS), "oneshot": tuple(AGENTS), "batch": tuple(AGENTS)}


def check_conversations(surface: str, agent: str, /) -> None:
    """Refuse what cannot answer a recorded conversation: a `ConversationCheck`.

    Raises:
        UnknownSurfaceError: the backend has no such surface.
        ConfigurationError: the surface takes no conversations, or no agent of it has this name.
    """
    check_surfaces([surface])
    agents = _ANSWERED_BY.get(surface)
    if agents is None:
        raise ConfigurationError(f"conversations cannot run on {surface}: it takes calls of tools; use one of: {', '.join(_ANSWERED_BY)}")
    if agent not in agents:
        raise ConfigurationError(f"no agent of {surface} is called {agent}; there are {', '.join(agents)}")
