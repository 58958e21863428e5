"""Which surfaces can answer a recorded conversation, and by which agents."""

from migration.errors import ConfigurationError
from netra_backend.app.agents.registry import AGENTS
from netra_backend.app.agents.supervisor.workflow import SUPERVISOR
from netra_backend.app.execution.engines import check_surfaces

#: Each surface that accepts a message, and the names of its agents.
_ANSWERED_BY = {"chat": (SUPERVISOR, *AGENTS), "oneshot": tuple(AGENTS), "batch": tuple(AGENTS)}


def check_conversations(surface: str, agent: str, /) -> None:
    """Check that the surface and agent can answer recorded conversations. Implements `ConversationCheck`.

    Raises:
        UnknownSurfaceError: the backend has no such surface.
        ConfigurationError: the surface does not accept conversations, or has no agent of this name.
    """
    check_surfaces([surface])
    agents = _ANSWERED_BY.get(surface)
    if agents is None:
        raise ConfigurationError(
            f"conversations cannot run on {surface}: it accepts calls of tools only; use one of: {', '.join(_ANSWERED_BY)}"
        )
    if agent not in agents:
        raise ConfigurationError(f"no agent of {surface} is called {agent}; use one of: {', '.join(agents)}")
