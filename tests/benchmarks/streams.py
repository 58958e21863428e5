"""Recorded runs for the benchmarks: agents that think, call tools and answer, 20 events each, in the backend's envelope."""

from typing import Any

import msgspec

from migration.model import Effect, Event, Origin, RunRecord, RunRequest

REQUEST = RunRequest(surface="chat", tenant_id="acme", user_id="ann", thread_id="thread-7", run_id="run-42", payload=b"{}", received_at=0.0)
CALLS = 8  #: tool calls an agent
Frame = dict[str, Any]
Said = tuple[str, Frame]  # lane, frame


def frames(agents: int, variant: int = 0) -> list[Said]:
    """Return what that many agents say. A variant differs in times and ids only."""
    said: list[tuple[str, str, Frame]] = []
    for number in range(agents):
        said += _agent(f"agent{number}", number, variant)
    return [(lane, _envelope(lane, kind, payload, place, variant)) for place, (lane, kind, payload) in enumerate(said, 1)]


def _agent(agent: str, number: int, variant: int) -> list[tuple[str, str, Frame]]:
    context = {"request_id": f"request-{variant}-{number}"}
    result = {"agent_name": agent, "success": True, "final_answer": "Use the small model.", "error": None}
    return [
        (agent, "agent_started", {"status": "started", "message": "Started.", "context": context}),
        (agent, "agent_thinking", {"reasoning": "What costs the most, and why?", "step_number": 1, "progress_percentage": 15}),
        *(event for call in range(CALLS) for event in _call(agent, number, call, variant)),
        (agent, "agent_thinking", {"reasoning": "Now the savings.", "step_number": 2, "progress_percentage": 30}),
        (agent, "agent_completed", {"status": "completed", "result": {**result, "duration_ms": 40.5 + variant, "step_count": 2}}),
    ]


def _call(agent: str, number: int, call: int, variant: int) -> list[tuple[str, str, Frame]]:
    lane, tool = f"{agent}/tool{call}#1", f"tool{call}"
    rows = f'{{"rows": [{number}, {call}, 12.5, 99], "currency": "USD", "note": "costs by model and day"}}'
    done = {"tool_name": tool, "result": rows, "execution_time_ms": 3.25 + variant, "status": "success"}
    return [
        (lane, "tool_executing", {"tool_name": tool, "parameters": {"days": 30, "model": "large-2"}}),
        (lane, "tool_completed", done),
    ]


def _envelope(lane: str, kind: str, payload: Frame, place: int, variant: int) -> Frame:
    return {
        "type": kind,
        "tenant_id": REQUEST.tenant_id,
        "user_id": REQUEST.user_id,
        "thread_id": REQUEST.thread_id,
        "run_id": REQUEST.run_id,
        "agent_name": lane.partition("/")[0],
        "sequence": place,
        "timestamp": 1.7e9 + variant * 100 + place / 8,
        "payload": payload,
    }


def events(said: list[Said]) -> tuple[Event, ...]:
    """Return the frames as events."""
    return tuple(
        Event(kind=frame["type"], lane=lane, payload=msgspec.json.encode(frame), at_s=place / 100)
        for place, (lane, frame) in enumerate(said)
    )


def prompt(number: int) -> bytes:
    """Return the request of the n-th model call: a prompt and a question of some 500 bytes."""
    question = f"What did model {number} cost us, and which one could take its place? " * 6
    messages = [{"role": "system", "content": "You find numbers about usage."}, {"role": "user", "content": question}]
    return msgspec.json.encode({"messages": messages, "temperature": 0.0})


def record(origin: Origin, said: list[Said], effects: int = 0) -> RunRecord:
    """Return the run that said this and asked a model that often, in turn by its first two agents."""
    journal = tuple(
        Effect(
            kind="model",
            name="default",
            lane=f"agent{number % 2}",
            key="",
            request=prompt(number),
            reply=b'{"message":{"role":"assistant","content":"The small one."},"usage":null}',
            error=None,
            started_s=number / 10,
            duration_s=0.05,
        )
        for number in range(effects)
    )
    return RunRecord(
        request=REQUEST, origin=origin, events=events(said), journal=journal, outcome="completed", duration_s=2.0, trace_id=None
    )
