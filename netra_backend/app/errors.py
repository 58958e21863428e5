"""Every error that the backend raises on purpose, in one tree.

NetraError
├── SettingsError                    refuse to start; the message says which NETRA_* variable to set
├── AuthenticationError              no valid token
├── InvalidContextError (ValueError) an id of a user, thread or run breaks a rule
├── ForeignContextError (ValueError) a context of another user, tenant, thread or run
├── ThreadNotFoundError              no such thread for this user (also if it is another user's)
├── RunStoreError                    a run could not be stored or read
│   ├── RunRefusedError              another run has its id, or the store can never hold it
│   └── RunStoreUnavailableError     the store cannot be reached or cannot store now
├── DrainingError                    the server is stopping and admits nothing new
├── RunCutError                      the server stopped before the run ended
├── EngineClosedError                the engine was cleaned up
├── UserLimitExceededError           the user has as many engines as allowed
├── CapacityError                    the application has as many engines as allowed
├── NotReadyError                    this process may not serve yet
├── ExecutionEngineFactoryError      the factory lacks a part or is shut down
├── InvalidPayloadError (ValueError) the request cannot be read
├── AgentError                       an agent did not answer
│   ├── UnknownAgentError
│   ├── AgentFailedError             its model or its own rules stopped it
│   ├── AgentTimeoutError
│   ├── AgentDiedError               no heartbeat
│   └── AgentSilentError             it ended without an answer
├── ModelError                       the model did not answer
│   ├── ModelTimeoutError
│   └── ModelUnavailableError
└── ToolError                        a tool did not answer
    ├── UnknownToolError
    ├── ToolArgumentsError           the arguments do not fit the tool's JSON schema
    ├── ToolPermissionError
    └── ToolFailedError
"""

from collections.abc import Iterable


class NetraError(Exception):
    """Root of the tree. `str()` of each of these errors is safe to show to the user who caused it."""


class SettingsError(NetraError):
    """A setting is missing or unsafe; the backend refuses to start."""


class AuthenticationError(NetraError):
    """The token is missing, malformed, expired, or lacks a claim."""


class InvalidContextError(NetraError, ValueError):
    """An id breaks a rule of `UserExecutionContext`. The message names the field and the rule, never the value."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field} {rule}")
        self.field, self.rule = field, rule


class ForeignContextError(NetraError, ValueError):
    """The context belongs to another user, tenant, thread or run than the engine."""


class ThreadNotFoundError(NetraError):
    """No such thread for this user. The error is the same whether the thread does not exist or belongs to another user."""


class RunStoreError(NetraError):
    """A finished run could not be stored or read."""


class RunRefusedError(RunStoreError):
    """The store can never store this run, so retrying does not help. The message names only the run's id."""


class RunStoreUnavailableError(RunStoreError):
    """The store cannot be reached or cannot store now; trying again may help."""


class DrainingError(NetraError):
    """The server is stopping: it ends current work and accepts nothing new."""

    def __init__(self) -> None:
        super().__init__("this server is stopping; connect again and repeat the request")


class RunCutError(NetraError):
    """The server stopped before the run ended."""

    def __init__(self) -> None:
        super().__init__("the server stopped before this run ended, and stored the run as cut; connect again and repeat the request")


class EngineClosedError(NetraError):
    """The engine was cleaned up; make a new one for the next request."""


class UserLimitExceededError(NetraError):
    """The user already has as many engines as allowed."""

    def __init__(self, engines: int, limit: int, retry_after_s: int = 1) -> None:
        super().__init__(f"{engines}/{limit} engines of this user are busy; try again in {retry_after_s} s")
        self.engines, self.limit, self.retry_after_s = engines, limit, retry_after_s


class CapacityError(NetraError):
    """All engines of the application are busy."""

    def __init__(self, engines: int, limit: int, retry_after_s: int = 1) -> None:
        super().__init__(f"{engines}/{limit} engines are busy; try again in {retry_after_s} s")
        self.engines, self.limit, self.retry_after_s = engines, limit, retry_after_s


class NotReadyError(NetraError):
    """This process may not serve the surface yet; others may."""

    def __init__(self, surface: str, retry_after_s: int = 5) -> None:
        super().__init__(f"this server cannot serve {surface} yet; try again in {retry_after_s} s")
        self.surface, self.retry_after_s = surface, retry_after_s


class ExecutionEngineFactoryError(NetraError):
    """The factory lacks a part, or is shut down."""


class InvalidPayloadError(NetraError, ValueError):
    """The request cannot be read. The message names the field and the rule, never the value."""


class AgentError(NetraError):
    """An agent did not answer."""


class UnknownAgentError(AgentError):
    """No agent has this name."""

    def __init__(self, name: str, valid: Iterable[str]) -> None:
        self.name, self.valid = name, tuple(valid)
        super().__init__(f"unknown agent {name[:64]!r}; use one of: {', '.join(self.valid)}")


class AgentFailedError(AgentError):
    """The agent's model or the agent's own rules stopped it."""


class AgentTimeoutError(AgentError):
    """The agent took too long."""

    def __init__(self, agent_name: str, limit_s: float) -> None:
        super().__init__(f"the {agent_name} agent did not finish within {limit_s:g} s")
        self.agent_name, self.limit_s = agent_name, limit_s


class AgentDiedError(AgentError):
    """The agent sent no heartbeat."""


class AgentSilentError(AgentError):
    """The agent ended without an answer."""


class ModelError(NetraError):
    """The model did not answer."""


class ModelTimeoutError(ModelError):
    """The model did not answer in time."""


class ModelUnavailableError(ModelError):
    """The model refused, or cannot be reached."""


class ToolError(NetraError):
    """A tool did not answer."""


class UnknownToolError(ToolError):
    """No tool has this name."""


class ToolArgumentsError(ToolError):
    """The arguments do not fit the tool's JSON schema."""


class ToolPermissionError(ToolError):
    """The user may not call this tool."""


class ToolFailedError(ToolError):
    """The tool itself failed."""
