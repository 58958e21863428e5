"""How a run ended, as its frames say."""

from typing import Final

import msgspec

from netra_backend.app.services.runs.finished_run import RunEnd

_DEATH: Final = "agent_death"
_ENDS: Final = frozenset({"agent_completed", "run_result"})
_BY_STATUS: Final[dict[str, RunEnd]] = {"failed": "failed", "timed_out": "timed_out"}


class _Payload(msgspec.Struct, frozen=True, gc=False):
    status: str = ""
    death_cause: str = ""


class _Frame(msgspec.Struct, frozen=True, gc=False):
    type: str = ""
    agent_name: str = ""
    payload: _Payload = _Payload()


_frame: Final = msgspec.json.Decoder(_Frame)


class RunEnding:
    """Reads a run's frames as they pass. Keeps those that may answer, and nothing else of the run."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, bytes]] = []  #: (event type, JSON) of the last frame that ends something; [] before there is one
        self._last = _Frame()
        self._timed_out: set[str] = set()

    def see(self, frame: bytes) -> None:
        """Take the next frame. One that is not as the event contract says ends nothing."""
        try:
            self._last = said = _frame.decode(frame)
        except msgspec.MsgspecError:
            self._last = _Frame()
            return
        if said.type == _DEATH and said.payload.death_cause == "timeout":
            self._timed_out.add(said.agent_name)
        elif said.type in _ENDS:
            self.answers = [(said.type, frame)]

    def outcome(self) -> RunEnd:
        """Return how the run ended whose frames came to an end: as the last one says, "completed" when it says nothing."""
        last = self._last
        ended = _BY_STATUS.get(last.payload.status, "completed") if last.type in _ENDS else "completed"
        return "timed_out" if ended == "failed" and last.agent_name in self._timed_out else ended
