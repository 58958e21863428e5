"""The nouns. All are frozen; they cross tasks and processes as MessagePack arrays (`encode`, `decode`).

Payloads, requests and replies stay encoded JSON (`bytes`): what an engine wrote is what is kept, and most of it is never decoded.
"""

from collections.abc import AsyncGenerator
from enum import StrEnum
from typing import Any, Literal, Protocol

import msgspec


class Origin(StrEnum):
    """Which of a surface's two engines. LaunchDarkly calls them `old` and `new`."""

    CONTROL = "control"
    CANDIDATE = "candidate"

    @property
    def other(self) -> "Origin":
        """The engine on the other side of the comparison."""
        return Origin.CANDIDATE if self is Origin.CONTROL else Origin.CONTROL


class Stage(StrEnum):
    """LaunchDarkly's migration stages, in order."""

    OFF = "off"
    DUALWRITE = "dualwrite"
    SHADOW = "shadow"
    LIVE = "live"
    RAMPDOWN = "rampdown"
    COMPLETE = "complete"


Outcome = Literal["completed", "failed", "timed_out", "cancelled", "cut"]
"""`cancelled`: its user stopped it or left. `cut`: the serving process stopped before the run ended."""
EffectKind = Literal["model", "tool", "clock", "id"]
DivergenceKind = Literal[
    "missing_event",
    "extra_event",
    "duplicate_event",
    "causal_reorder",
    "payload",
    "terminal_state",
    "error",
    "effect_changed",
    "effect_missing",
    "effect_extra",
    "isolation_breach",
    "control_cross_talk",
    "contract_violation",
    "latency",
]
Severity = Literal["security", "contract", "reliability", "observability", "cosmetic"]


class Verdict(StrEnum):
    """Of a comparison, or of one divergence in it. Listed from best to worst; a comparison has the worst of its divergences."""

    MATCH = "match"
    NOISE = "noise"
    ACCEPTED = "accepted"
    DIVERGENT = "divergent"
    INCONCLUSIVE = "inconclusive"


class Noun(msgspec.Struct, frozen=True, kw_only=True, array_like=True, forbid_unknown_fields=True):
    """What the nouns share: frozen, keyword-only, encoded as an array. New fields go last and have a default.

    Those that a run has hundreds of cannot be part of a cycle, so the garbage collector need not look at them (`gc=False`).
    """


class RunRequest(Noun, frozen=True, kw_only=True):
    """What a user asked for. Both engines get the same one."""

    surface: str
    tenant_id: str
    user_id: str
    thread_id: str
    run_id: str
    payload: bytes  #: JSON object, in the backend's own shape
    received_at: float  #: Unix seconds
    attributes: bytes = b""  #: JSON object: attributes of the tenant that came with the request, for rules of flags; b"": none

    @property
    def body(self) -> Any:  # noqa: ANN401 - any JSON
        """The payload, decoded.

        Raises:
            msgspec.DecodeError: it is not JSON.
        """
        return msgspec.json.decode(self.payload)


class Event(Noun, frozen=True, kw_only=True, gc=False):
    """One item of the stream a run emits to the user."""

    kind: str  #: the event's type, e.g. "agent_started"
    lane: str  #: causal lane: "data" for an agent, "data/usage_summary#1" for its first call of that tool; "" for the run itself
    payload: bytes  #: JSON object: the frame as the user sees it
    at_s: float  #: seconds since run start, on the monotonic clock


class EffectError(Noun, frozen=True, kw_only=True, gc=False):
    """How a recorded effect failed."""

    type: str  #: class name, without module
    message: str


class Effect(Noun, frozen=True, kw_only=True, gc=False):
    """One call a run made to the outside.

    Model effects speak the OpenAI chat format: the request is a chat completion request (`messages`, `tools`, ...), the reply is
    `{"message": <assistant message>, "usage": <usage or null>}`. Tool effects: request `{"name", "arguments"}`, reply any JSON.
    """

    kind: EffectKind
    name: str  #: model or tool name; "now" for the clock; what the id is for
    lane: str  #: who asked: the agent's lane
    key: str  #: kind, name, lane, digest of the canonical request, and occurrence among equals
    request: bytes | None  #: JSON; None when the recording does not hold it: such an effect answers in sequence
    reply: bytes | None  #: JSON; None when it failed
    error: EffectError | None
    started_s: float  #: seconds since run start
    duration_s: float
    performed_by_shadow: bool = False  #: of a shadow: not in the journal that it ran on, and performed for real, as the miss policy permits


