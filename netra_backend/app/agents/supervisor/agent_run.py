"""`AgentRun`: one agent in a separate task, with a time limit, a heartbeat, and exactly one ending."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from netra_backend.app.agents.base import Answer
from netra_backend.app.agents.supervisor.execution_tracker import ExecutionState, ExecutionTracker, Heartbeat, TrackedExecution
from netra_backend.app.errors import AgentDiedError, AgentFailedError, AgentSilentError, AgentTimeoutError, EngineClosedError
from netra_backend.app.websocket.events import DeathCause

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How an agent ended: with an answer or with an error, never both."""

    state: ExecutionState
    duration_s: float  #: monotonic seconds; for a timeout, the time limit
    answer: Answer | None = None
    error: BaseException | None = None
    death: DeathCause | None = None  #: None: the agent was not declared dead


class AgentRun:
    """Supervises one execution of an agent.

    Args:
        agent_name: the agent's name, for errors and the tracker.
        user_id: the user's id, for the tracker.
        run_id: the run's id, for the tracker.
        tracker: notified of the execution; may declare it dead.
        limit_s: seconds that the agent may take.
        clock: monotonic seconds.
    """

    #: Seconds that a cancelled agent gets to end. An agent that ignores its cancellation is left running, and logged.
    CANCEL_GRACE_S = 5.0

    def __init__(
        self,
        *,
        agent_name: str,
        user_id: str,
        run_id: str,
        tracker: ExecutionTracker,
        limit_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.agent_name = agent_name
        self._user_id = user_id
        self._run_id = run_id
        self._tracker = tracker
        self._limit_s = limit_s
        self._clock = clock
        self._task: asyncio.Task[Answer | None] | None = None
        self._execution: TrackedExecution | None = None
        self._stopped_by: ExecutionState | None = None

    async def supervise(self, work: Coroutine[Any, Any, Answer | None]) -> Ending:
        """Run the agent and return how it ended; an exception of the agent is returned as its ending.

        Raises:
            asyncio.CancelledError: the caller was cancelled; the agent was stopped first.
        """
        started_s = self._clock()
        if self._stopped_by is not None:
            work.close()
            return self._stopped(self._stopped_by, 0.0)
        self._task = task = asyncio.create_task(work)
        self._execution = execution = self._tracker.start(agent_name=self.agent_name, user_id=self._user_id, run_id=self._run_id)
        heartbeat = Heartbeat(self._tracker, execution)
        state = ExecutionState.CANCELLED
        try:
            done, _ = await asyncio.wait({task}, timeout=self._limit_s)
            if not done:
                await self._stop(task)
            ending = self._ending(task, timed_out=not done, duration_s=self._clock() - started_s)
            state = ending.state
        finally:
            heartbeat.stop()
            self._tracker.finish(execution, state)
            if not task.done():
                await self._stop(task)
        return ending

    def is_of(self, execution: TrackedExecution) -> bool:
        """Return whether the tracker's entry `execution` belongs to this run."""
        return self._execution is execution

    def stop(self, state: ExecutionState) -> None:
        """End the agent from outside: DEAD when its heartbeat stops, CANCELLED when its engine closes.

        An agent that has not started yet will not start.
        """
        self._stopped_by = state
        if self._task is not None:
            self._task.cancel()

    async def _stop(self, task: asyncio.Task[Answer | None]) -> None:
        task.cancel()
        _, running = await asyncio.wait({task}, timeout=self.CANCEL_GRACE_S)
        if running:
            logger.error("agent ignores its cancellation and is left running", extra={"agent": self.agent_name, "run_id": self._run_id})
            task.add_done_callback(_look_at)

    def _ending(self, task: asyncio.Task[Answer | None], *, timed_out: bool, duration_s: float) -> Ending:
        if timed_out:
            error = AgentTimeoutError(self.agent_name, self._limit_s)
            if task.done():
                _look_at(task)
            return Ending(state=ExecutionState.TIMED_OUT, duration_s=self._limit_s, error=error, death="timeout")
        if self._stopped_by is not None and task.cancelled():
            return self._stopped(self._stopped_by, duration_s)
        if task.cancelled():
            given_up = AgentFailedError(f"the {self.agent_name} agent cancelled itself")
            return Ending(state=ExecutionState.FAILED, duration_s=duration_s, error=given_up)
        if (raised := task.exception()) is not None:
            return Ending(state=ExecutionState.FAILED, duration_s=duration_s, error=raised)
        return _answered(self.agent_name, task.result(), duration_s)

    def _stopped(self, by: ExecutionState, duration_s: float) -> Ending:
        if by is ExecutionState.DEAD:
            died = AgentDiedError(f"the {self.agent_name} agent sent no heartbeat and was stopped")
            return Ending(state=by, duration_s=duration_s, error=died, death="no_heartbeat")
        return Ending(state=by, duration_s=duration_s, error=EngineClosedError("the engine was closed while the agent ran"))


def _answered(agent_name: str, answer: Answer | None, duration_s: float) -> Ending:
    if not isinstance(answer, Answer) or not answer.text.strip():
        silent = AgentSilentError(f"the {agent_name} agent ended without an answer")
        return Ending(state=ExecutionState.FAILED, duration_s=duration_s, error=silent, death="silent_failure")
    return Ending(state=ExecutionState.COMPLETED, duration_s=duration_s, answer=answer)


def _look_at(task: asyncio.Task[Answer | None]) -> None:
    # asyncio logs an exception that is never read. This exception comes after the run has ended, so it is read here.
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.info("an agent failed after its run had ended", extra={"error_type": type(error).__name__})
