"""The same engine again: what differs between any two runs of a correct engine is not a divergence, each by itself and all together."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from migration.model import Comparison, Verdict

pytestmark = pytest.mark.mission_critical


def _reversed_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _reversed_keys(value[key]) for key in reversed(value)}
    return [_reversed_keys(item) for item in value] if isinstance(value, list) else value


def each(change: Callable[[Any], object]) -> Callable[[Any], None]:
    def changed(frames: Any) -> None:
        for frame in frames:
            change(frame)

    return changed


def reverse_keys(frame: Any) -> None:
    frame.envelope = _reversed_keys(frame.envelope)


def indent(frame: Any) -> None:
    frame.raw = msgspec.json.format(msgspec.json.encode(frame.envelope), indent=2)


def escape(frame: Any) -> None:
    frame.raw = json.dumps(frame.envelope, ensure_ascii=True).encode()


def write_floats_longer(frame: Any) -> None:
    frame.raw = msgspec.json.encode(frame.envelope).replace(b":0.3}", b":3.0e-1}")


def postpone(frame: Any) -> None:
    frame.envelope["timestamp"] = round(frame.envelope["timestamp"]) + 3600


def number_from_a_thousand(frame: Any) -> None:
    frame.envelope["sequence"] += 1000


def take_longer(frame: Any) -> None:
    for holder in (frame.payload, frame.payload.get("result")):
        if isinstance(holder, dict):
            holder.update({key: value * 3 + 1 for key, value in holder.items() if key.endswith("_ms")})


def name_the_support_case_anew(frame: Any) -> None:
    if "support_code" in frame.payload:
        frame.payload["support_code"] = "another code"


def interleave_calls(frames: Any) -> None:
    frames.move("tool_completed", "data/usage_summary#1", to=("tool_executing", "data/cost_breakdown#1"))


def number_parallel_calls_otherwise(frames: Any) -> None:
    other = {"data/cost_breakdown#1": "data/cost_breakdown#2", "data/cost_breakdown#2": "data/cost_breakdown#1"}
    for frame in frames:
        frame.lane = other.get(frame.lane, frame.lane)


def overlap_agents(frames: Any) -> None:
    """Reporting has begun while actions still speak; within each agent nothing changes."""
    ours = [frame for frame in frames if frame.lane == "reporting"]
    others = [frame for frame in frames if frame.lane != "reporting"]
    frames[:] = [*others[:-3], *(frame for pair in zip(ours, others[-3:], strict=False) for frame in pair), *ours[3:]]


def all_of_it(frames: Any) -> None:
    for change in (each(postpone), each(number_from_a_thousand), each(take_longer), interleave_calls, number_parallel_calls_otherwise):
        change(frames)
    overlap_agents(frames)
    each(reverse_keys)(frames)
    each(escape)(frames)


async def answer_later(ask: Any, *args: Any, lane: str) -> Any:
    reply = await ask(*args, lane=lane)
    await asyncio.sleep(2)
    return reply


async def let_others_go_first(call: Any, *args: Any, lane: str) -> Any:
    await asyncio.sleep(0)
    return await call(*args, lane=lane)


async def call_the_first_last(call: Any, context: Any, name: str, arguments: Any, *, lane: str) -> Any:
    if name == "usage_summary":
        await asyncio.sleep(1)
    return await call(context, name, arguments, lane=lane)


STREAM: list[tuple[str, Callable[[Any], object]]] = [
    ("nothing is changed", lambda _frames: None),
    ("keys come in another order", each(reverse_keys)),
    ("frames are indented", each(indent)),
    ("letters are written as escapes", each(escape)),
    ("floats are written otherwise", each(write_floats_longer)),
    ("it is an hour later, and whole seconds", each(postpone)),
    ("frames are numbered from a thousand", each(number_from_a_thousand)),
    ("everything takes three times as long", each(take_longer)),
    ("a call ends before another one begins", interleave_calls),
    ("parallel calls are numbered otherwise", number_parallel_calls_otherwise),
    ("agents overlap", overlap_agents),
    ("all of it together", all_of_it),
]


@pytest.mark.parametrize("change", [pytest.param(change, id=name) for name, change in STREAM])
def test_a_benign_change_of_the_stream_is_a_match(change: Callable[[Any], object], lab: Any) -> None:
    expect_match(lab.frames(change))


@pytest.mark.parametrize("down", ["", "reporting"], ids=["answered", "failed"])
def test_the_same_run_again_is_a_match(down: str, lab: Any) -> None:
    expect_match(lab.frames(each(name_the_support_case_anew), down=down))


@pytest.mark.parametrize(
    ("port", "method", "instead"),
    [
        ("model", "complete", answer_later),
        ("tools", "call", answer_later),
        ("tools", "call", let_others_go_first),
        ("tools", "call", call_the_first_last),
    ],
    ids=["a slow model", "slow tools", "tools that give way", "parallel calls in another order"],
)
def test_waiting_otherwise_is_a_match(port: str, method: str, instead: Any, lab: Any) -> None:
    expect_match(lab.port(port, method, instead))


def expect_match(comparison: Comparison) -> None:
    assert (comparison.verdict, comparison.divergences, comparison.reasons) == (Verdict.MATCH, (), ())
