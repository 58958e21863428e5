"""Builds runs of a correct engine, and lets tests change them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from migration.comparison import Policy
from migration.comparison.compare import compare
from migration.model import Comparison, Effect, EffectError, Event, Origin, Outcome, RunRecord, RunRequest, Stage

REQUEST = RunRequest(
    surface="chat",
    tenant_id="acme",
    user_id="ann",
    thread_id="thread-7",
    run_id="run-42",
    payload=b'{"message":"Where does our money go?","agent":"supervisor","history":[]}',
    received_at=1_700_000_000.0,
)


@dataclass
class Frame:
    """One event before it is encoded; tests change it freely."""

    kind: str
    lane: str
    payload: dict[str, Any]
    envelope: dict[str, Any] = field(default_factory=dict)
    raw: bytes | None = None


@dataclass
class Run:
    """One run before it is frozen."""

    frames: list[Frame]
    effects: list[Effect]
    outcome: Outcome = "completed"
    error: EffectError | None = None
    request: RunRequest = REQUEST
    variant: int = 0  #: another one gives other timestamps, durations and ids

    def find(self, kind: str, lane: str, nth: int = 0) -> int:
        return [i for i, frame in enumerate(self.frames) if frame.kind == kind and frame.lane == lane][nth]

    def frame(self, kind: str, lane: str, nth: int = 0) -> Frame:
        return self.frames[self.find(kind, lane, nth)]

    def drop(self, kind: str, lane: str, nth: int = 0) -> None:
        del self.frames[self.find(kind, lane, nth)]

    def move(self, kind: str, lane: str, to: int, nth: int = 0) -> None:
        self.frames.insert(to, self.frames.pop(self.find(kind, lane, nth)))

    def record(self, origin: Origin) -> RunRecord:
        events = tuple(self._event(frame, number) for number, frame in enumerate(self.frames, 1))
        return RunRecord(
            request=self.request,
            origin=origin,
            events=events,
            journal=tuple(self.effects),
            outcome=self.outcome,
            duration_s=1.0 + self.variant / 7,
            trace_id=None,
            error=self.error,
        )

    def _event(self, frame: Frame, number: int) -> Event:
        envelope = {
            "type": frame.kind,
            "tenant_id": self.request.tenant_id,
            "user_id": self.request.user_id,
            "thread_id": self.request.thread_id,
            "run_id": self.request.run_id,
            "agent_name": frame.lane.partition("/")[0],
            "sequence": number,
            "timestamp": 1_700_000_000.0 + self.variant * 100 + number / 16,
            "payload": frame.payload,
            **frame.envelope,
        }
        encoded = frame.raw if frame.raw is not None else msgspec.json.encode(envelope)
        return Event(kind=frame.kind, lane=frame.lane, payload=encoded, at_s=number * 0.01)


def tool_call(lane: str, tool: str, parameters: dict[str, Any], result: str, variant: int) -> list[Frame]:
    done = {"tool_name": tool, "result": result, "execution_time_ms": 3.5 + variant, "status": "success"}
    return [Frame("tool_executing", lane, {"tool_name": tool, "parameters": parameters}), Frame("tool_completed", lane, done)]


def agent_frames(agent: str, calls: Iterable[tuple[str, dict[str, Any], str]], variant: int) -> list[Frame]:
    context = {"request_id": f"req-{variant}-{agent}", "question": "cost"}
    frames = [
        Frame("agent_started", agent, {"status": "started", "message": f"The {agent} agent started.", "context": context}),
        Frame("agent_thinking", agent, {"reasoning": f"{agent} looks at the question", "step_number": 1, "progress_percentage": 15}),
    ]
    seen: dict[str, int] = {}
    for tool, parameters, result in calls:
        seen[tool] = seen.get(tool, 0) + 1
        frames += tool_call(f"{agent}/{tool}#{seen[tool]}", tool, parameters, result, variant)
    frames.append(Frame("agent_thinking", agent, {"reasoning": f"{agent} weighs the numbers", "step_number": 2, "progress_percentage": 30}))
    result = {
        "agent_name": agent,
        "success": True,
        "final_answer": f"{agent} found 4 models that cost 12.5 dollars",
        "error": None,
        "duration_ms": 41.25 + variant,
        "step_count": 2,
    }
    frames.append(Frame("agent_completed", agent, {"status": "completed", "result": result}))
    return frames


def effect(kind: str, name: str, lane: str, request: Any, *, at_s: float = 0.0, error: EffectError | None = None) -> Effect:
    encoded = request if request is None or isinstance(request, bytes) else msgspec.json.encode(request)
    reply = None if error else b'{"ok":true}'
    taken_s = 0.0 if error else 0.1
    return Effect(kind=kind, name=name, lane=lane, key="", request=encoded, reply=reply, error=error, started_s=at_s, duration_s=taken_s)


def model_effect(lane: str, *said: str) -> Effect:
    messages = [{"role": "system", "content": f"You are the {lane} agent."}, *({"role": "user", "content": text} for text in said)]
    return effect("model", "default", lane, {"messages": messages, "temperature": 0.0})


def make_run(variant: int = 0) -> Run:
    """Return what a correct engine does: three agents, three tool calls, six effects."""
    usage = ("usage_summary", {"days": 30}, '{"cost": 12.5}')
    frames = [
        *agent_frames("triage", [], variant),
        *agent_frames("data", [usage, ("price_lookup", {"model": "a"}, "{}"), ("price_lookup", {"model": "b"}, "{}")], variant),
        *agent_frames("reporting", [], variant),
    ]
    effects = [
        model_effect("triage", "Where does our money go?"),
        model_effect("data", "Where does our money go?"),
        effect("tool", "usage_summary", "data", {"name": "usage_summary", "arguments": {"days": 30}}),
        effect("tool", "price_lookup", "data", {"name": "price_lookup", "arguments": {"model": "a"}}),
        effect("tool", "price_lookup", "data", {"name": "price_lookup", "arguments": {"model": "b"}}),
        model_effect("reporting", "Where does our money go?"),
    ]
    one_by_one = [msgspec.structs.replace(one, started_s=0.2 * place) for place, one in enumerate(effects)]
    return Run(frames, one_by_one, variant=variant)


def compare_runs(control: Run, candidate: Run, **options: Any) -> Comparison:
    options = {"stage": Stage.SHADOW, "serving": Origin.CONTROL, **options}
    return compare(control.record(Origin.CONTROL), candidate.record(Origin.CANDIDATE), **options)


@pytest.fixture
def run() -> Callable[..., Run]:
    return make_run


@pytest.fixture
def new_frame() -> type[Frame]:
    return Frame


@pytest.fixture
def new_effect() -> Callable[..., Effect]:
    return effect


@pytest.fixture
def compared() -> Callable[..., Comparison]:
    return compare_runs


@pytest.fixture
def changed() -> Callable[..., Comparison]:
    """Compare a correct run with one that was changed, under other ids and times."""

    def compare_changed(change: Callable[[Run], object], *, policy: Policy | None = None, **options: Any) -> Comparison:
        candidate = make_run(variant=1)
        change(candidate)
        return compare_runs(make_run(), candidate, policy=policy, **options)

    return compare_changed
