"""`FinishedRun`: what is kept of a run, and how it is read out of the run's frames."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal, Protocol

import msgspec

Outcome = Literal["completed", "failed", "timed_out", "cancelled", "cut"]
"""How a run ended. `cancelled`: its user stopped it or left. `cut`: the server stopped before the run ended."""


class FinishedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A question and its answer. New fields go last and have a default: stored runs are read back."""

    surface: str  #: "chat", "oneshot", ...
    tenant_id: str
    user_id: str
    thread_id: str
    run_id: str
    engine: str  #: what answered, for people
    question: str  #: the user's message; for other surfaces than chats what was asked, as JSON
    answer: str | None  #: None: the run gave none
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
        """In which conversation."""
        ...

    @property
    def run_id(self) -> str:
        """The run itself."""
        ...

    @property
    def received_at(self) -> float:
        """When, in Unix seconds."""
        ...


class RunStore(Protocol):
    """Keeps finished runs."""

    async def write(self, runs: Sequence[FinishedRun], /) -> None:
        """Keep the runs, all or none. Writing a run again changes nothing.

        Raises:
            RunRefusedError: the id of one of them belongs to another run, or the store can never contain it.
            RunStoreUnavailableError: the store cannot be reached or does not take anything now.
        """
        ...

    async def thread(self, tenant_id: str, user_id: str, thread_id: str, newest: int | None = None, /) -> list[FinishedRun]:
        """Return the thread's runs, oldest first: all of them, or the newest alone. [] when there are none of this user.

        Raises:
            RunStoreUnavailableError: the store cannot be read now.
        """
        ...


RunKey = tuple[str, str, str, str]
"""Tenant, user, thread, run: what a run is known by."""


class RunScan(Protocol):
    """Walks through all of a surface's runs, of all tenants: for operators, never for a request."""

    async def count(self, surface: str, /) -> int:
        """Return how many runs there are. Raises RunStoreUnavailableError."""
        ...

    async def page(self, surface: str, after: RunKey | None, limit: int, /) -> list[FinishedRun]:
        """Return the next runs in the order of their keys; None begins at the beginning. Raises RunStoreUnavailableError."""
        ...

    async def between(self, surface: str, first: RunKey, last: RunKey, /) -> list[FinishedRun]:
        """Return the runs of the surface from one key to another, both included. Raises RunStoreUnavailableError."""
        ...


def key_of(run: FinishedRun) -> RunKey:
    """Return the run's key."""
    return run.tenant_id, run.user_id, run.thread_id, run.run_id


def in_order(runs: Iterable[FinishedRun]) -> list[FinishedRun]:
    """Return the runs in the order of their beginning, oldest first; if two began together, the smaller id first."""
    return sorted(runs, key=lambda run: (run.started_at, run.run_id))


#: The frames that end an agent, and the one that ends a run of the other surfaces.
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
    """Return what is kept of a run.

    Args:
        asked: whose run it was, where and when.
        payload: what was asked.
        frames: (event type, JSON) of each event, in order.
        engine: what answered.
        outcome: how it ended; only a completed run has an answer, since what a failed one said last may be half of one.
        duration_s: on the monotonic clock.
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
    """Return what the last answering frame says; a tool's answer as JSON. None when no frame answers."""
    last = None
    for kind, data in frames:
        if kind in _ANSWERING:
            last = data
    if last is None:
        return None
    try:
        payload = _frame.decode(last).payload
    except msgspec.MsgspecError:
        return None  # a frame outside the event contract answers nothing that can be kept
    if payload is None or payload.result is None:
        return None
    value = bytes(payload.result.value)
    return payload.result.final_answer if value == b"null" else value.decode()
