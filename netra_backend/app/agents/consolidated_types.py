"""Values of the consolidated engine: its config, a task, one execution, its result.

They duplicate the types of the other engines; this is kept on purpose.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from netra_backend.app.services.llm.chat_model import Message, ToolSpec
from netra_backend.app.services.user_execution_context import UserExecutionContext


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """Which extensions an engine has, and its limits."""

    user_features: bool = False
    mcp: bool = False
    data_features: bool = False
    websocket_events: bool = True
    metrics: bool = True
    fallback: bool = False  #: True: a failed result has a text for the user in `data["fallback_answer"]`; it stays failed
    max_concurrent_agents: int = 10  #: not used anywhere; kept on purpose
    agent_execution_timeout: float = 30.0  #: seconds
    max_history_size: int = 100
    require_user_context: bool = True  #: False: if no context is given, the engine uses its own
    enable_request_scoping: bool = True  #: False: `with_request_scope` is refused


class ConsolidatedTask(msgspec.Struct, frozen=True, kw_only=True):
    """The task of an agent."""

    message: str
    history: tuple[Message, ...] = ()  #: the thread so far, oldest first
    tools: tuple[ToolSpec, ...] = ()  #: the offered tools
    rows: tuple[Any, ...] = ()  #: JSON rows that the message is about
    mcp_servers: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class ConsolidatedContext:
    """One execution, as the extensions see and change it."""

    agent_name: str
    user: UserExecutionContext
    message: str
    history: tuple[Message, ...] = ()
    tools: tuple[ToolSpec, ...] = ()
    rows: Sequence[Any] = ()  #: JSON rows that the message is about
    mcp_servers: tuple[str, ...] = ()  #: servers whose tools the agent may use
    batches: list[str] = field(default_factory=list)  #: messages to execute one after the other; set by the data extension
    known: "ConsolidatedResult | None" = None  #: the answer from the data extension's cache; then nothing is executed


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsolidatedResult:
    """How an execution ended. Nothing is raised, so this is the only place where a failure shows."""

    success: bool
    agent_name: str
    duration_s: float  #: monotonic seconds
    final_answer: str | None = None  #: None on failure, and on a success without an answer
    step_count: int = 0
    data: Mapping[str, Any] = field(
        default_factory=dict
    )  #: what the agent returned in addition to its answer; the fallback text on failure
    error: str | None = None  #: safe for users; None on success
    metadata: Mapping[str, Any] = field(default_factory=dict)  #: `error_type`, `support_code`, `timeout` on failure
