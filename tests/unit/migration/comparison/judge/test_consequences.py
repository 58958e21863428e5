"""An effect without an answer is the difference; what follows from it is not reported beside it, and it never makes a match."""

from typing import Any

import msgspec
import pytest

from migration.model import EffectError, Origin, Verdict

REFUSED = {"reply": None, "error": EffectError(type="EffectMissingError", message=""), "started_s": 0.05, "duration_s": 0.0}


def asked_in_vain(run: Any, place: int, change: Any) -> None:
    """Let the run ask for something else there, get no answer, and stop with its agent."""
    effect = run.effects[place]
    request = msgspec.json.decode(effect.request)
    change(request)
    run.effects[place:] = [msgspec.structs.replace(effect, request=msgspec.json.encode(request), **REFUSED)]
    stopped = run.find("agent_thinking", effect.lane)
    run.frames[stopped + 1 :] = [run.frame("agent_completed", effect.lane)]
    run.frames[-1].payload["status"] = "failed"
    run.outcome = "failed"


def shorten(request: dict[str, Any]) -> None:
    del request["messages"][1]


def lose_a_parameter(request: dict[str, Any]) -> None:
    del request["temperature"]


@pytest.mark.parametrize("change", [shorten, lose_a_parameter])
@pytest.mark.parametrize("serving", list(Origin))
def test_a_request_that_lacks_something_explains_the_rest_and_stays(change: Any, serving: Origin, run: Any, compared: Any) -> None:
    served, shadow = run(), run(1)
    asked_in_vain(shadow, 1, change)
    pair = (served, shadow) if serving is Origin.CONTROL else (shadow, served)

    comparison = compared(*pair, serving=serving)

    assert (comparison.verdict, comparison.reasons) == (Verdict.DIVERGENT, ())
    assert [found.kind for found in comparison.divergences] == ["effect_changed"]


@pytest.mark.parametrize(("serving", "kind"), [(Origin.CONTROL, "effect_extra"), (Origin.CANDIDATE, "effect_missing")])
def test_one_more_effect_than_was_served_explains_the_rest(serving: Origin, kind: str, run: Any, compared: Any, new_effect: Any) -> None:
    served, shadow = run(), run(1)
    shadow.effects.insert(1, msgspec.structs.replace(new_effect("tool", "look", "data", {"name": "look"}), **REFUSED))
    del shadow.effects[2:]
    del shadow.frames[shadow.find("agent_thinking", "data") :]
    pair = (served, shadow) if serving is Origin.CONTROL else (shadow, served)

    comparison = compared(*pair, serving=serving)

    assert [(found.kind, found.path) for found in comparison.divergences] == [(kind, "tool.look")]


def test_what_follows_an_effect_that_was_performed_is_reported_beside_it(run: Any, compared: Any, new_effect: Any) -> None:
    served, shadow = run(), run(1)
    read = msgspec.structs.replace(new_effect("tool", "look", "data", {"name": "look"}), performed_by_shadow=True)
    shadow.effects.insert(1, read)
    thinking = shadow.find("agent_thinking", "data")
    shadow.frames[thinking].payload["reasoning"] = "It read on."

    comparison = compared(served, shadow)

    assert sorted(found.kind for found in comparison.divergences) == ["effect_extra", "payload"]
    assert comparison.effects_missing == 1


def test_an_effect_that_was_performed_and_yet_equals_a_recorded_one_is_inconclusive(run: Any, compared: Any) -> None:
    served, shadow = run(), run(1)
    shadow.effects[1] = msgspec.structs.replace(shadow.effects[1], performed_by_shadow=True)

    comparison = compared(served, shadow)

    assert comparison.verdict is Verdict.INCONCLUSIVE
    assert "asked for an effect that was not recorded" in str(comparison.reasons[0])


def test_an_effect_that_is_missing_and_yet_equal_is_inconclusive(run: Any, compared: Any) -> None:
    served, shadow = run(), run(1)
    shadow.effects[1] = msgspec.structs.replace(shadow.effects[1], **REFUSED)

    comparison = compared(served, shadow)

    assert comparison.verdict is Verdict.INCONCLUSIVE
    assert tuple(map(str, comparison.reasons)) == ("`data` asked for an effect that was not recorded, and no difference shows which one",)


def test_an_effect_that_hides_the_rest_is_as_serious_as_its_kind(run: Any, compared: Any, new_effect: Any) -> None:
    """To look at the clock is nothing by itself, but what would have followed may be another answer."""
    served, stopped, went_on = run(), run(1), run(1)
    for shadow in (stopped, went_on):
        shadow.effects.insert(1, msgspec.structs.replace(new_effect("clock", "now", "data", {}), **REFUSED))
    del stopped.effects[2:]
    del stopped.frames[stopped.find("agent_thinking", "data") :]

    found = [compared(served, shadow).divergences for shadow in (stopped, went_on)]

    assert [[(one.kind, one.severity) for one in divergences] for divergences in found] == [
        [("effect_extra", "contract")],
        [("effect_extra", "observability")],
    ]
