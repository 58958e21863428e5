import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from netra_backend.app.errors import ToolArgumentsError

Call = Callable[..., Awaitable[Any]]
Add = Callable[..., Awaitable[None]]
PLAN = {"plan_id": "a" * 32, "title": "Spend less", "items": [{"action": "Move to small", "saving_usd": 18.0}]}
READS = [
    ("usage_summary", {}),
    ("cost_breakdown", {}),
    ("cost_breakdown", {"by": "day"}),
    ("simulate_switch", {"from_model": "big", "to_model": "small"}),
]


@pytest.fixture
async def usage(call: Call, add_usage: Add) -> None:
    """10 dollars on a day, a quarter of it small."""
    await add_usage("big", "2025-03-01", requests=5, tokens=(2_000_000, 500_000), usd=8.0)
    await add_usage("small", "2025-03-02", requests=7, tokens=(5_000_000, 1_250_000), usd=2.0)


@pytest.mark.usefixtures("usage")
async def test_usage_summary_adds_up_all_models(call: Call) -> None:
    assert await call("usage_summary") == {
        "since": "2025-02-01",
        "until": "2025-03-02",
        "requests": 12,
        "input_tokens": 7_000_000,
        "output_tokens": 1_750_000,
        "cost_usd": 10.0,
        "models": 2,
        "top_models": [{"model": "big", "cost_usd": 8.0}, {"model": "small", "cost_usd": 2.0}],
    }


@pytest.mark.usefixtures("usage")
async def test_cost_breakdown_gives_each_models_part(call: Call) -> None:
    answer = await call("cost_breakdown")
    assert answer["rows"] == [
        {"model": "big", "requests": 5, "cost_usd": 8.0, "percent": 80.0},
        {"model": "small", "requests": 7, "cost_usd": 2.0, "percent": 20.0},
    ]


@pytest.mark.usefixtures("usage")
async def test_cost_breakdown_by_day_keeps_the_latest_days_and_counts_the_rest(call: Call) -> None:
    answer = await call("cost_breakdown", by="day", limit=1)
    assert ([row["day"] for row in answer["rows"]], answer["rows_left_out"], answer["cost_usd"]) == (["2025-03-02"], 1, 10.0)


async def test_price_lookup_gives_the_whole_list(call: Call) -> None:
    assert [price["model"] for price in (await call("price_lookup"))["prices"]] == ["big", "small"]


async def test_price_lookup_gives_dollars_for_a_million_tokens(call: Call) -> None:
    (price,) = (await call("price_lookup", model="big"))["prices"]
    assert price == {
        "model": "big",
        "input_usd_per_million": 2.0,
        "output_usd_per_million": 8.0,
        "context_window": 200_000,
        "quality_tier": "frontier",
    }


async def test_a_model_that_is_not_on_the_list_is_refused_with_those_that_are(call: Call) -> None:
    with pytest.raises(ToolArgumentsError, match="use one of: big, small"):
        await call("price_lookup", model="huge")


@pytest.mark.usefixtures("usage")
async def test_simulate_switch_prices_the_moved_tokens_anew(call: Call) -> None:
    answer = await call("simulate_switch", from_model="big", to_model="small")
    assert (answer["current_cost_usd"], answer["simulated_cost_usd"], answer["savings_usd"], answer["savings_percent"]) == (
        8.0,
        0.8,
        7.2,
        90.0,
    )


@pytest.mark.usefixtures("usage")
async def test_simulate_switch_moves_no_more_than_the_share(call: Call) -> None:
    answer = await call("simulate_switch", from_model="big", to_model="small", share=0.5)
    assert (answer["simulated_cost_usd"], answer["savings_usd"], answer["savings_percent"]) == (4.4, 3.6, 45.0)


@pytest.mark.usefixtures("usage")
async def test_a_switch_to_a_dearer_model_has_negative_savings(call: Call) -> None:
    assert (await call("simulate_switch", from_model="small", to_model="big"))["savings_usd"] == -18.0


async def test_a_switch_from_a_model_that_is_not_used_saves_nothing(call: Call) -> None:
    answer = await call("simulate_switch", from_model="big", to_model="small")
    assert (answer["savings_usd"], answer["savings_percent"], answer["since"]) == (0.0, 0.0, None)


async def test_a_switch_from_a_model_to_itself_is_refused(call: Call) -> None:
    with pytest.raises(ToolArgumentsError, match="are the same"):
        await call("simulate_switch", from_model="big", to_model="big")


@pytest.mark.usefixtures("usage")
async def test_a_period_that_ends_before_it_begins_is_refused(call: Call) -> None:
    with pytest.raises(ToolArgumentsError, match="swap them"):
        await call("usage_summary", since="2025-03-02", until="2025-03-01")


@pytest.mark.parametrize("day", ["2025-02-30", "yesterday", "20250301", 20250301, None])
async def test_a_day_that_is_none_is_refused(call: Call, day: Any) -> None:
    with pytest.raises(ToolArgumentsError, match="since"):
        await call("usage_summary", since=day)


@pytest.mark.usefixtures("usage")
@pytest.mark.parametrize(("name", "arguments"), READS, ids=str)
async def test_a_tenant_never_sees_what_another_spends(call: Call, name: str, arguments: dict[str, Any]) -> None:
    answer = await call(name, tenant="globex", **arguments)
    assert answer.get("cost_usd", answer.get("current_cost_usd")) == 0.0
    assert answer.get("rows", []) == answer.get("top_models", []) == []


@pytest.mark.usefixtures("usage")
@pytest.mark.parametrize(("name", "arguments"), [*READS, ("price_lookup", {}), ("save_action_plan", PLAN)], ids=str)
async def test_every_answer_is_json(call: Call, name: str, arguments: dict[str, Any]) -> None:
    answer = await call(name, **arguments)
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer


async def test_saving_a_plan_twice_gives_the_same_answer(call: Call) -> None:
    assert await call("save_action_plan", **PLAN) == await call("save_action_plan", **PLAN)


async def test_a_plan_id_cannot_be_used_for_another_plan(call: Call) -> None:
    await call("save_action_plan", **PLAN)
    with pytest.raises(ToolArgumentsError, match="use a new one"):
        await call("save_action_plan", **{**PLAN, "title": "Spend more"})


async def test_two_tenants_may_use_one_plan_id(call: Call) -> None:
    await call("save_action_plan", **PLAN)
    assert (await call("save_action_plan", tenant="globex", **{**PLAN, "title": "Another"}))["title"] == "Another"


@pytest.mark.parametrize("change", [{"plan_id": "7"}, {"items": []}, {"items": [{}]}, {"title": ""}, {"title": "t" * 201}], ids=str)
async def test_a_plan_that_does_not_fit_is_refused(call: Call, change: dict[str, Any]) -> None:
    with pytest.raises(ToolArgumentsError):
        await call("save_action_plan", **{**PLAN, **change})


@pytest.mark.parametrize(("tool", "arguments"), [*READS, ("price_lookup", {}), ("save_action_plan", PLAN)])
@pytest.mark.usefixtures("usage")
async def test_an_answer_survives_json_unchanged(call: Call, tool: str, arguments: dict[str, Any]) -> None:
    answer = await call(tool, **arguments)
    assert repr(json.loads(json.dumps(answer))) == repr(answer)
