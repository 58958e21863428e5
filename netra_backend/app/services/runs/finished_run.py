"""`FinishedRun`: the stored form of a run, and how it is made from the run's frames."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal, Protocol

import msgspec

Outcome = Literal["completed", "failed", "timed_out", "cancelled", "cut"]
"""How a run ended. `cancelled`: the user stopped it or disconnected. `cut`: the server stopped before the run ended."""


class FinishedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A question and its answer. New fields are added last and have a default, so that stored runs can still be read."""

    surface: str  #: "chat", "oneshot", ...
    tenant_id: str
    user_id: str
    thread_id: str
    run_id: str
    engine: str  #: the engine that answered, for people to read
    question: str  #: the user's message; for a tool call, the payload of the request as JSON
    answer: str | None  #: None: the run had no answer
    outcome: Outcome
    started_at: float  #: Unix seconds
    duration_s: float


class AskedRun(Protocol):
    """The facts about a run that are known when it begins."""

    @property
    def surface(self) -> str:
        """The surface."""
        ...

    @property
    def tenant_id(self) -> str:
        """The user's tenant."""
        ...

    @property
    def user_id(self) -> str:
        """The user."""
        ...

    @property
    def thread_id(self) -> str:
        """The conversation."""
        ...

    @property
    def run_id(self) -> str:
        """The run itself."""
        ...

    @property
    def received_at(self) -> float:
        """The start of the run, in Unix seconds."""
        ...


class RunStore(Protocol):
    """Stores finished runs."""

    async def write(self, runs: Sequence[FinishedRun], /) -> None:
        """Store all of the runs or none. Writing a run again changes nothing.

        Raises:
            RunRefusedError: the id of one of the runs belongs to another run, or the store can never store one of them.
            RunStoreUnavailableError: the store cannot be reached or cannot store now.
        """
        ...

    async def thread(self, tenant_id: str, user_id: str, thread_id: str, newest: int | None = None, /) -> list[FinishedRun]:
        """Return the thread's runs, oldest first: all of them, or only the `newest`. [] when this user has none.

        Raises:
            RunStoreUnavailableError: the store cannot be read now.
        """
        ...


RunKey = tuple[str, str, str, str]
"""The key of a run: tenant, user, thread, run."""


class RunScan(Protocol):
    """Reads all runs of a surface, of all tenants; for operators, never for a request."""

    async def count(self, surface: str, /) -> int:
        """Return how many runs there are. Raises RunStoreUnavailableError."""
        ...

    async def page(self, surface: str, after: RunKey | None, limit: int, /) -> list[FinishedRun]:
        """Return the next runs after the key `after`, sorted by key; None: from the first run on. Raises RunStoreUnavailableError."""
        ...

    async def between(self, surface: str, first: RunKey, last: RunKey, /) -> list[FinishedRun]:
        """Return the runs of the surface between two keys, both included. Raises RunStoreUnavailableError."""
        ...


def key_of(run: FinishedRun) -> RunKey:
    """Return the run's key."""
    return run.tenant_id, run.user_id, run.thread_id, run.run_id


def in_order(runs: Iterable[FinishedRun]) -> list[FinishedRun]:
    """Return the runs sorted by start time, oldest first; of two that began together, the one with the smaller id first."""
    return sorted(runs, key=lambda run: (run.started_at, run.run_id))


#: The frame that ends an agent, and the frame that ends a run on the other surfaces.
_ANSWERING: Final = frozenset({"agent_completed", "run_result"})
_encode = msgspec.json.encode


class _Result(msgspec.Struct):
    final_answer: str | None = None
    value: msgspec.Raw = msgspec.Raw(b"null")


class _Payload(msgspec.Struct):
    result: _Result | None = None


class _Frame(msgspec.Struct):
    payload: _Payload | None = None


_frame: Final = msgspec.json.Decoder(_Frame)


def finished_run(
    asked: AskedRun,
    payload: Mapping[str, Any],
    frames: Iterable[tuple[str, bytes]],
    *,
    engine: str,
    outcome: Outcome,
    duration_s: float,
) -> FinishedRun:
    """Return the stored form of a run.

    Args:
        asked: owner, surface and time of the run.
        payload: the payload of the request.
        frames: (event type, JSON) of each event, in order.
        engine: the engine that answered.
        outcome: how the run ended. Only a completed run has an answer, because the last text of a failed run may be incomplete.
        duration_s: seconds on the monotonic clock.
    """
    message = payload.get("message")
    return FinishedRun(
        surface=asked.surface,
        tenant_id=asked.tenant_id,
        user_id=asked.user_id,
        thread_id=asked.thread_id,
        run_id=asked.run_id,
        engine=engine,
        question=message if isinstance(message, str) else _encode(payload).decode(),
        answer=_answer(frames) if outcome == "completed" else None,
        outcome=outcome,
        started_at=asked.received_at,
        duration_s=duration_s,
    )


def _answer(frames: Iterable[tuple[str, bytes]]) -> str | None:
    """Return the answer in the last frame that can contain one; a tool's answer as JSON. None when there is no answer."""
    last = None
    for kind, data in frames:
        if kind in _ANSWERING:
            last = data
    if last is None:
        return None
    try:
        payload = _frame.decode(last).payload
    except msgspec.MsgspecError:
        return None  # a frame that breaks the event contract contains no answer to store
    if payload is None or payload.result is None:
        return None
    value = bytes(payload.result.value)
    return payload.result.final_answer if value == b"null" else value.decode()
