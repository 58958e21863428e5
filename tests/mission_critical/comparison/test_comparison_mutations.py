"""The target engine with one behaviour changed at a time, on a recorded chat of five agents: each change is found, and named.

One row a change: what it is, and the kind and severity of every divergence that the comparison reports. What follows from a change is
not reported beside it: an engine that asks the model something else gets no answer and fails, and only the question is a divergence.
"""

import asyncio
import contextlib
import tomllib
import unicodedata
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from migration.errors import EffectMissingError
from migration.model import Comparison, Event, RunRequest, Verdict
from netra_backend.app.errors import CapacityError, InvalidPayloadError, ModelTimeoutError, ModelUnavailableError, ToolFailedError
from netra_backend.app.services.llm.chat_model import Message, ModelReply

pytestmark = pytest.mark.mission_critical

STARTED, THINKING, DONE, ERROR = "agent_started", "agent_thinking", "agent_completed", "agent_error"
CALLING, CALLED = "tool_executing", "tool_completed"
USAGE, BY_MODEL, BY_DAY = "data/usage_summary#1", "data/cost_breakdown#1", "data/cost_breakdown#2"
SWITCH, SAVE = "optimization/simulate_switch#1", "actions/save_action_plan#1"
Change = Callable[[Any], object]


# Changes of the stream.


def put(kind: str, lane: str, path: str, value: Any) -> Change:
    def change(frames: Any) -> None:
        *above, last = path.split(".")
        target = frames.at(kind, lane).envelope
        for key in above:
            target = target[key]
        target[last] = value(target.get(last)) if callable(value) else value

    return change


def lose(kind: str, lane: str, path: str) -> Change:
    def change(frames: Any) -> None:
        *above, last = path.split(".")
        target = frames.at(kind, lane).envelope
        for key in above:
            target = target[key]
        del target[last]

    return change


def drop(kind: str, lane: str, nth: int = 0) -> Change:
    return lambda frames: frames.pop(frames.find(kind, lane, nth))


def repeat(kind: str, lane: str) -> Change:
    return lambda frames: frames.insert(frames.find(kind, lane) + 1, frames.copy_of(kind, lane))


def swap(kind: str, lane: str) -> Change:
    return lambda frames: frames.move(kind, lane, 1, to=(kind, lane))


def move(kind: str, lane: str, *, to: tuple[str, str], after: bool = False) -> Change:
    return lambda frames: frames.move(kind, lane, to=to, after=after)


def silence(of: Callable[[str], bool]) -> Change:
    def change(frames: Any) -> None:
        frames[:] = [frame for frame in frames if not of(frame.lane)]

    return change


def think_again(frames: Any) -> None:
    more = frames.copy_of(THINKING, "data", -1)
    more.payload.update(reasoning="And once more.", step_number=6, progress_percentage=90)
    frames.insert(frames.find(DONE, "data"), more)


def say_after_the_end(frames: Any) -> None:
    frames.move(THINKING, "data", -1, to=(DONE, "data"), after=True)


def fail_instead(frames: Any) -> None:
    frames.at(DONE, "reporting").payload["status"] = "failed"
    frames.at(DONE, "reporting").payload["result"].update(success=False, error="no answer", final_answer=None)


def become_nobody(frames: Any) -> None:
    for frame in frames:
        frame.envelope["user_id"] = "anonymous"


