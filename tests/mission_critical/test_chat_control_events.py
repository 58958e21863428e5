"""Where the legacy stream of `chat` breaks the event contract, and that the target's does not."""

import json
from typing import Any

import pytest

from netra_backend.app.candidate import Candidate
from netra_backend.app.controls.chat import ControlChat
from netra_backend.app.services.llm.chat_model import FunctionCall, FunctionSpec, Message, ModelRequest, ToolCall, ToolSpec
from netra_backend.app.websocket.bridge import WebSocketBridge
from netra_backend.app.websocket.channel import FrameChannel
from netra_backend.app.websocket.contract import check_contract
from netra_backend.app.websocket.events import thinking

pytestmark = pytest.mark.mission_critical

USAGE = ToolSpec(FunctionSpec("usage_summary", "reads usage", {}))
CONTROL_STREAM = [
    "agent_started", "agent_thinking 1", "agent_thinking 2",
    "agent_started", "agent_thinking 2", "agent_thinking 3", "tool_executing", "agent_thinking 4", "agent_thinking 5",
    "agent_completed", "agent_completed",
]  # fmt: skip
CANDIDATE_STREAM = [
    "agent_started", "agent_thinking 1", "agent_thinking 2", "agent_thinking 3", "tool_executing", "tool_completed",
    "agent_thinking 4", "agent_thinking 5", "agent_completed",
]  # fmt: skip
CONTROL_BREACHES = [
    "agent_completed has the keys ['final_answer', 'result', 'status', 'step_count', 'user_prompt'], not ['result', 'status']",
    "data: agent_started came 2 times, not once",
    "data: agent_completed came 2 times, not once",
    "data: thinking steps [1, 2, 2, 3, 4, 5] do not rise",
    "data: usage_summary was never completed",
]


async def looks_once(request: ModelRequest, lane: str) -> Message:
    if request.messages[-1].role == "tool":
        return Message("assistant", "3 EUR")
    return Message("assistant", tool_calls=(ToolCall("1", FunctionCall("usage_summary", "{}")),))


def named(event: dict[str, Any]) -> str:
    return f"{event['type']} {event['payload'].get('step_number', '')}".strip()


@pytest.mark.parametrize(
    ("engine", "stream", "breaches"),
    [
        (ControlChat, CONTROL_STREAM, CONTROL_BREACHES),
        (Candidate, CANDIDATE_STREAM, []),
    ],
)
async def test_one_agent_with_one_tool_call(engine: Any, stream: list[str], breaches: list[str], make_fakes: Any, make_user: Any) -> None:
    chat = engine(make_fakes(looks_once).as_world(), [USAGE])
    frames = [frame async for frame in chat.stream(make_user(), {"message": "hello", "agent": "data"})]
    await chat.aclose()
    assert [named(json.loads(frame)) for frame in frames] == stream
    assert check_contract(frames) == breaches


async def test_both_engines_give_the_same_answer_and_the_control_repeats_the_prompt(make_fakes: Any, make_user: Any, read: Any) -> None:
    last = []
    for engine in (ControlChat, Candidate):
        chat = engine(make_fakes(looks_once).as_world(), [USAGE])
        last.append((await read(chat, make_user()))[-1]["payload"])
        await chat.aclose()
    control, candidate = last
    assert {key: control[key] for key in control.keys() - candidate.keys()} == {
        "user_prompt": "hello", "final_answer": "3 EUR", "step_count": 4
    }  # fmt: skip
    for side in last:
        del side["result"]["duration_ms"]
    assert control["result"] == candidate["result"]


async def test_both_engines_run_the_same_chain_of_agents(make_fakes: Any, make_user: Any, read: Any) -> None:
    async def reply(request: ModelRequest, lane: str) -> Message:
        return Message("assistant", '{"data_sufficiency": "sufficient", "reason": "r"}' if lane == "triage" else f"{lane} done")

    chains = []
    for engine in (ControlChat, Candidate):
        chat = engine(make_fakes(reply).as_world())
        events = await read(chat, make_user(), agent="supervisor")
        chains.append(list(dict.fromkeys(event["agent_name"] for event in events)))
        await chat.aclose()
    assert chains == [["triage", "data", "optimization", "actions", "reporting"]] * 2


async def test_the_legacy_bridge_finds_the_listener_by_run_id_alone(make_user: Any) -> None:
    bridge, channel, ann = WebSocketBridge(), FrameChannel(), make_user("ann")
    bridge.subscribe(ann, channel)

    async def say(user_id: str, run_id: str) -> None:
        await bridge.notify("agent_thinking", thinking("thinking", 1), agent_name="data", user_id=user_id, run_id=run_id)

    await say("bob", ann.run_id)
    await say("ann", "run-of-nobody")
    bridge.unsubscribe(ann.run_id)
    bridge.unsubscribe(ann.run_id)
    await say("ann", ann.run_id)
    assert [json.loads(frame)["user_id"] for frame in channel._frames] == ["bob"]
    assert bridge.undelivered == 2
