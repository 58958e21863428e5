"""`run_result`: the last frame of a run on the surfaces `oneshot`, `batch` and `tools`. It contains the caller's answer.

Some engines of these surfaces emit few events or none. So the adapters of both engines add this one frame after the engine's own frames;
without it a comparison would see no answer. Its `agent_name` is empty because the frame belongs to the run, not to an agent.
"""

from typing import Any, Final, Literal

from netra_backend.app.agents.supervisor.execution_context import AgentExecutionResult
from netra_backend.app.agents.tool_calls import ToolOutcome
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket.events import EventType, Notifier

RUN_RESULT: Final[EventType] = "run_result"
RunStatus = Literal["completed", "failed", "timed_out"]

_IN_RESULT: Final = ("final_answer", "step_count")


def of_agent(result: AgentExecutionResult) -> dict[str, Any]:
    """Return the payload for an agent's run: the result of `agent_completed`, and what the agent returned in addition to its answer."""
    status: RunStatus = "completed" if result.success else "timed_out" if result.metadata.get("timeout") else "failed"
    return {
        "status": status,
        "result": {
            "agent_name": result.agent_name,
            "success": result.success,
            "final_answer": result.data.get("final_answer"),
            "data": {key: value for key, value in result.data.items() if key not in _IN_RESULT},
            "error": result.error,
            "error_type": result.metadata.get("error_type"),
            "support_code": result.metadata.get("support_code"),
            "duration_ms": round(result.duration_s * 1000, 3),
            "step_count": result.data.get("step_count", 0),
        },
    }


def of_tool(outcome: ToolOutcome) -> dict[str, Any]:
    """Return the payload for a tool's run: that of `tool_completed`, but with the whole answer instead of its first characters."""
    success = outcome.status == "success"
    return {
        "status": "completed" if success else "failed",
        "result": {
            "tool_name": outcome.name,
            "success": success,
            "status": outcome.status,
            "value": outcome.value,
            "error": outcome.error,
            "execution_time_ms": round(outcome.duration_s * 1000, 3),
        },
    }


async def send_result(notifier: Notifier, context: UserExecutionContext, payload: dict[str, Any]) -> None:
    """Send the frame to the listener of this run."""
    await notifier.notify(RUN_RESULT, payload, agent_name="", user_id=context.user_id, run_id=context.run_id)