#: What is said of each fault; where that is not the same for an engine that serves, its name ends in ", live".
SENTENCES: dict[str, list[str]] = tomllib.loads(
    (Path(__file__).parents[2] / "migration" / "fixtures" / "comparison" / "sentences.toml").read_text()
)
CONTRACT, SECURITY, RELIABILITY, OBSERVABILITY, COSMETIC = "contract", "security", "reliability", "observability", "cosmetic"
ANSWER, CONTEXT = "payload.result.final_answer", "payload.context.user_isolated"
STREAM: list[tuple[str, Change, str, str]] = [
    # which events there are
    ("drops a thought", drop(THINKING, "data", 1), "missing_event", CONTRACT),
    ("never says that an agent starts", drop(STARTED, "data"), "missing_event", CONTRACT),
    ("never says that an agent is done", drop(DONE, "data"), "missing_event", CONTRACT),
    ("ends without a terminal event", drop(DONE, "reporting"), "missing_event", CONTRACT),
    ("never closes a tool call", drop(CALLED, USAGE), "missing_event", CONTRACT),
    ("never opens a tool call", drop(CALLING, USAGE), "missing_event", CONTRACT),
    ("hides a tool call", silence(USAGE.__eq__), "missing_event", CONTRACT),
    ("hides one of two calls of a tool", silence(BY_MODEL.__eq__), "missing_event", CONTRACT),
    ("hides an agent", silence(lambda lane: lane.startswith("optimization")), "missing_event", CONTRACT),
    ("thinks once more", think_again, "extra_event", CONTRACT),
    ("starts an agent twice", repeat(STARTED, "data"), "duplicate_event", CONTRACT),
    ("completes an agent twice", repeat(DONE, "data"), "duplicate_event", CONTRACT),
    ("says a thought twice", repeat(THINKING, "data"), "duplicate_event", CONTRACT),
    ("closes a tool call twice", repeat(CALLED, USAGE), "duplicate_event", CONTRACT),
    # their order
    ("swaps two thoughts", swap(THINKING, "data"), "causal_reorder", CONTRACT),
    ("goes on after the end", say_after_the_end, "causal_reorder", CONTRACT),
    ("closes a tool call before it opens", move(CALLED, USAGE, to=(CALLING, USAGE)), "causal_reorder", CONTRACT),
    ("closes a tool call after its agent", move(CALLED, SAVE, to=(DONE, "actions"), after=True), "causal_reorder", CONTRACT),
    ("calls a tool before its agent starts", move(CALLING, USAGE, to=(STARTED, "data")), "causal_reorder", CONTRACT),
    # whose they are
    ("sends to another tenant", put(THINKING, "data", "tenant_id", "globex"), "isolation_breach", SECURITY),
    ("sends to another user", put(THINKING, "data", "user_id", "bob"), "isolation_breach", SECURITY),
    ("mixes up the thread", put(DONE, "data", "thread_id", "thread-8"), "isolation_breach", SECURITY),
    ("mixes up the run", put(STARTED, "data", "run_id", "run-43"), "isolation_breach", SECURITY),
    ("names another user inside a payload", put(STARTED, "data", "payload.context.user_id", "bob"), "isolation_breach", SECURITY),
    ("names another agent", put(THINKING, "data", "agent_name", "triage"), "payload", CONTRACT),
    # what they say
    ("gives another answer", put(DONE, "data", ANSWER, "You spent nothing."), "payload", CONTRACT),
    ("truncates an answer", put(DONE, "data", ANSWER, lambda text: text[:20]), "payload", CONTRACT),
    ("adds a blank to an answer", put(DONE, "data", ANSWER, lambda text: text + " "), "payload", CONTRACT),
    ("composes unicode otherwise", put(DONE, "reporting", ANSWER, lambda t: unicodedata.normalize("NFD", t)), "payload", CONTRACT),
    ("answers with nothing", put(DONE, "data", ANSWER, ""), "payload", CONTRACT),
    ("answers null", put(DONE, "data", ANSWER, None), "payload", CONTRACT),
    ("loses the answer", lose(DONE, "data", ANSWER), "payload", CONTRACT),
    ("loses a field of the envelope", lose(THINKING, "data", "timestamp"), "payload", CONTRACT),
    ("loses a duration", lose(CALLED, USAGE, "payload.execution_time_ms"), "payload", CONTRACT),
    ("writes a duration as text", put(CALLED, USAGE, "payload.execution_time_ms", "3"), "payload", CONTRACT),
    ("gains a key", put(DONE, "data", "payload.user_prompt", "Where does our money go?"), "payload", CONTRACT),
    ("is off by a rounding error", put(CALLING, SWITCH, "payload.parameters.share", 0.1 + 0.2), "payload", CONTRACT),
    ("turns an int into a float", put(DONE, "data", "payload.result.step_count", 4.0), "payload", CONTRACT),
    ("turns an int into a bool", put(THINKING, "data", "payload.step_number", True), "payload", CONTRACT),
    ("turns a number into a text", put(THINKING, "data", "payload.progress_percentage", "15"), "payload", CONTRACT),
    ("reorders a list", put(CALLING, SAVE, "payload.parameters.items", lambda items: items[::-1]), "payload", CONTRACT),
    ("changes a tool's result", put(CALLED, USAGE, "payload.result", "{}"), "payload", CONTRACT),
    ("calls a failed tool call a success", put(CALLED, "optimization/price_lookup#1", "payload.status", "success"), "payload", CONTRACT),
    ("counts otherwise", put(DONE, "data", "payload.result.step_count", 5), "payload", OBSERVABILITY),
    ("words a thought otherwise", put(THINKING, "data", "payload.reasoning", "Hm."), "payload", COSMETIC),
    ("no longer says that it is isolated", put(STARTED, "data", CONTEXT, False), "payload", COSMETIC),
    # how the run ends
    ("reports a failure for a success", fail_instead, "terminal_state", CONTRACT),
]


