"""A correct engine, changed in one way at a time: each change is found, and named with its kind and severity."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from migration.model import EffectError, Verdict

Change = Callable[[Any], object]


def _set(kind: str, lane: str, *path: str, to: Any) -> Change:
    def change(run: Any) -> None:
        target = run.frame(kind, lane).payload
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = to

    return change


def _lose(kind: str, lane: str, *path: str) -> Change:
    def change(run: Any) -> None:
        target = run.frame(kind, lane).payload
        for key in path[:-1]:
            target = target[key]
        del target[path[-1]]

    return change


def _duplicate(kind: str, lane: str) -> Change:
    def change(run: Any) -> None:
        at = run.find(kind, lane)
        run.frames.insert(at + 1, run.frames[at])

    return change


def _envelope(kind: str, lane: str, key: str, value: str) -> Change:
    return lambda run: run.frame(kind, lane).envelope.update({key: value})


def _extra_thinking(run: Any) -> None:
    frame = run.frame("agent_thinking", "data", 1)
    later = type(frame)(frame.kind, frame.lane, {"reasoning": "and once more", "step_number": 3, "progress_percentage": 45})
    run.frames.insert(run.find("agent_completed", "data"), later)


def _swap_thinking(run: Any) -> None:
    first, second = run.find("agent_thinking", "data"), run.find("agent_thinking", "data", 1)
    run.frames[first], run.frames[second] = run.frames[second], run.frames[first]


def _start_after_the_tools(run: Any) -> None:
    run.move("agent_started", "data", to=run.find("tool_completed", "data/usage_summary#1"))
    run.move("agent_thinking", "data", to=run.find("tool_completed", "data/usage_summary#1"))


def _event_after_the_end(run: Any) -> None:
    run.move("agent_thinking", "data", to=run.find("agent_completed", "data"), nth=1)


def _tool_after_the_end(run: Any) -> None:
    run.move("tool_completed", "data/price_lookup#2", to=run.find("agent_completed", "data"))


def _complete_before_executing(run: Any) -> None:
    run.move("tool_completed", "data/usage_summary#1", to=run.find("tool_executing", "data/usage_summary#1"))


def _fail(run: Any) -> None:
    done = run.frame("agent_completed", "reporting").payload
    done["status"] = "failed"
    done["result"].update(success=False, error="no answer", final_answer=None)


def _swallow_error(run: Any) -> None:
    run.outcome = "completed"
    run.error = None


def _skip_agent(run: Any) -> None:
    run.frames = [frame for frame in run.frames if not frame.lane.startswith("data")]


def _skip_call(run: Any) -> None:
    run.frames = [frame for frame in run.frames if frame.lane != "data/price_lookup#1"]
    for frame in run.frames:
        frame.lane = frame.lane.replace("price_lookup#2", "price_lookup#1")


def _repeat_effect(run: Any) -> None:
    run.effects.insert(3, run.effects[2])


def _swap_effects(run: Any) -> None:
    run.effects[3], run.effects[4] = run.effects[4], run.effects[3]


def _change_prompt(run: Any) -> None:
    request = msgspec.json.decode(run.effects[1].request)
    request["messages"][0]["content"] += " Be brief."
    run.effects[1] = msgspec.structs.replace(run.effects[1], request=msgspec.json.encode(request))


def _change_tool_argument(run: Any) -> None:
    request = {"name": "usage_summary", "arguments": {"days": 7}}
    run.effects[2] = msgspec.structs.replace(run.effects[2], request=msgspec.json.encode(request))


def _change_argument_type(run: Any) -> None:
    request = {"name": "usage_summary", "arguments": {"days": 30.0}}
    run.effects[2] = msgspec.structs.replace(run.effects[2], request=msgspec.json.encode(request))


def _call_other_tool(run: Any) -> None:
    run.effects[2] = msgspec.structs.replace(run.effects[2], name="save_action_plan")


DONE = "agent_completed"
MUTATIONS: dict[str, tuple[Change, str, str]] = {
    "drops an event": (lambda run: run.drop("agent_thinking", "data"), "missing_event", "contract"),
    "never starts an agent": (lambda run: run.drop("agent_started", "data"), "missing_event", "contract"),
    "sends no terminal event": (lambda run: run.drop(DONE, "reporting"), "missing_event", "contract"),
    "never closes a tool call": (lambda run: run.drop("tool_completed", "data/usage_summary#1"), "missing_event", "contract"),
    "skips an agent": (_skip_agent, "missing_event", "contract"),
    "skips a tool call": (_skip_call, "missing_event", "contract"),
    "thinks once more": (_extra_thinking, "extra_event", "contract"),
    "starts an agent twice": (_duplicate("agent_started", "data"), "duplicate_event", "contract"),
    "completes an agent twice": (_duplicate(DONE, "data"), "duplicate_event", "contract"),
    "says the same thought twice": (_duplicate("agent_thinking", "data"), "duplicate_event", "contract"),
    "reorders a lane": (_swap_thinking, "causal_reorder", "contract"),
    "starts an agent after its tool call": (_start_after_the_tools, "causal_reorder", "contract"),
    "finishes a tool call after its agent": (_tool_after_the_end, "causal_reorder", "contract"),
    "completes a tool call before it executes": (_complete_before_executing, "causal_reorder", "contract"),
    "changes an answer": (_set(DONE, "data", "result", "final_answer", to="quite different"), "payload", "contract"),
    "truncates an answer": (_set(DONE, "data", "result", "final_answer", to="data found 4 models"), "payload", "contract"),
    "changes a wording": (_set("agent_thinking", "data", "reasoning", to="hm"), "payload", "cosmetic"),
    "changes a counter": (_set(DONE, "data", "result", "step_count", to=3), "payload", "observability"),
    "turns an int into a float": (_set(DONE, "data", "result", "step_count", to=2.0), "payload", "contract"),
    "turns an int into a bool": (_set("agent_thinking", "data", "step_number", to=True), "payload", "contract"),
    "turns a number into a text": (_set("agent_thinking", "data", "progress_percentage", to="15"), "payload", "contract"),
    "turns a duration into a text": (_set(DONE, "data", "result", "duration_ms", to="41"), "payload", "contract"),
    "loses a key": (_lose(DONE, "data", "result", "final_answer"), "payload", "contract"),
    "loses a duration": (_lose("tool_completed", "data/usage_summary#1", "execution_time_ms"), "payload", "contract"),
    "gains a key": (_set(DONE, "data", "user_prompt", to="Where does our money go?"), "payload", "contract"),
    "gains a flag that names the engine": (_set("agent_started", "data", "context", "user_isolated", to=True), "payload", "cosmetic"),
    "writes null for a text": (_set(DONE, "data", "result", "final_answer", to=None), "payload", "contract"),
    "composes unicode otherwise": (_set("agent_started", "data", "context", "question", to="cost\u0301"), "payload", "contract"),
    "changes a tool's result": (_set("tool_completed", "data/usage_summary#1", "result", to="{}"), "payload", "contract"),
    "changes a tool's status": (_set("tool_completed", "data/usage_summary#1", "status", to="error"), "payload", "contract"),
    "names another agent": (_envelope("agent_thinking", "data", "agent_name", "triage"), "payload", "contract"),
    "fails where control succeeds": (_fail, "terminal_state", "contract"),
    "is cut off by a timeout": (lambda run: setattr(run, "outcome", "timed_out"), "terminal_state", "reliability"),
    "sends to another tenant": (_envelope("agent_thinking", "data", "tenant_id", "globex"), "isolation_breach", "security"),
    "sends to another user": (_envelope("agent_thinking", "data", "user_id", "bob"), "isolation_breach", "security"),
    "mixes up the thread": (_envelope(DONE, "data", "thread_id", "thread-8"), "isolation_breach", "security"),
    "mixes up the run": (_envelope("agent_started", "data", "run_id", "run-43"), "isolation_breach", "security"),
    "changes a prompt": (_change_prompt, "effect_changed", "contract"),
    "changes a tool's argument": (_change_tool_argument, "effect_changed", "contract"),
    "changes an argument's type": (_change_argument_type, "effect_changed", "contract"),
    "repeats a tool call": (_repeat_effect, "effect_extra", "reliability"),
    "leaves out a tool call": (lambda run: run.effects.pop(2), "effect_missing", "contract"),
    "asks the model once more": (lambda run: run.effects.append(run.effects[5]), "effect_extra", "reliability"),
    "swaps two tool calls": (_swap_effects, "causal_reorder", "contract"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_changed_engine_is_found_and_the_change_is_named(name: str, changed: Any) -> None:
    change, kind, severity = MUTATIONS[name]

    comparison = changed(change)

    assert comparison.verdict is Verdict.DIVERGENT
    assert [(found.kind, found.severity) for found in comparison.divergences] == [(kind, severity)]


def test_calling_another_tool_is_one_call_too_few_and_one_too_many(changed: Any) -> None:
    found = changed(_call_other_tool).divergences

    assert {(one.kind, one.path) for one in found} == {("effect_missing", "tool.usage_summary"), ("effect_extra", "tool.save_action_plan")}


def test_an_event_after_the_end_of_its_agent_is_a_reorder(changed: Any) -> None:
    assert [found.kind for found in changed(_event_after_the_end).divergences] == ["causal_reorder"]


def test_a_step_number_that_falls_breaks_the_contract_and_differs(changed: Any) -> None:
    def fall(run: Any) -> None:
        run.frame("agent_thinking", "data", 1).payload["step_number"] = 1

    assert [(found.kind, found.severity) for found in changed(fall).divergences] == [
        ("payload", "observability"),
        ("contract_violation", "contract"),
    ]


def test_another_error_type_is_an_error(run: Any, compared: Any) -> None:
    control, candidate = run(), run(1)
    for one, name in ((control, "ModelTimeoutError"), (candidate, "KeyError")):
        one.outcome, one.error = "failed", EffectError(type=name, message="no answer")

    (found,) = compared(control, candidate).divergences

    assert (found.kind, found.severity, found.path, found.control) == ("error", "contract", "run.error.type", '"ModelTimeoutError"')


def test_another_error_type_in_an_event_is_an_error(run: Any, compared: Any, new_frame: Any) -> None:
    runs = run(), run(1)
    for one, name in zip(runs, ("ToolFailedError", "TypeError"), strict=True):
        payload = {"error_type": name, "error_message": "sorry", "support_code": f"code-{one.variant}"}
        one.frames.insert(one.find("agent_completed", "data"), new_frame("agent_error", "data", payload))

    (found,) = compared(*runs).divergences

    assert (found.kind, found.path) == ("error", "agent_error.payload.error_type")


def test_a_swallowed_error_is_a_terminal_state(run: Any, compared: Any) -> None:
    control, candidate = run(), run(1)
    control.outcome, control.error = "failed", EffectError(type="ModelTimeoutError", message="no answer")

    (found,) = compared(control, candidate).divergences

    assert found.kind == "terminal_state"
    assert str(found.sentence) == "Control crashed with ModelTimeoutError; candidate continued."


@pytest.mark.parametrize("name", MUTATIONS)
def test_every_sentence_is_english_and_tells_no_value(name: str, changed: Any) -> None:
    change, _, _ = MUTATIONS[name]

    (found,) = changed(change).divergences

    assert str(found.sentence)[-1] == "."
    assert str(found.sentence)[0].isupper() or str(found.sentence)[0] == "`"
    for value in ("quite different", "12.5", "Be brief", "globex", "bob", "thread-8", "money"):
        assert value not in str(found.sentence)


def test_a_long_name_of_a_field_is_cut_in_the_sentence_and_whole_in_the_path(run: Any, compared: Any) -> None:
    control, candidate = run(), run(1)
    key = "k" * 5_000 + "end"
    candidate.frame("tool_completed", "data/usage_summary#1").payload[key] = 1
    (divergence,) = compared(control, candidate).divergences

    assert key in divergence.path
    assert len(str(divergence.sentence)) < 300
    assert "..." in str(divergence.sentence)
    assert "end`" in str(divergence.sentence)
