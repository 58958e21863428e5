"""The nouns. All are frozen; they cross tasks and processes as MessagePack arrays (`encode`, `decode`).

Payloads, requests and replies stay encoded JSON (`bytes`): they are stored as the engine wrote them, and most of them are never decoded.
"""

from collections.abc import AsyncGenerator
from enum import StrEnum
from typing import Any, Final, Literal, Protocol

import msgspec

from migration.sentence import Sentence


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
"""How a run ended. `cancelled`: its user stopped it or left. `cut`: the serving process stopped before the run ended."""
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

NOT_SAMPLED: Final = "not_sampled"
"""The reason why a run has no comparison if it was not drawn for shadowing."""


class Verdict(StrEnum):
    """The verdict on a comparison, or on one divergence in it. Listed from best to worst; a comparison has the worst verdict of its
    divergences.
    """

    MATCH = "match"
    NOISE = "noise"
    ACCEPTED = "accepted"
    DIVERGENT = "divergent"
    INCONCLUSIVE = "inconclusive"


class Noun(msgspec.Struct, frozen=True, kw_only=True, array_like=True, forbid_unknown_fields=True):
    """The common base of the nouns: frozen, keyword-only, encoded as an array. New fields go last and have a default.

    Nouns that occur hundreds of times in a run cannot be part of a cycle, so the garbage collector need not check them (`gc=False`).
    """


class RunRequest(Noun, frozen=True, kw_only=True):
    """What a user asked for. Both engines get the same one."""

    surface: str
    tenant_id: str
    user_id: str
    thread_id: str
    run_id: str
    payload: bytes  #: JSON object, in the backend's own form
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
    """One item of the stream that a run emits to the user."""

    kind: str  #: the event's type, e.g. "agent_started"
    lane: str  #: causal lane: "data" for an agent, "data/usage_summary#1" for its first call of that tool; "" for the run itself
    payload: bytes  #: JSON object: the frame as the user sees it
    at_s: float  #: seconds since run start, on the monotonic clock


class EffectError(Noun, frozen=True, kw_only=True, gc=False):
    """How a recorded effect failed."""

    type: str  #: class name, without module
    message: str


class Effect(Noun, frozen=True, kw_only=True, gc=False):
    """One call that a run made to the outside.

    Model effects speak the OpenAI chat format: the request is a chat completion request (`messages`, `tools`, ...), the reply is
    `{"message": <assistant message>, "usage": <usage or null>}`. Tool effects: request `{"name", "arguments"}`, reply any JSON.
    """

    kind: EffectKind
    name: str  #: model or tool name; "now" for the clock; the purpose of an id
    lane: str  #: the lane that asked, e.g. an agent
    key: str  #: kind, name, lane, digest of the canonical request, and its number among equal ones
    request: bytes | None  #: JSON; None if the recording does not contain it: such an effect answers in sequence
    reply: bytes | None  #: JSON; None if it failed
    error: EffectError | None
    started_s: float  #: seconds since run start
    duration_s: float
    performed_by_shadow: bool = False  #: of a shadow: not in its journal, and really performed, as the miss policy permits


FailoverResult = Literal["saved", "control_failed", "stopped", "ended", "answered", "irreversible", "unclosed", "unrecorded", "refused"]
"""The result of a run that its candidate failed: `saved` by control; `control_failed` too; `stopped` by its reader while control ran; or
why control could not resume it: see `Past` in `migration/failover/commit.py`.
"""


class FailedOver(Noun, frozen=True, kw_only=True):
    """How its candidate failed a run that control resumed."""

    reason: str  #: class name of its exception, or kind of the event that announced the failure, or "unfinished": its stream just stopped
    outcome: Outcome  #: of its part of the run
    events: int  #: delivered before
    build: str  #: the version of its code