# Changes of what is asked of the outside. Each gets the original port's method and its arguments.


async def ask_with_other_words(ask: Any, request: Any, *, lane: str) -> ModelReply:
    first, *rest = request.messages
    return await ask(msgspec.structs.replace(request, messages=(Message("system", f"{first.content} Be brief."), *rest)), lane=lane)


async def ask_twice(ask: Any, request: Any, *, lane: str) -> ModelReply:
    reply = await ask(request, lane=lane)
    with contextlib.suppress(EffectMissingError):
        await ask(request, lane=lane)
    return reply


def ask_with(**changed: Any) -> Any:
    async def instead(ask: Any, request: Any, *, lane: str) -> ModelReply:
        return await ask(msgspec.structs.replace(request, **changed), lane=lane)

    return instead


async def forget_the_history(ask: Any, request: Any, *, lane: str) -> ModelReply:
    return await ask(msgspec.structs.replace(request, messages=request.messages[-2:]), lane=lane)


def call_with(tool: str, **changed: Any) -> Any:
    async def instead(call: Any, context: Any, name: str, arguments: Any, *, lane: str) -> Any:
        return await call(context, name, {**arguments, **changed} if name == tool else arguments, lane=lane)

    return instead


async def call_twice(call: Any, context: Any, name: str, arguments: Any, *, lane: str) -> Any:
    answer = await call(context, name, arguments, lane=lane)
    if name == "save_action_plan":
        with contextlib.suppress(EffectMissingError):
            await call(context, name, arguments, lane=lane)
    return answer


async def answer_from_memory(call: Any, context: Any, name: str, arguments: Any, *, lane: str) -> Any:
    if name == "usage_summary":
        return {"cost_usd": 12.5, "models": ["large-2", "small-2"]}
    return await call(context, name, arguments, lane=lane)


async def call_ahead(call: Any, context: Any, name: str, arguments: Any, *, lane: str) -> Any:
    """Switch is simulated before the price is looked up, on a guess of what the model will want."""
    if name == "price_lookup":
        guess = {"from_model": "large-2", "to_model": "small-2", "share": 0.3}
        await call(context, "simulate_switch", guess, lane=lane)
    if name == "simulate_switch":
        return {"cost_usd": 12.5, "models": ["large-2", "small-2"]}
    return await call(context, name, arguments, lane=lane)


def look_again(now: Any, *, lane: str) -> Any:
    time = now(lane=lane)
    with contextlib.suppress(EffectMissingError):
        now(lane=lane)
    return time


def make_ids_itself(_new: Any, _purpose: str, *, lane: str) -> str:
    return "0123456789abcdef" * 2


