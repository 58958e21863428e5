"""The types of the migration. All values are frozen; they are passed between tasks and processes as MessagePack arrays (`encode`,
`decode`).

Payloads, requests and replies stay encoded JSON (`bytes`): they are stored as the engine wrote them, and most of them are never decoded.
"""

from collections.abc import AsyncGenerator
from enum import StrEnum
from typing import Any, Final, Literal, Protocol

import msgspec

from migration.sentence import Sentence


class Origin(StrEnum):
    """One of a surface's two engines. LaunchDarkly calls them `old` and `new`."""

    CONTROL = "control"
    CANDIDATE = "candidate"

    @property
    def other(self) -> "Origin":
        """The other engine of the surface."""
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
"""How a run ended. `cancelled`: the user stopped the run or left. `cut`: the serving process stopped before the run ended."""
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
"""The reason why a run has no comparison: it was not drawn for shadowing."""


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
    """The base class of the types: frozen, keyword-only, encoded as an array. New fields must be last and have a default.

    Values that occur hundreds of times in a run cannot be part of a reference cycle, so the garbage collector need not check them
    (`gc=False`).
    """


class RunRequest(Noun, frozen=True, kw_only=True):
    """A user's request. Both engines get the same request."""

    surface: str
    tenant_id: str
    user_id: str
    thread_id: str
    run_id: str
    payload: bytes  #: JSON object, in the backend's own form
    received_at: float  #: Unix seconds
    attributes: bytes = b""  #: JSON object: the tenant's attributes in the request, for rules of flags; b"": none

    @property
    def body(self) -> Any:  # noqa: ANN401 - any JSON
        """The payload, decoded.

        Raises: msgspec.DecodeError: the payload is not JSON.
        """
        return msgspec.json.decode(self.payload)


class Event(Noun, frozen=True, kw_only=True, gc=False):
    """One item of the stream that a run emits to the user."""

    kind: str  #: the event's type, e.g. "agent_started"
    lane: str  #: the lane: "data" for an agent, "data/usage_summary#1" for its first call of that tool; "" for the run itself
    payload: bytes  #: JSON object: the frame that the user gets
    at_s: float  #: seconds since run start, on the monotonic clock


class EffectError(Noun, frozen=True, kw_only=True, gc=False):
    """How a recorded effect failed."""

    type: str  #: class name, without module
    message: str


class Effect(Noun, frozen=True, kw_only=True, gc=False):
    """One call that a run made to the outside.

    Model effects have the OpenAI chat format: the request is a chat completion request (`messages`, `tools`, ...), the reply is
    `{"message": <assistant message>, "usage": <usage or null>}`. Tool effects: request `{"name", "arguments"}`, reply any JSON.
    """

    kind: EffectKind
    name: str  #: model or tool name; "now" for the clock; the purpose of an id
    lane: str  #: the lane that made the call, e.g. an agent
    key: str  #: kind, name, lane, digest of the canonical request, and the position among equal requests
    request: bytes | None  #: JSON; None if the recording does not contain the request: then replies are given in their recorded order
    reply: bytes | None  #: JSON; None if the effect failed
    error: EffectError | None
    started_s: float  #: seconds since run start
    duration_s: float
    performed_by_shadow: bool = False  #: a shadow's effect that is not in its journal and was really performed, as the miss policy permits


FailoverResult = Literal["saved", "control_failed", "stopped", "ended", "answered", "irreversible", "unclosed", "unrecorded", "refused"]
"""The result of a run that candidate failed. `saved`: control completed it; `control_failed`: control failed too; `stopped`: its reader
left while control ran. The others say why control could not resume it: see `Past` in `migration/failover/commit.py`.
"""


class FailedOver(Noun, frozen=True, kw_only=True):
    """How candidate failed a run that control then resumed."""

    reason: str  #: class name of the exception, kind of the event that announced the failure, or "unfinished": the stream just stopped
    outcome: Outcome  #: outcome of candidate's part of the run
    events: int  #: number of events delivered before the failure
    build: str  #: version of candidate's code


class RunRecord(Noun, frozen=True, kw_only=True):
    """The record of one run: what one engine did with one request."""

    request: RunRequest
    origin: Origin  #: which engine ran
    events: tuple[Event, ...]  #: in arrival order; () if the run failed before its first event
    journal: tuple[Effect, ...]  #: performed (serving) or requested (shadow), in order; () if nobody needed the served run's effects
    outcome: Outcome
    duration_s: float
    trace_id: str | None  #: 32 hex digits; None if the run was not traced
    error: EffectError | None = None  #: the exception that ended the stream; None if it ended normally
    #: how candidate failed, if control resumed the run; set in the record of the whole run and in the record of candidate's part
    failover: FailedOver | None = None


