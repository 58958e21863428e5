"""What must not count: other ids and times, other key order, lanes that interleave otherwise."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from migration.model import EffectError, Verdict


def _reverse_keys(value: Any) -> Any:
    return {key: _reverse_keys(value[key]) for key in reversed(value)} if isinstance(value, dict) else value


def _new_key_order(run: Any) -> None:
    for frame in run.frames:
        frame.payload = _reverse_keys(frame.payload)
    run.effects = [
        msgspec.structs.replace(one, request=msgspec.json.encode(_reverse_keys(msgspec.json.decode(one.request)))) for one in run.effects
    ]


def _pretty(run: Any) -> None:
    for number, frame in enumerate(run.frames):
        frame.raw = msgspec.json.format(run.record("candidate").events[number].payload, indent=2)


def _tools_overlap(run: Any) -> None:
    run.move("tool_executing", "data/price_lookup#2", to=run.find("tool_executing", "data/price_lookup#1"))


def _parallel_calls_swap_numbers(run: Any) -> None:
    for frame in run.frames:
        if "price_lookup#" in frame.lane:
            frame.lane = frame.lane[:-1] + {"1": "2", "2": "1"}[frame.lane[-1]]


def _agents_overlap(run: Any) -> None:
    reporting = [frame for frame in run.frames if frame.lane == "reporting"]
    others = [frame for frame in run.frames if frame.lane != "reporting"]
    run.frames = others[:4]
    for number, frame in enumerate(others[4:]):
        run.frames += reporting[number : number + 1]
        run.frames.append(frame)


def _lanes_of_effects_interleave(run: Any) -> None:
    run.effects.insert(1, run.effects.pop())


def _envelope_times_are_whole_numbers(run: Any) -> None:
    for frame in run.frames:
        frame.envelope["timestamp"] = 1_700_000_000


BENIGN: dict[str, Callable[[Any], object]] = {
    "other ids and times": lambda _run: None,
    "another key order": _new_key_order,
    "blanks and line breaks": _pretty,
    "overlapping tool calls": _tools_overlap,
    "parallel calls that start in another order": _parallel_calls_swap_numbers,
    "overlapping agents": _agents_overlap,
    "effects of another lane in between": _lanes_of_effects_interleave,
    "times without a fraction": _envelope_times_are_whole_numbers,
}


@pytest.mark.parametrize("name", BENIGN)
def test_a_benign_change_is_a_match(name: str, changed: Any) -> None:
    comparison = changed(BENIGN[name])

    assert (comparison.verdict, comparison.divergences) == (Verdict.MATCH, ())


def test_of_two_runs_without_events_and_effects_nothing_was_compared(run: Any, compared: Any) -> None:
    empty, other = run(), run(1)
    for one in (empty, other):
        one.frames, one.effects = [], []
    comparison = compared(empty, other)

    assert comparison.verdict is Verdict.INCONCLUSIVE
    assert tuple(map(str, comparison.reasons)) == (
        "neither run sent an event, asked for an effect or raised an exception: nothing was compared",
    )


def test_two_runs_that_turn_their_request_away_alike_match(run: Any, compared: Any) -> None:
    busy, other = run(), run(1)
    for one in (busy, other):
        one.frames, one.effects, one.outcome = [], [], "failed"
        one.error = EffectError(type="CapacityError", message="all places are taken")

    assert compared(busy, other).verdict is Verdict.MATCH


def test_text_outside_ascii_is_compared_like_any_other(run: Any, compared: Any) -> None:
    control, candidate = run(), run(1)
    for one in (control, candidate):
        one.frame("agent_thinking", "data").payload["reasoning"] = "Ümläute, 漢字, 🙂"

    assert compared(control, candidate).verdict is Verdict.MATCH
