"""What was asked of the outside: paths into requests, repeated effects, JSON inside text."""

from typing import Any

import msgspec
import pytest

from migration.errors import EffectMissingError
from migration.model import EffectError, Origin, Verdict

MISSING = EffectError(type=EffectMissingError.__name__, message="not in the journal")


def test_a_changed_message_is_named_by_its_path(run: Any, compared: Any, new_effect: Any) -> None:
    runs = run(), run(1)
    for one, said in zip(runs, ("cheapest", "best"), strict=True):
        messages = [{"role": "system", "content": "You are."}, {"role": "user", "content": said}]
        one.effects = [new_effect("model", "default", "data", {"messages": messages, "temperature": 0.0})]

    (found,) = compared(*runs).divergences

    assert (found.kind, found.path, found.control, found.candidate) == (
        "effect_changed",
        "model.messages[1].content",
        '"cheapest"',
        '"best"',
    )


def test_a_prompt_that_stays_in_the_history_is_one_divergence(run: Any, compared: Any, new_effect: Any) -> None:
    runs = run(), run(1)
    for one, system in zip(runs, ("Be kind.", "Be brief."), strict=True):
        turns = [{"role": "system", "content": system}]
        one.effects = []
        for number in range(5):
            turns = [*turns, {"role": "user", "content": f"turn {number}"}]
            one.effects.append(new_effect("model", "default", "data", {"messages": turns}))

    (found,) = compared(*runs).divergences

    assert (found.path, found.occurrences) == ("model.messages[0].content", 5)


def test_one_message_more_is_one_difference(run: Any, compared: Any, new_effect: Any) -> None:
    runs = run(), run(1)
    for one, extra in zip(runs, (0, 1), strict=True):
        turns = [{"role": "user", "content": f"turn {number}"} for number in range(20)]
        turns[5:5] = [{"role": "user", "content": "one more"}] * extra
        one.effects = [new_effect("model", "default", "data", {"messages": turns})]

    (found,) = compared(*runs).divergences

    assert (found.path, found.control) == ("model.messages[5]", None)


def test_arguments_that_are_json_text_are_compared_as_json(run: Any, compared: Any, new_effect: Any) -> None:
    runs = run(), run(1)
    for one, arguments in zip(runs, ('{"a":1,"b":2}', '{ "b": 2, "a": 1 }'), strict=True):
        call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}}
        one.effects = [new_effect("model", "default", "data", {"messages": [{"role": "assistant", "tool_calls": [call]}]})]

    assert compared(*runs).verdict is Verdict.MATCH


def test_a_retry_of_control_that_candidate_does_not_make_is_reliability(run: Any, compared: Any) -> None:
    control = run()
    control.effects.insert(3, control.effects[2])

    (found,) = compared(control, run(1)).divergences

    assert (found.kind, found.severity) == ("effect_missing", "reliability")
    assert " repeats a request " in str(found.sentence)


def test_looking_at_the_clock_once_more_is_observability(run: Any, compared: Any, new_effect: Any) -> None:
    candidate = run(1)
    candidate.effects.append(new_effect("clock", "now", "data", {}))

    (found,) = compared(run(), candidate).divergences

    assert (found.kind, found.severity, found.path) == ("effect_extra", "observability", "clock")


def test_more_differing_fields_than_may_be_named_are_one_effect(run: Any, compared: Any) -> None:
    candidate = run(1)
    request = {"name": "usage_summary", "arguments": {f"key {letter}": 1 for letter in "abcdefghijklmnopqrstuvwxyz" * 5}}
    request["arguments"] |= {f"{one}{other}": 1 for one in "abcdefghijkl" for other in "abcdefghijkl"}
    candidate.effects[2] = msgspec.structs.replace(candidate.effects[2], request=msgspec.json.encode(request))

    (found,) = compared(run(), candidate).divergences

    assert (found.kind, found.path) == ("effect_changed", "tool.usage_summary")


