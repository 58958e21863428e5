"""Two runs of one request that hold nothing of anybody else's, and people whose data may get into them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from migration.isolation import Canaries, Identity, Inspector, Registry
from migration.model import (
    Comparison,
    Divergence,
    Effect,
    EffectError,
    Event,
    Origin,
    RunLog,
    RunRecord,
    RunRequest,
    Stage,
    Timing,
    Verdict,
)

ANN = Identity(tenant_id="acme", user_id="ann.lee@acme.example", thread_id="thread-5b1e77aa90c3", run_id="9d3f1c44e0b84f6f8f3c2a7d51c09b1e")
BOB = Identity(
    tenant_id="tenant-7f3a9c",
    user_id="bob.ray@initech.example",
    thread_id="c0ffee11-51a2-4c3d-9e0f-7a6b5c4d3e2f",
    run_id="5e884898da28047151d0e56f8dc62927",
)
CAT = Identity(tenant_id="acme", user_id="cat.orr@acme.example", thread_id="thread-77ab01cd23ef", run_id="77e2d9a0c1b34f5e8d7c6b5a49382716")
NOW = Timing(duration_s=0.1, effect_s=0.0, first_event_s=0.0)


@dataclass(kw_only=True)
class Run:
    """One run before it is frozen."""

    origin: Origin
    frames: list[tuple[str, str, dict[str, Any]]]
    effects: list[Effect]
    request: RunRequest
    error: EffectError | None = None
    envelope: dict[str, Any] = field(default_factory=dict)

    def record(self) -> RunRecord:
        identity = msgspec.structs.asdict(Identity.of(self.request))
        events = tuple(
            Event(
                kind=kind,
                lane=lane,
                payload=msgspec.json.encode(
                    {"type": kind, **identity, **self.envelope, "agent_name": lane, "sequence": number, "payload": payload}
                ),
                at_s=0.0,
            )
            for number, (kind, lane, payload) in enumerate(self.frames)
        )
        return RunRecord(
            request=self.request,
            origin=self.origin,
            events=events,
            journal=tuple(self.effects),
            outcome="completed",
            duration_s=0.1,
            trace_id=None,
            error=self.error,
        )


def make_request(owner: Identity, message: str = "What did we spend?") -> RunRequest:
    payload = msgspec.json.encode({"message": message, "agent": "data", "history": []})
    return RunRequest(surface="chat", payload=payload, received_at=0.0, **msgspec.structs.asdict(owner))


def make_effect(name: str, request: Any, reply: Any, *, error: EffectError | None = None) -> Effect:
    return Effect(
        kind="model" if name == "default" else "tool",
        name=name,
        lane="data",
        key="",
        request=msgspec.json.encode(request),
        reply=None if error else msgspec.json.encode(reply),
        error=error,
        started_s=0.0,
        duration_s=0.0,
    )


def make_run(origin: Origin, owner: Identity = ANN, message: str = "What did we spend?") -> Run:
    said = {"role": "user", "content": message}
    answer = {"message": {"role": "assistant", "content": "You spent 3 EUR."}, "usage": None}
    return Run(
        origin=origin,
        frames=[
            ("agent_started", "data", {"status": "started", "context": {"user_id": owner.user_id, "run_id": owner.run_id}}),
            ("agent_completed", "data", {"status": "completed", "result": {"final_answer": "You spent 3 EUR."}}),
        ],
        effects=[
            make_effect("usage_summary", {"name": "usage_summary", "arguments": {"days": 30}}, {"rows": [{"cost": 3}]}),
            make_effect("default", {"messages": [said]}, answer),
        ],
        request=make_request(owner, message),
    )


def make_comparison(served: RunRecord, divergences: tuple[Divergence, ...] = (), verdict: Verdict = Verdict.MATCH) -> Comparison:
    return Comparison(
        surface="chat",
        stage=Stage.SHADOW,
        serving=served.origin,
        verdict=verdict,
        divergences=divergences,
        control=NOW,
        candidate=NOW,
        **msgspec.structs.asdict(Identity.of(served.request)),
    )


@dataclass(kw_only=True)
class Pair:
    """Control that served, and candidate that shadowed; the inspector knows Bob (another tenant) and Cat (another user of Ann's)."""

    inspector: Inspector
    control: Run = field(default_factory=lambda: make_run(Origin.CONTROL))
    candidate: Run = field(default_factory=lambda: make_run(Origin.CANDIDATE))
    known: tuple[Identity, ...] = (BOB, CAT)
    served_log: RunLog | None = None
    log: RunLog | None = None

    def inspected(self, *divergences: Divergence, verdict: Verdict = Verdict.MATCH) -> Comparison:
        served = self.control.record()
        comparison = make_comparison(served, divergences, verdict)
        shadow = self.candidate.record()
        inspection = self.inspector.scan(served, shadow, neighbours=self.known, served_log=self.served_log, log=self.log)
        return inspection.reported_in(comparison)

    def found(self) -> list[tuple[str, str, str]]:
        """What leaked, on which side, and where."""
        told = []
        for one in self.inspected().divergences:
            sides = [name for name in ("control", "candidate") if getattr(one, name) is not None]
            value = msgspec.json.decode(one.control or one.candidate or "{}")
            told.append((f"{value['of']}: {value['kind']}", "+".join(sides), one.path))
        return told


class Clock:
    """Every look at it is an hour later."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 3600.0
        return self.now_s


@pytest.fixture
def ann() -> Identity:
    return ANN


@pytest.fixture
def bob() -> Identity:
    return BOB


@pytest.fixture
def cat() -> Identity:
    return CAT


@pytest.fixture
def canaries() -> Canaries:
    return Canaries(b"a key of the tests")


@pytest.fixture
def inspector(canaries: Canaries) -> Inspector:
    return Inspector(canaries, Registry(clock=Clock()))


@pytest.fixture
def pair(inspector: Inspector) -> Pair:
    return Pair(inspector=inspector)


@pytest.fixture
def effect() -> Callable[..., Effect]:
    return make_effect


@pytest.fixture
def request_of() -> Callable[..., RunRequest]:
    return make_request


@pytest.fixture
def run_of() -> Callable[..., Run]:
    return make_run