class RunRecord(Noun, frozen=True, kw_only=True):
    """What one engine did with one request."""

    request: RunRequest
    origin: Origin  #: which engine ran
    events: tuple[Event, ...]  #: in arrival order; () if it failed before its first event
    journal: tuple[Effect, ...]  #: performed (serving) or asked for (shadowing), in order
    outcome: Outcome
    duration_s: float
    trace_id: str | None  #: 32 hex digits; None when the run was not traced
    error: EffectError | None = None  #: the exception that ended the stream; None when it ended by itself


class RunLog(Noun, frozen=True, kw_only=True):
    """What was logged while a run ran. It is scanned and forgotten: never stored, never shown."""

    lines: tuple[str, ...]  #: with their tracebacks and the texts that were logged beside them
    lost: int = 0  #: lines beyond the limits, or that could not be read


class Timing(Noun, frozen=True, kw_only=True):
    """Where one run spent its time."""

    duration_s: float
    effect_s: float  #: time with at least one effect under way; overlapping effects count once
    first_event_s: float | None  #: None when no event came
    longest_gap_s: float | None = None  #: the longest time between an event and the next; None when fewer than two came, or it was not kept

    @property
    def engine_s(self) -> float:
        """The engine's own share: duration minus effect time, at least 0."""
        return max(0.0, self.duration_s - self.effect_s)


class Divergence(Noun, frozen=True, kw_only=True):
    """One classified difference. `control` and `candidate` are relative to the engines, whichever served."""

    kind: DivergenceKind
    severity: Severity
    fingerprint: str  #: 12 hex digits, stable over runs, ids and values
    lane: str
    path: str  #: where in the event or effect, e.g. "agent_completed.payload.result.success"
    control: str | None  #: JSON text; None when that side has nothing there
    candidate: str | None
    sentence: str  #: what differs, in English
    verdict: Verdict = Verdict.DIVERGENT  #: DIVERGENT, ACCEPTED or NOISE
    accepted_by: str | None = None  #: id of the ledger entry
    occurrences: int = 1  #: how often it is in this comparison; all of one fingerprint are one divergence
    note: str = ""  #: a sentence on its verdict, such as why the ledger accepts only a part; "": nothing is to be added
    follows: tuple[
        str, ...
    ] = ()  #: differences with this one as their cause, a clause each, such as "missing_event agent_completed of data"


class Comparison(Noun, frozen=True, kw_only=True):
    """Control and candidate of the same request, side by side."""

    surface: str
    tenant_id: str
    user_id: str
    thread_id: str
    run_id: str
    stage: Stage
    serving: Origin
    verdict: Verdict
    divergences: tuple[Divergence, ...]
    control: Timing
    candidate: Timing
    reasons: tuple[str, ...] = ()  #: why it is inconclusive; () otherwise
    trace_id: str | None = None
    effects_recorded: int = 0  #: by the serving run
    effects_replayed: int = 0  #: answered from the journal
    effects_missing: int = 0  #: asked for, but not in the journal: refused, or performed as permitted
    effects_performed_by_shadow: int = 0  #: 0 unless the miss policy permits some; measured, not assumed
    effects_permitted: int = 0  #: let out by the miss policy; more performed than these is a broken promise
    not_looked_at: tuple[str, ...] = ()  #: what was left out without a doubt about the rest, such as the scan for other people's data


class Engine(Protocol):
    """What is being migrated: anything that answers a request with a stream of events."""

    def run(self, request: RunRequest, /) -> AsyncGenerator[Event, None]:
        """Return the run's events. Closing the generator stops the work; its exceptions are the run's own."""
        ...


class EngineBuilder(Protocol):
    """Makes an engine with fresh state, for replays. Named by an import string in the settings."""

    def __call__(self, surface: str, origin: Origin, /) -> Engine:
        """Return a new engine that shares no mutable state with any other.

        Raises:
            UnknownSurfaceError: the backend has no such surface.
        """
        ...


class ConversationCheck(Protocol):
    """Knows which surfaces answer recorded conversations, and by which agents. Named by an import string in the settings."""

    def __call__(self, surface: str, agent: str, /) -> None:
        """Accept the pair in silence.

        Raises:
            ConfigurationError: the surface takes no conversations, or no agent of it has this name; the message says which there are.
        """
        ...


class ReadingEngines(EngineBuilder, Protocol):
    """Makes engines whose tools answer for real, as far as these only read: for replays under the miss policy `allow`."""

    @property
    def read_only(self) -> frozenset[str]:
        """The names of the tools within the engines' reach. Of these, the ones that the surfaces declare read-only may be called."""
        ...


_encoder = msgspec.msgpack.Encoder()


def encode(noun: Noun) -> bytes:
    """Return the noun as a MessagePack array."""
    return _encoder.encode(noun)