def _ask_in_vain(run: Any, new_effect: Any) -> Any:
    """What a shadow does whose agent asks for something else: the effect is refused, the agent fails, the next one never starts."""
    candidate = run(1)
    stop = candidate.find("tool_executing", "data/usage_summary#1") + 1
    candidate.frames = candidate.frames[:stop]
    done = {"status": "failed", "result": {"agent_name": "data", "success": False, "error": "sorry"}}
    frame = type(candidate.frames[0])
    candidate.frames += [frame("agent_error", "data", {"error_type": "EffectMissingError"}), frame("agent_completed", "data", done)]
    asked = new_effect("tool", "usage_summary", "data", {"name": "usage_summary", "arguments": {"days": 7}}, at_s=0.065, error=MISSING)
    candidate.effects = [*candidate.effects[:2], asked]
    candidate.outcome, candidate.error = "failed", MISSING
    return candidate


def test_what_follows_an_unanswered_effect_is_not_reported_beside_it(run: Any, compared: Any, new_effect: Any) -> None:
    comparison = compared(run(), _ask_in_vain(run, new_effect))

    assert [(found.kind, found.path) for found in comparison.divergences] == [("effect_changed", "tool.usage_summary.arguments.days")]
    assert comparison.verdict is Verdict.DIVERGENT


def test_what_came_before_an_unanswered_effect_is_reported(run: Any, compared: Any, new_effect: Any) -> None:
    candidate = _ask_in_vain(run, new_effect)
    candidate.frame("agent_thinking", "data").payload["reasoning"] = "hm"
    candidate.frame("agent_thinking", "triage").payload["reasoning"] = "hm"

    found = compared(run(), candidate).divergences

    assert {(one.kind, one.lane) for one in found} == {("effect_changed", "data"), ("payload", "data"), ("payload", "triage")}


def test_another_tenants_data_after_an_unanswered_effect_is_reported(run: Any, compared: Any, new_effect: Any) -> None:
    candidate = _ask_in_vain(run, new_effect)
    candidate.frames[-1].envelope["tenant_id"] = "globex"

    assert "isolation_breach" in {one.kind for one in compared(run(), candidate).divergences}


def test_a_failure_without_an_unanswered_effect_explains_nothing(run: Any, compared: Any, new_effect: Any) -> None:
    candidate = _ask_in_vain(run, new_effect)
    candidate.effects[2] = run().effects[2]

    (found,) = compared(run(), candidate).divergences

    assert found.kind == "terminal_state"
    assert {"missing_event", "effect_missing"} <= {clause.partition(" ")[0] for clause in found.follows}


def test_the_shadow_may_also_be_control(run: Any, compared: Any, new_effect: Any) -> None:
    comparison = compared(_ask_in_vain(run, new_effect), run(1), serving=Origin.CANDIDATE)

    assert [found.kind for found in comparison.divergences] == ["effect_changed"]


@pytest.mark.parametrize("serving", list(Origin))
def test_replies_are_not_compared(serving: Origin, run: Any, compared: Any) -> None:
    candidate = run(1)
    candidate.effects = [msgspec.structs.replace(one, reply=b'{"ok":false}') for one in candidate.effects]

    assert compared(run(), candidate, serving=serving).verdict is Verdict.MATCH


@pytest.mark.parametrize(("started_s", "verdict"), [(0.75, Verdict.MATCH), (0.9, Verdict.DIVERGENT)], ids=["side by side", "one by one"])
def test_the_order_of_effects_counts_only_where_control_waited(started_s: float, verdict: Verdict, run: Any, compared: Any) -> None:
    """The other call ends at 0.7 s."""
    control, candidate = run(), run(1)
    control.effects[4] = msgspec.structs.replace(control.effects[4], started_s=started_s - 0.1)
    candidate.effects[3], candidate.effects[4] = candidate.effects[4], candidate.effects[3]

    assert compared(control, candidate).verdict is verdict
