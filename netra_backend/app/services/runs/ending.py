"""How one run ended. This module decides it for every engine; all other code asks here for a run's outcome."""

import asyncio
from typing import Final

import msgspec

from netra_backend.app.errors import AgentTimeoutError, ModelTimeoutError
from netra_backend.app.services.runs.finished_run import Outcome

_DEATH: Final = "agent_death"
_ENDS: Final = frozenset({"agent_completed", "run_result"})
_READ: Final = _ENDS | {_DEATH}
_BY_STATUS: Final[dict[str, Outcome]] = {"failed": "failed", "timed_out": "timed_out"}


class _Payload(msgspec.Struct, frozen=True, gc=False):
    status: str = ""
    death_cause: str = ""


class _Frame(msgspec.Struct, frozen=True, gc=False):
    type: str = ""
    agent_name: str = ""
    payload: _Payload = _Payload()


class _Head(msgspec.Struct, frozen=True, gc=False):
    type: str = ""


_frame: Final = msgspec.json.Decoder(_Frame)
_head: Final = msgspec.json.Decoder(_Head)


class RunEnding:
    """Reads a run's frames as they pass, and decides how the run ended. Of all frames, it keeps only the last one that can contain the
    answer.

    The code that stops a run first sets the reason: `cut` when the server stops, `limited_by` for a time limit. If no reason is set, the
    user cancelled the run or disconnected.
    """

    def __init__(self) -> None:
        self.answers: list[
            tuple[str, bytes]
        ] = []  #: (event type, JSON) of the last frame that ends an agent or the run; [] before the first one
        self.outcome: Outcome | None = None  #: None: the run has not ended
        self._last = _Frame()
        self._timed_out: set[str] = set()
        self._cut = False
        self._limit: asyncio.Timeout | None = None

    def see(self, frame: bytes) -> None:
        """Read the next frame. A frame that breaks the event contract ends nothing."""
        try:
            kind = _head.decode(frame).type
        except msgspec.MsgspecError:
            kind = ""
        self.note(kind, frame)

    def note(self, kind: str, frame: bytes) -> None:
        """Read the next frame, whose event type is already known."""
        if kind not in _READ:
            self._last = _Frame()
            return
        try:
            self._last = said = _frame.decode(frame)
        except msgspec.MsgspecError:
            self._last = _Frame()
            return
        if said.type == _DEATH and said.payload.death_cause == "timeout":
            self._timed_out.add(said.agent_name)
        elif said.type in _ENDS:
            self.answers = [(said.type, frame)]

    def cut(self) -> None:
        """Record that the run is stopped because the server is stopping."""
        self._cut = True

    def limited_by(self, limit: asyncio.Timeout) -> None:
        """Record that this limit stops the run when it expires."""
        self._limit = limit

    def finished(self) -> Outcome:
        """Return the outcome of a run that sent all its frames: the status in the last frame, or "completed" if it has none."""
        last = self._last
        ended = _BY_STATUS.get(last.payload.status, "completed") if last.type in _ENDS else "completed"
        return self.settle("timed_out" if ended == "failed" and last.agent_name in self._timed_out else ended)

    def broken_off(self, error: BaseException) -> Outcome:
        """Return the outcome of a run that this error broke off; a cancellation or the closing of the run's stream counts as an error."""
        if isinstance(error, GeneratorExit) or (isinstance(error, asyncio.CancelledError) and _is_being_cancelled()):
            limited = self._limit is not None and self._limit.expired()
            return self.settle("cut" if self._cut else "timed_out" if limited else "cancelled")
        # If nothing requested a cancellation, the engine raised it itself.
        return self.settle("timed_out" if isinstance(error, _TIMEOUTS) else "failed")

    def settle(self, outcome: Outcome) -> Outcome:
        """Record the outcome, and return it. A later call overrides: a run that succeeded but could not be stored has failed."""
        self.outcome = outcome
        return outcome


_TIMEOUTS: Final = (TimeoutError, AgentTimeoutError, ModelTimeoutError)


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