class RunLog(Noun, frozen=True, kw_only=True):
    """The log of a run. It is scanned and then dropped; it is never stored or shown."""

    lines: tuple[str, ...]  #: log lines, each with the traceback and the additional texts of its log record
    lost: int = 0  #: number of lines that exceeded the limits or could not be read


class Timing(Noun, frozen=True, kw_only=True):
    """Where one run spent its time."""

    duration_s: float
    effect_s: float  #: time with at least one open effect; overlapping effects count once
    first_event_s: float | None  #: None if there was no event
    longest_gap_s: float | None = (
        None  #: the longest time between two successive events; None if there were fewer than two, or the time was not recorded
    )

    @property
    def engine_s(self) -> float:
        """The engine's own time: duration minus effect time, at least 0."""
        return max(0.0, self.duration_s - self.effect_s)


class Divergence(Noun, frozen=True, kw_only=True):
    """One classified difference. `control` and `candidate` name the engines, whichever of them served."""

    kind: DivergenceKind
    severity: Severity
    fingerprint: str  #: 12 hex digits, the same for all runs, ids and values
    lane: str
    path: str  #: the place in the event or effect, e.g. "agent_completed.payload.result.success"
    control: str | None  #: JSON text; None if that engine has no value there
    candidate: str | None
    sentence: Sentence  #: what differs, in English
    verdict: Verdict = Verdict.DIVERGENT  #: DIVERGENT, ACCEPTED or NOISE
    accepted_by: str | None = None  #: id of the ledger entry
    occurrences: int = 1  #: number of occurrences in this comparison; all occurrences of one fingerprint are one divergence
    note: str = ""  #: a sentence about the verdict, such as why the ledger accepts only a part; "": there is none
    follows: tuple[str, ...] = ()  #: this divergence's consequences, one clause each, such as "missing_event agent_completed of data"


class Basis(Noun, frozen=True, kw_only=True):
    """The policy, ledger, engines and tool of a comparison.

    Comparisons with different bases are not added up to one rate, because their rules or engines differ.
    """

    policy: str  #: digest of the surface's policy
    ledger: str  #: digest of the accepted divergences
    build: str  #: build of the engines: its name or a digest of their code; "": not known
    tool: str  #: version of the migration's code


class Comparison(Noun, frozen=True, kw_only=True):
    """The result of comparing the runs of control and candidate for the same request."""

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
    reasons: tuple[Sentence, ...] = ()  #: why the comparison is inconclusive; () if it is not
    trace_id: str | None = None
    effects_recorded: int = 0  #: number of effects that the serving run performed
    effects_replayed: int = 0  #: number of the shadow's effects with a reply from the journal
    effects_missing: int = 0  #: number of the shadow's effects that are not in the journal: refused, or performed as permitted
    effects_performed_by_shadow: int = 0  #: number of effects that the shadow performed; measured; 0 unless the miss policy permits some
    effects_permitted: int = 0  #: number of effects that the miss policy permitted; performing more is an error
    not_looked_at: tuple[str, ...] = ()  #: parts left out without an effect on the verdict, such as the scan for other people's data
    basis: Basis | None = None  #: policy, ledger, engines and tool of this comparison; None: not known
    failover: FailedOver | None = None  #: how candidate failed the run that control resumed; if set, candidate counts as failed
    control_tokens: tuple[int, int] = (0, 0)  #: input and output tokens of the model calls of control, as the model reported them
    candidate_tokens: tuple[int, int] = (0, 0)


class Engine(Protocol):
    """The interface of the engines that are migrated: anything that answers a request with a stream of events."""

    def run(self, request: RunRequest, /) -> AsyncGenerator[Event, None]:
        """Return the run's events. Closing the generator stops the run; the generator raises the run's own exceptions."""
        ...


class EngineBuilder(Protocol):
    """Makes an engine with fresh state, for replays. Named by an import string in the settings."""

    def __call__(self, surface: str, origin: Origin, /) -> Engine:
        """Return a new engine that shares no mutable state with any other engine.

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
    """Makes engines whose read-only tools are really called, for replays with the miss policy `allow`."""

    @property
    def read_only(self) -> frozenset[str]:
        """The names of the tools that the engines can reach. Only the tools that the surfaces declare read-only may be called."""
        ...


_encoder = msgspec.msgpack.Encoder()


def encode(noun: Noun) -> bytes:
    """Return the value as a MessagePack array."""
    return _encoder.encode(noun)