class RunRecord(Noun, frozen=True, kw_only=True):
    """What one engine did with one request."""

    request: RunRequest
    origin: Origin  #: which engine ran
    events: tuple[Event, ...]  #: in arrival order; () if it failed before its first event
    journal: tuple[Effect, ...]  #: performed (serving) or asked for (shadowing), in order
    outcome: Outcome
    duration_s: float
    trace_id: str | None  #: 32 hex digits; None if the run was not traced
    error: EffectError | None = None  #: the exception that ended the stream; None if it ended normally
    #: how the run went over to control: in the record of the whole run (control's), and in that of the part of its candidate, which failed
    failover: FailedOver | None = None


class RunLog(Noun, frozen=True, kw_only=True):
    """The log of a run. It is scanned and dropped: never stored, never shown."""

    lines: tuple[str, ...]  #: with their tracebacks and the additional texts of their records
    lost: int = 0  #: lines beyond the limits, or that could not be read


class Timing(Noun, frozen=True, kw_only=True):
    """Where one run spent its time."""

    duration_s: float
    effect_s: float  #: time with at least one open effect; overlapping effects count once
    first_event_s: float | None  #: None if no event came
    longest_gap_s: float | None = (
        None  #: the longest time between two successive events; None if fewer than two came, or it was not recorded
    )

    @property
    def engine_s(self) -> float:
        """The engine's own share: duration minus effect time, at least 0."""
        return max(0.0, self.duration_s - self.effect_s)


class Divergence(Noun, frozen=True, kw_only=True):
    """One classified difference. `control` and `candidate` name the engines, whichever served."""

    kind: DivergenceKind
    severity: Severity
    fingerprint: str  #: 12 hex digits, stable over runs, ids and values
    lane: str
    path: str  #: where in the event or effect, e.g. "agent_completed.payload.result.success"
    control: str | None  #: JSON text; None if that side has nothing there
    candidate: str | None
    sentence: Sentence  #: what differs, in English
    verdict: Verdict = Verdict.DIVERGENT  #: DIVERGENT, ACCEPTED or NOISE
    accepted_by: str | None = None  #: id of the ledger entry
    occurrences: int = 1  #: how often it occurs in this comparison; all occurrences of one fingerprint are one divergence
    note: str = ""  #: a sentence about its verdict, such as why the ledger accepts only a part; "": there is none
    follows: tuple[str, ...] = ()  #: its consequences, one clause each, such as "missing_event agent_completed of data"


class Basis(Noun, frozen=True, kw_only=True):
    """What a comparison was made with. Comparisons of different bases do not add up to one rate: their rules or engines differ."""

    policy: str  #: digest of the surface's policy
    ledger: str  #: digest of the accepted divergences
    build: str  #: of the engines: their name or a digest of their code; "": not known
    tool: str  #: version of this tool


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
    reasons: tuple[Sentence, ...] = ()  #: why it is inconclusive; () otherwise
    trace_id: str | None = None
    effects_recorded: int = 0  #: by the serving run
    effects_replayed: int = 0  #: answered from the journal
    effects_missing: int = 0  #: asked for, but not in the journal: refused, or performed as permitted
    effects_performed_by_shadow: int = 0  #: 0 unless the miss policy permits some; measured, not assumed
    effects_permitted: int = 0  #: permitted by the miss policy; if more were performed, a promise was broken
    not_looked_at: tuple[str, ...] = ()  #: what was left out without a doubt about the rest, such as the scan for other people's data
    basis: Basis | None = None  #: what it was made with; None: not known
    failover: FailedOver | None = None  #: how candidate failed the run, which control resumed: its failure, whatever the rest says


class Engine(Protocol):
    """The interface of the engines that are migrated: anything that answers a request with a stream of events."""

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
        """Accept the pair silently.

        Raises:
            ConfigurationError: the surface accepts no conversations, or has no agent of this name; the message lists the valid ones.
        """
        ...


class ReadingEngines(EngineBuilder, Protocol):
    """Makes engines whose read-only tools answer for real: for replays under the miss policy `allow`."""

    @property
    def read_only(self) -> frozenset[str]:
        """The names of the tools that the engines can reach. Those of them that the surfaces declare read-only may be called."""
        ...


_encoder = msgspec.msgpack.Encoder()


def encode(noun: Noun) -> bytes:
    """Return the noun as a MessagePack array."""
    return _encoder.encode(noun)
