"""`ExecutionTracker` watches the heartbeats of executions, and reports an execution without heartbeat as dead to its subscribers."""

import asyncio
import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

logger = logging.getLogger(__name__)


class ExecutionState(StrEnum):
    """The state of an execution."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    DEAD = "dead"


@dataclass(slots=True, kw_only=True)
class TrackedExecution:
    """One watched execution."""

    execution_id: int
    agent_name: str
    user_id: str
    run_id: str
    last_beat_s: float  #: time on the event loop's clock
    state: ExecutionState = ExecutionState.RUNNING


DeathCallback = Callable[[TrackedExecution], None]


class ExecutionTracker:
    """Watches its registered executions, with the running loop's timers; without executions it does nothing.

    The tracker has its own timer, so that deaths are found even if no other code checks for them.
    """

    CHECK_EVERY_S = 5.0
    DEAD_AFTER_S = 10.0

    def __init__(self) -> None:
        self._running: dict[int, TrackedExecution] = {}
        self._callbacks: list[DeathCallback] = []
        self._numbers = itertools.count(1)
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.ended: dict[ExecutionState, int] = dict.fromkeys(ExecutionState, 0)  #: executions by how they ended

    @property
    def running(self) -> tuple[TrackedExecution, ...]:
        """The watched executions."""
        return tuple(self._running.values())

    def add_death_callback(self, callback: DeathCallback) -> None:
        """Register a function that is called for each execution that dies, until it is removed."""
        self._callbacks.append(callback)

    def remove_death_callback(self, callback: DeathCallback) -> None:
        """Stop calling the function."""
        self._callbacks.remove(callback)

    def start(self, *, agent_name: str, user_id: str, run_id: str) -> TrackedExecution:
        """Watch a new execution; the start counts as its first beat."""
        loop = asyncio.get_running_loop()
        execution = TrackedExecution(
            execution_id=next(self._numbers), agent_name=agent_name, user_id=user_id, run_id=run_id, last_beat_s=loop.time()
        )
        self._running[execution.execution_id] = execution
        if self._timer is None or self._loop is not loop:  # a timer of a loop that has ended never fires
            self._loop = loop
            self._arm(loop)
        return execution

    def beat(self, execution: TrackedExecution) -> None:
        """Record a heartbeat of the execution."""
        execution.last_beat_s = asyncio.get_running_loop().time()

    def finish(self, execution: TrackedExecution, state: ExecutionState) -> None:
        """Stop watching the execution, and count how it ended. A second call has no effect."""
        if self._running.pop(execution.execution_id, None) is None:
            return
        execution.state = state
        self.ended[state] += 1
        if not self._running:
            self.close()

    def close(self) -> None:
        """Stop the timer. It starts again with the next execution."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(self.CHECK_EVERY_S, self._check, loop, loop.time() + self.CHECK_EVERY_S)

    def _check(self, loop: asyncio.AbstractEventLoop, due_s: float) -> None:
        now_s = loop.time()
        # A blocked loop delays the beats and this check alike, so a late beat does not mean that this execution hangs.
        if now_s - due_s < self.CHECK_EVERY_S:
            for execution in self.running:
                if now_s - execution.last_beat_s > self.DEAD_AFTER_S:
                    self._declare_dead(execution)
        if self._running:
            self._arm(loop)

    def _declare_dead(self, execution: TrackedExecution) -> None:
        self.finish(execution, ExecutionState.DEAD)
        for callback in tuple(self._callbacks):
            try:
                callback(execution)
            except Exception as error:  # noqa: BLE001 - one failing callback may not hide a death from the others
                logger.warning("death callback failed", extra={"agent": execution.agent_name, "error_type": type(error).__name__})


class Heartbeat:
    """Beats for one execution every two seconds, until stopped."""

    EVERY_S = 2.0

    def __init__(self, tracker: ExecutionTracker, execution: TrackedExecution) -> None:
        self._tracker = tracker
        self._execution = execution
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(self.EVERY_S, self._beat)
        self.beats = 0

    def stop(self) -> None:
        """Stop the heartbeat."""
        self._timer.cancel()

    def _beat(self) -> None:
        self._tracker.beat(self._execution)
        self.beats += 1
        self._timer = self._loop.call_later(self.EVERY_S, self._beat)
