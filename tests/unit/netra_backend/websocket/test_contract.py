"""The checker passes a good stream and names every single breach of it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from netra_backend.app.websocket.contract import check_contract

Event = dict[str, Any]
RESULT = {"agent_name": "data", "success": True, "final_answer": "3", "error": None, "duration_ms": 4.0, "step_count": 2}


def stream(*events: tuple[str, dict[str, Any]]) -> list[Event]:
    ids = {"tenant_id": "acme", "user_id": "ann", "thread_id": "t", "run_id": "r", "agent_name": "data"}
    return [
        {"type": kind, **ids, "sequence": number, "timestamp": 1.0, "payload": payload} for number, (kind, payload) in enumerate(events, 1)
    ]


def good() -> list[Event]:
    return stream(
        ("agent_started", {"status": "started", "message": "m", "context": {}}),
        ("agent_thinking", {"reasoning": "r", "step_number": 1, "progress_percentage": 10}),
        ("tool_executing", {"tool_name": "usage", "parameters": {}}),
        ("tool_completed", {"tool_name": "usage", "result": "3", "execution_time_ms": 1.0, "status": "success"}),
        ("agent_thinking", {"reasoning": "r", "step_number": 2, "progress_percentage": 20}),
        ("agent_completed", {"status": "completed", "result": dict(RESULT)}),
    )


def test_a_good_stream_has_no_breach() -> None:
    assert check_contract(json.dumps(event).encode() for event in good()) == []


def set_in(index: int, *path: str, to: object) -> Callable[[list[Event]], None]:
    def change(events: list[Event]) -> None:
        place: Any = events[index]
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = to

    return change


def fail_it(events: list[Event]) -> None:
    events[-1]["payload"] = {"status": "failed", "result": {**RESULT, "success": False, "error": "broken"}}


def die(events: list[Event]) -> None:
    death = {**events[1], "type": "agent_death", "payload": {"death_cause": "timeout", "recovery_action": "again"}, "sequence": 5.5}
    events.insert(5, {**death, "sequence": 6})
    events[-1]["sequence"] = 7


def repeat(index: int) -> Callable[[list[Event]], None]:
    return lambda events: events.insert(index, dict(events[index]))


BREACHES: list[tuple[Callable[[list[Event]], object], str]] = [
    (lambda events: events.pop(0), "agent_started came 0 times"),
    (repeat(0), "agent_started came 2 times"),
    (lambda events: events.insert(0, events.pop(1)), "agent_thinking came first"),
    (lambda events: events.pop(), "agent_completed came 0 times"),
    (repeat(5), "agent_completed came 2 times"),
    (lambda events: events.append(events.pop(1)), "agent_thinking came last"),
    (lambda events: [events.pop(4), events.pop(1)], "no agent_thinking"),
    (set_in(4, "payload", "step_number", to=1), "do not rise"),
    (lambda events: events.pop(3), "usage was never completed"),
    (lambda events: events.pop(2), "completed without tool_executing"),
    (set_in(3, "payload", "tool_name", to="prices"), "prices completed without"),
    (fail_it, "failed without agent_error"),
    (set_in(5, "payload", "status", to="failed"), "success and failure at once"),
    (set_in(5, "payload", "result", "error", to="broken"), "success and failure at once"),
    (die, "agent_death came without agent_error"),
    (set_in(2, "user_id", to="bob"), "2 different users"),
    (set_in(2, "tenant_id", to="globex"), "2 different users"),
    (set_in(2, "run_id", to="other"), "2 different users"),
    (set_in(2, "sequence", to=2), "sequence does not rise"),
    (set_in(2, "type", to="tool_started"), "is not an event of the contract"),
    (set_in(1, "payload", "extra", to=1), "agent_thinking has the keys"),
    (lambda events: events[2]["payload"].pop("parameters"), "tool_executing has the keys"),
    (lambda events: events[5]["payload"]["result"].pop("step_count"), "result has the keys"),
]


@pytest.mark.parametrize(("breach", "named"), BREACHES)
def test_each_breach_is_named(breach: Callable[[list[Event]], object], named: str) -> None:
    events = good()
    breach(events)
    assert any(named in found for found in check_contract(json.dumps(event).encode() for event in events))