#: What matters little by itself matters more where the shadow gets no answer, so that nobody knows how it would have gone on.
UNKNOWN_AT_LIVE = frozenset({"makes the ids of plans itself"})
EFFECTS: list[tuple[str, tuple[str, str, Any], str, str]] = [
    ("changes a prompt", ("model", "complete", ask_with_other_words), "effect_changed", CONTRACT),
    ("asks at another temperature", ("model", "complete", ask_with(temperature=1.0)), "effect_changed", CONTRACT),
    ("offers the model no tools", ("model", "complete", ask_with(tools=())), "effect_changed", CONTRACT),
    ("forgets what was said before", ("model", "complete", forget_the_history), "effect_changed", CONTRACT),
    ("asks the model twice", ("model", "complete", ask_twice), "effect_extra", RELIABILITY),
    ("changes a tool's argument", ("tools", "call", call_with("simulate_switch", share=0.5)), "effect_changed", CONTRACT),
    ("changes an argument's type", ("tools", "call", call_with("simulate_switch", share="0.3")), "effect_changed", CONTRACT),
    ("adds an argument", ("tools", "call", call_with("usage_summary", since="2025-01-01")), "effect_changed", CONTRACT),
    ("repeats a side effect", ("tools", "call", call_twice), "effect_extra", CONTRACT),
    ("answers a tool call from memory", ("tools", "call", answer_from_memory), "effect_missing", CONTRACT),
    ("calls a tool before it is asked to", ("tools", "call", call_ahead), "causal_reorder", CONTRACT),
    ("looks at the clock once more", ("clock", "now", look_again), "effect_extra", OBSERVABILITY),
    ("makes the ids of plans itself", ("ids", "new", make_ids_itself), "effect_missing", OBSERVABILITY),
]


# Changes of how the engine behaves as a whole, and of how it takes failures; with every divergence that they are.


async def swallow(ask: Any, request: Any, *, lane: str) -> ModelReply:
    try:
        return await ask(request, lane=lane)
    except ModelUnavailableError:
        return ModelReply(Message("assistant", "All is well."))


async def report_another_type(ask: Any, request: Any, *, lane: str) -> ModelReply:
    try:
        return await ask(request, lane=lane)
    except ModelUnavailableError as error:
        raise ModelTimeoutError(str(error)) from None


async def break_in_optimization(ask: Any, request: Any, *, lane: str) -> ModelReply:
    if lane == "optimization":
        raise TypeError("unhashable type")
    return await ask(request, lane=lane)


async def hang_at_the_end(ask: Any, request: Any, *, lane: str) -> ModelReply:
    return await (asyncio.Event().wait() if lane == "reporting" else ask(request, lane=lane))


async def take_a_failed_tool_for_an_empty_answer(call: Any, *args: Any, lane: str) -> Any:
    try:
        return await call(*args, lane=lane)
    except ToolFailedError:
        return {}


class Wrapped:
    """An engine that waits before its first event, and raises after so many, or after its last."""

    def __init__(self, engine: Any, *, wait_s: float = 0.0, error: Exception | None = None, after: int | None = None) -> None:
        self._engine, self._wait_s, self._error, self._after = engine, wait_s, error, after

    async def run(self, request: RunRequest, /) -> AsyncGenerator[Event, None]:
        await asyncio.sleep(self._wait_s)
        sent = 0
        async with aclosing(self._engine.run(request)) as events:
            async for event in events:
                if self._error is not None and sent == self._after:
                    raise self._error
                yield event
                sent += 1
        if self._error is not None:
            raise self._error


def wrap(**how: Any) -> Callable[[Any], Any]:
    return lambda lab: lab.engine(lambda engine: Wrapped(engine, **how))


