"""The event contract as data: the envelope, the seven events, and the keys of each payload.

Clients may rely on this module; `contract.check_contract` checks a stream against it.
"""

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, Protocol

import msgspec

from netra_backend.app.errors import AgentTimeoutError, ModelError, NetraError, ToolError, ToolPermissionError
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket.redaction import redacted, redacted_text

EventType = Literal[
    "agent_started",
    "agent_thinking",
    "tool_executing",
    "tool_completed",
    "agent_completed",
    "agent_error",
    "agent_death",
    # goes with: migration
    "partial_result",  # these two are sent only by direct calls of the legacy engine's send methods, and are outside the contract
    "final_report",
    # stays
    "run_result",  # the last event of a run, which belongs to no agent; not on the surface chat: see app/run_results.py
]
DeathCause = Literal["timeout", "no_heartbeat", "silent_failure"]
ToolStatus = Literal["success", "error", "permission_denied", "cancelled"]

PAYLOAD_KEYS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "agent_started": frozenset({"status", "message", "context"}),
        "agent_thinking": frozenset({"reasoning", "step_number", "progress_percentage"}),
        "tool_executing": frozenset({"tool_name", "parameters"}),
        "tool_completed": frozenset({"tool_name", "result", "execution_time_ms", "status"}),
        "agent_completed": frozenset({"status", "result"}),
        "agent_error": frozenset({"error_type", "error_message", "user_facing_advice", "support_code"}),
        "agent_death": frozenset({"death_cause", "recovery_action"}),
    }
)
RESULT_KEYS: Final = frozenset({"agent_name", "success", "final_answer", "error", "duration_ms", "step_count"})

PARAMETER_LENGTH = 200
RESULT_LENGTH = 500
UNEXPECTED = "something went wrong on our side"

_RECOVERY: Final[Mapping[DeathCause, str]] = MappingProxyType(
    {
        "timeout": "Ask again, or ask for less at once.",
        "no_heartbeat": "Ask again; the agent was stopped.",
        "silent_failure": "Ask again, in other words.",
    }
)


class Envelope(msgspec.Struct, frozen=True):
    """The envelope of every event."""

    type: str
    tenant_id: str
    user_id: str
    thread_id: str
    run_id: str
    agent_name: str
    sequence: int  #: from 1, rising by one with each event of the run
    timestamp: float  #: Unix seconds
    payload: dict[str, Any]


class Notifier(Protocol):
    """Sends an agent's events to the listener of the run."""

    async def notify(self, event: EventType, payload: dict[str, Any], /, *, agent_name: str, user_id: str, run_id: str) -> None:
        """Send one event. Never raises: a failed notification is counted and never fails the run."""
        ...


_encode = msgspec.json.Encoder().encode


def frame(
    event: EventType, payload: dict[str, Any], context: UserExecutionContext, *, agent_name: str, sequence: int, user_id: str
) -> bytes:
    """Return the event as the JSON text that is sent to the client."""
    ids = (context.tenant_id, user_id, context.thread_id, context.run_id)
    return _encode(Envelope(event, *ids, agent_name, sequence, time.time(), payload))


def started(agent_name: str, context: Mapping[str, Any]) -> dict[str, Any]:
    """Return the payload of `agent_started`."""
    return {"status": "started", "message": f"The {agent_name} agent started.", "context": dict(context)}


def thinking(reasoning: str, step_number: int) -> dict[str, Any]:
    """Return the payload of `agent_thinking`; step 0 means waiting in the queue."""
    return {"reasoning": reasoning, "step_number": step_number, "progress_percentage": min(95, 15 * step_number)}


def tool_executing(tool_name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the payload of `tool_executing`: secrets redacted, strings cut at 200 characters."""
    return {"tool_name": tool_name, "parameters": redacted(parameters, PARAMETER_LENGTH)}


def tool_completed(tool_name: str, result: object, duration_s: float, status: ToolStatus) -> dict[str, Any]:
    """Return the payload of `tool_completed`: the result as text, secrets redacted, cut at 500 characters."""
    return {
        "tool_name": tool_name,
        "result": redacted_text(result, RESULT_LENGTH),
        "execution_time_ms": round(duration_s * 1000, 3),
        "status": status,
    }


def completed(
    agent_name: str,
    *,
    final_answer: str | None,
    error: str | None,
    duration_s: float,
    step_count: int,
    beyond_contract: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the payload of `agent_completed`.

    Args:
        agent_name: the agent that ended.
        final_answer: the agent's answer; None when it failed.
        error: safe for users; None: the agent succeeded.
        duration_s: monotonic seconds.
        step_count: the number of thinking steps that were sent.
        beyond_contract: keys that a client may not rely on; None: none.
    """
    return {
        "status": "completed" if error is None else "failed",
        "result": {
            "agent_name": agent_name,
            "success": error is None,
            "final_answer": final_answer,
            "error": error,
            "duration_ms": round(duration_s * 1000, 3),
            "step_count": step_count,
        },
        **(beyond_contract or {}),
    }


def failed(error: BaseException, support_code: str) -> dict[str, Any]:
    """Return the payload of `agent_error`."""
    return {
        "error_type": type(error).__name__,
        "error_message": safe_message(error),
        "user_facing_advice": _advice(type(error)),
        "support_code": support_code,
    }


def death(cause: DeathCause) -> dict[str, Any]:
    """Return the payload of `agent_death`."""
    return {"death_cause": cause, "recovery_action": _RECOVERY[cause]}


def safe_message(error: BaseException) -> str:
    """Return what the user may read: the message of this backend's own errors, or a general text for other errors."""
    return str(error) if isinstance(error, NetraError) else UNEXPECTED


def _advice(error_type: type[BaseException]) -> str:
    if issubclass(error_type, AgentTimeoutError):
        return "Ask again, or ask for less at once."
    if issubclass(error_type, ModelError):
        return "The language model is not answering; try again in a minute."
    if issubclass(error_type, ToolPermissionError):
        return "Ask your administrator for access."
    if issubclass(error_type, ToolError):
        return "A tool did not answer; try again, or ask without it."
    return "Try again; if it happens again, give the support code to support."
