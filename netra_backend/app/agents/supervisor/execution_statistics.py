"""`ExecutionStatistics`: counts and sums, whose size does not grow with time."""

from typing import Any

from netra_backend.app.agents.supervisor.execution_tracker import ExecutionState


class ExecutionStatistics:
    """Statistics of executions."""

    def __init__(self) -> None:
        self._ended = dict.fromkeys(ExecutionState, 0)
        self._duration_s = 0.0
        self._longest_s = 0.0
        self._waited_s = 0.0
        self._longest_wait_s = 0.0

    def waited(self, seconds: float) -> None:
        """Add a wait for a permit."""
        self._waited_s += seconds
        self._longest_wait_s = max(self._longest_wait_s, seconds)

    def ended(self, state: ExecutionState, duration_s: float) -> None:
        """Add an execution that ended."""
        self._ended[state] += 1
        self._duration_s += duration_s
        self._longest_s = max(self._longest_s, duration_s)

    def snapshot(self) -> dict[str, Any]:
        """Return the counts by state, and durations and waits in seconds."""
        total = sum(self._ended.values())
        return {
            "total_executions": total,
            "completed_executions": self._ended[ExecutionState.COMPLETED],
            "failed_executions": self._ended[ExecutionState.FAILED],
            "timeout_executions": self._ended[ExecutionState.TIMED_OUT],
            "dead_executions": self._ended[ExecutionState.DEAD],
            "cancelled_executions": self._ended[ExecutionState.CANCELLED],
            "avg_execution_time": self._duration_s / total if total else 0.0,
            "max_execution_time": self._longest_s,
            "total_queue_wait_time": self._waited_s,
            "max_queue_wait_time": self._longest_wait_s,
        }
