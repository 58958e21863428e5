"""Events of a run reach its user in order, nobody else's do, and no listener can harm the run."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket import events
from netra_backend.app.websocket.emitters import UserEmitter
from netra_backend.app.websocket.sender import FrameSender


async def say(emitter: Any, step: int = 1, **changes: str) -> None:
    ids = {"agent_name": "data", "user_id": "ann", "run_id": "run-7", **changes}
    await emitter.notify("agent_thinking", events.thinking("thinking", step), **ids)


def sequences(sink: Any) -> list[int]:
    return [json.loads(frame)["sequence"] for frame in sink.frames]


async def test_an_event_carries_its_envelope(user: UserExecutionContext, sink: Any) -> None:
    await say(UserEmitter(user, sink))
    event = json.loads(sink.frames[0])
    assert event.pop("timestamp") > 0
    assert event == {
        "type": "agent_thinking", "tenant_id": "acme", "user_id": "ann", "thread_id": "thread-7", "run_id": "run-7", "agent_name": "data",
        "sequence": 1, "payload": {"reasoning": "thinking", "step_number": 1, "progress_percentage": 15},
    }  # fmt: skip


@pytest.mark.parametrize("foreign", [{"user_id": "bob"}, {"run_id": "run-8"}])
async def test_an_event_of_somebody_else_is_counted_and_not_sent(foreign: dict[str, str], user: UserExecutionContext, sink: Any) -> None:
    emitter = UserEmitter(user, sink)
    await say(emitter, **foreign)
    assert (sink.frames, emitter.lost) == ([], 1)


async def test_an_event_that_cannot_be_encoded_is_lost_and_leaves_a_gap(user: UserExecutionContext, sink: Any) -> None:
    emitter = UserEmitter(user, sink)
    await say(emitter)
    await emitter.notify("agent_started", {"context": object()}, agent_name="data", user_id="ann", run_id="run-7")
    await say(emitter)
    assert (sequences(sink), emitter.sent, emitter.lost) == ([1, 3], 2, 1)


def test_a_listener_that_hangs_is_given_up_after_three_waits_of_five_seconds(
    virtual: Callable[..., Any], user: UserExecutionContext, sink: Any
) -> None:
    async def scenario() -> tuple[float, int]:
        sink.open = False
        emitter = UserEmitter(user, sink)
        for _ in range(10):
            await say(emitter)
        return asyncio.get_running_loop().time(), emitter.lost

    assert virtual(scenario()) == (FrameSender.GIVE_UP_AFTER * FrameSender.SEND_TIMEOUT_S, 10)


async def test_events_wait_for_a_slow_listener_and_keep_their_order(user: UserExecutionContext, sink: Any) -> None:
    sink.open = False
    emitter = UserEmitter(user, sink)
    waiting = [asyncio.create_task(say(emitter, step)) for step in range(5)]
    await asyncio.sleep(0)
    sink.open = True
    sink.opened.set()
    await asyncio.gather(*waiting)
    assert sequences(sink) == [1, 2, 3, 4, 5]
    assert [json.loads(frame)["payload"]["step_number"] for frame in sink.frames] == [0, 1, 2, 3, 4]


async def test_a_cancelled_wait_is_a_cancellation(user: UserExecutionContext, sink: Any) -> None:
    sink.open = False
    task = asyncio.create_task(say(UserEmitter(user, sink)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_closed_emitter_sends_nothing_and_loses_nothing(user: UserExecutionContext, sink: Any) -> None:
    emitter = UserEmitter(user, sink)
    emitter.close()
    await say(emitter)
    assert (sink.frames, emitter.lost) == ([], 0)


def test_a_message_of_somebody_elses_exception_is_not_for_users() -> None:
    payload = events.failed(KeyError("a secret of ann"), "AB12")
    assert payload == {
        "error_type": "KeyError",
        "error_message": events.UNEXPECTED,
        "user_facing_advice": "Try again; if it happens again, give the support code to support.",
        "support_code": "AB12",
    }