BEHAVIOUR: list[tuple[str, Callable[[Any], Any], set[tuple[str, str]]]] = [
    (
        "swallows an error",
        lambda lab: lab.port("model", "complete", swallow, down="reporting"),
        {("terminal_state", CONTRACT)},
    ),
    (
        "reports another type of error",
        lambda lab: lab.port("model", "complete", report_another_type, down="reporting"),
        {("error", CONTRACT)},
    ),
    (
        "hangs until it is stopped",
        lambda lab: lab.port("model", "complete", hang_at_the_end),
        {("terminal_state", CONTRACT)},
    ),
    (
        "takes a failed tool for an empty answer",
        lambda lab: lab.port("tools", "call", take_a_failed_tool_for_an_empty_answer),
        {("payload", CONTRACT), ("effect_changed", CONTRACT)},
    ),
    ("crashes before it begins", wrap(error=AttributeError("run"), after=0), {("terminal_state", CONTRACT)}),
    ("crashes after its first event", wrap(error=ZeroDivisionError(), after=1), {("terminal_state", CONTRACT)}),
    ("crashes in a tool call", wrap(error=KeyError("rows"), after=8), {("terminal_state", CONTRACT)}),
    ("crashes between two agents", wrap(error=RuntimeError("no agent"), after=14), {("terminal_state", CONTRACT)}),
    ("crashes before its last event", wrap(error=ValueError("no answer"), after=27), {("terminal_state", CONTRACT)}),
    ("turns the request away as busy", wrap(error=CapacityError(9, 9), after=0), {("terminal_state", CONTRACT)}),
    ("refuses the request", wrap(error=InvalidPayloadError("no message"), after=0), {("terminal_state", CONTRACT)}),
    (
        "fails in an agent",
        lambda lab: lab.port("model", "complete", break_in_optimization),
        {("terminal_state", CONTRACT)},
    ),
    ("raises after its last event", wrap(error=KeyError("run")), {("terminal_state", CONTRACT)}),
    ("is cut off by a timeout", wrap(error=TimeoutError()), {("terminal_state", RELIABILITY)}),
    ("sends its events to nobody", lambda lab: lab.frames(lambda frames: frames.clear()), {("missing_event", CONTRACT)}),
    ("runs as nobody", lambda lab: lab.frames(become_nobody), {("isolation_breach", SECURITY)}),
    (
        "gives the user as a number",
        lambda lab: lab.frames(put(STARTED, "data", "user_id", 42)),
        {("isolation_breach", SECURITY)},
    ),
]


@pytest.mark.parametrize(("name", "change", "kind", "severity"), [pytest.param(*row, id=row[0]) for row in STREAM])
def test_a_changed_stream_is_found_and_named(name: str, change: Change, kind: str, severity: str, lab: Any) -> None:
    expect(name, lab, lab.frames(change), {(kind, severity)})


@pytest.mark.parametrize(("name", "change", "kind", "severity"), [pytest.param(*row, id=row[0]) for row in EFFECTS])
def test_a_changed_request_is_found_and_named_and_nothing_that_follows_from_it(
    name: str, change: tuple[str, str, Any], kind: str, severity: str, lab: Any
) -> None:
    expect(name, lab, lab.port(*change), {(kind, CONTRACT if lab.live and name in UNKNOWN_AT_LIVE else severity)})


@pytest.mark.parametrize(("name", "run", "found"), [pytest.param(*row, id=row[0]) for row in BEHAVIOUR])
def test_a_changed_behaviour_is_found_and_named(name: str, run: Callable[[Any], Any], found: set[tuple[str, str]], lab: Any) -> None:
    expect(name, lab, run(lab), found)


def expect(name: str, lab: Any, comparison: Comparison, found: set[tuple[str, str]]) -> None:
    assert (comparison.verdict, comparison.reasons) == (Verdict.DIVERGENT, ())
    assert {(one.kind, one.severity) for one in comparison.divergences} == found, comparison.divergences
    told = SENTENCES.get(f"{name}, live") if lab.live else None
    assert [str(one.sentence) for one in comparison.divergences] == (told or SENTENCES[name])


def test_the_table_is_as_large_as_it_claims_to_be() -> None:
    names = [row[0] for table in (STREAM, EFFECTS, BEHAVIOUR) for row in table]

    assert len(set(names)) == len(names) >= 70
