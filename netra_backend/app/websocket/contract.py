"""Checks a stream of frames against the event contract. Used by tests; the result describes each breach in English."""

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from netra_backend.app.websocket.events import PAYLOAD_KEYS, RESULT_KEYS, Envelope

_decoder = msgspec.json.Decoder(Envelope)


def check_contract(frames: Iterable[bytes]) -> list[str]:
    """Return every breach of the contract in the finished stream of one run; [] when there is none.

    Raises:
        msgspec.DecodeError: a frame is not an envelope.
    """
    events = [_decoder.decode(frame) for frame in frames]
    breaches = [*_envelopes(events), *_payloads(events)]
    for agent in dict.fromkeys(event.agent_name for event in events):
        breaches += [f"{agent}: {breach}" for breach in _agent([event for event in events if event.agent_name == agent])]
    return breaches


def _envelopes(events: Sequence[Envelope]) -> list[str]:
    owners = {(event.tenant_id, event.user_id, event.thread_id, event.run_id) for event in events}
    breaches = [f"events of {len(owners)} different users, threads or runs"] if len(owners) > 1 else []
    if any(later.sequence <= earlier.sequence for earlier, later in itertools.pairwise(events)):
        breaches.append("sequence does not rise")
    return breaches


def _payloads(events: Sequence[Envelope]) -> list[str]:
    breaches = []
    for event in events:
        keys = PAYLOAD_KEYS.get(event.type)
        if keys is None:
            breaches.append(f"{event.type} is not an event of the contract")
        elif keys != event.payload.keys():
            breaches.append(f"{event.type} has the keys {sorted(event.payload)}, not {sorted(keys)}")
        elif event.type == "agent_completed" and event.payload["result"].keys() != RESULT_KEYS:
            breaches.append(f"agent_completed's result has the keys {sorted(event.payload['result'])}, not {sorted(RESULT_KEYS)}")
    return breaches


def _agent(events: Sequence[Envelope]) -> list[str]:
    kinds = [event.type for event in events]
    return [*_lifecycle(kinds), *_ending(events), *_thinking(events), *_tools(events)]


def _lifecycle(kinds: Sequence[str]) -> list[str]:
    breaches = []
    if kinds.count("agent_started") != 1:
        breaches.append(f"agent_started came {kinds.count('agent_started')} times, not once")
    if kinds[0] != "agent_started":
        breaches.append(f"{kinds[0]} came first, not agent_started")
    if kinds.count("agent_completed") != 1:
        breaches.append(f"agent_completed came {kinds.count('agent_completed')} times, not once")
    if kinds[-1] != "agent_completed":
        breaches.append(f"{kinds[-1]} came last, not agent_completed")
    if "agent_thinking" not in kinds:
        breaches.append("no agent_thinking came")
    return breaches


def _ending(events: Sequence[Envelope]) -> list[str]:
    kinds = [event.type for event in events]
    breaches = []
    for event in (event for event in events if event.type == "agent_completed"):
        failed = event.payload.get("status") == "failed"
        result = event.payload.get("result", {})
        if result.get("success") is failed or (result.get("error") is not None) is not failed:
            breaches.append("agent_completed says success and failure at once")
        if failed is not ("agent_error" in kinds):
            breaches.append("it failed without agent_error" if failed else "agent_error came before a success")
    if "agent_death" in kinds and "agent_error" not in kinds:
        breaches.append("agent_death came without agent_error")
    return breaches


def _thinking(events: Sequence[Envelope]) -> list[str]:
    steps = [event.payload.get("step_number", 0) for event in events if event.type == "agent_thinking"]
    rising = all(later > earlier for earlier, later in itertools.pairwise(steps))
    return [] if rising else [f"thinking steps {steps} do not rise"]


def _tools(events: Sequence[Envelope]) -> list[str]:
    open_calls: Counter[str] = Counter()
    breaches = []
    for event in events:
        tool = event.payload.get("tool_name", "")
        if event.type == "tool_executing":
            open_calls[tool] += 1
        elif event.type == "tool_completed":
            open_calls[tool] -= 1
            if open_calls[tool] < 0:
                breaches.append(f"{tool} completed without tool_executing")
    return breaches + [f"{tool} was never completed" for tool, calls in open_calls.items() if calls > 0]
