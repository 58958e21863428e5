"""The functions of the tools: what a company spends on AI models, and how to spend less.

Each reads the data of its caller's tenant only.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from netra_backend.app.errors import ToolArgumentsError
from netra_backend.app.services.action_plans import ActionPlan
from netra_backend.app.services.unified_tool_registry.registry import ToolPorts
from netra_backend.app.services.usage_data import Dimension, Period, Price, Spend
from netra_backend.app.services.user_execution_context import UserExecutionContext

_TOP_MODELS = 3


def _usd(micro_usd: int) -> float:
    return round(micro_usd / 1e6, 2)


def _share(part: int, whole: int) -> float:
    """Return `part` of `whole` in percent, with one decimal; 0 if `whole` is 0."""
    return round(100 * part / whole, 1) if whole else 0.0


def _days(period: Period | None) -> dict[str, str | None]:
    return {"since": str(period.since) if period else None, "until": str(period.until) if period else None}


async def _spend(
    context: UserExecutionContext, arguments: Mapping[str, Any], ports: ToolPorts, by: Dimension = "model"
) -> tuple[Period | None, tuple[Spend, ...]]:
    """Return the requested period, and the tenant's spending in it."""
    period, spend = await ports.usage.spending(context.tenant_id, *_asked(arguments), by)
    _check(period)
    return period, spend


def _asked(arguments: Mapping[str, Any]) -> tuple[date | None, date | None]:
    since, until = (date.fromisoformat(arguments[end]) if end in arguments else None for end in ("since", "until"))
    return since, until


def _check(period: Period | None) -> None:
    if period and period.since > period.until:
        raise ToolArgumentsError(f"since {period.since} is after until {period.until}; swap them")


async def usage_summary(context: UserExecutionContext, arguments: Mapping[str, Any], ports: ToolPorts) -> dict[str, Any]:
    """Return the total of requests, tokens and cost, and the most expensive models."""
    period, spend = await _spend(context, arguments, ports)
    return {
        **_days(period),
        "requests": sum(row.requests for row in spend),
        "input_tokens": sum(row.input_tokens for row in spend),
        "output_tokens": sum(row.output_tokens for row in spend),
        "cost_usd": _usd(sum(row.cost_micro_usd for row in spend)),
        "models": len(spend),
        "top_models": [{"model": row.key, "cost_usd": _usd(row.cost_micro_usd)} for row in spend[:_TOP_MODELS]],
    }


async def cost_breakdown(context: UserExecutionContext, arguments: Mapping[str, Any], ports: ToolPorts) -> dict[str, Any]:
    """Return the cost of each model, highest cost first, or of each day, latest day last."""
    by = arguments.get("by", "model")
    period, spend = await _spend(context, arguments, ports, by)
    total = sum(row.cost_micro_usd for row in spend)
    limit = arguments.get("limit", 31)
    shown = spend[:limit] if by == "model" else spend[-limit:]
    return {
        **_days(period),
        "by": by,
        "cost_usd": _usd(total),
        "rows": [
            {by: row.key, "requests": row.requests, "cost_usd": _usd(row.cost_micro_usd), "percent": _share(row.cost_micro_usd, total)}
            for row in shown
        ],
        "rows_left_out": len(spend) - len(shown),
    }


async def price_lookup(_context: UserExecutionContext, arguments: Mapping[str, Any], ports: ToolPorts) -> dict[str, Any]:
    """Return the price of one model, or of all models."""
    prices = await ports.usage.prices()
    shown = [_priced(prices, arguments["model"])] if "model" in arguments else prices.values()
    return {
        "prices": [
            {
                "model": price.model,
                "input_usd_per_million": _usd(price.input_micro_usd),
                "output_usd_per_million": _usd(price.output_micro_usd),
                "context_window": price.context_window,
                "quality_tier": price.quality_tier,
            }
            for price in shown
        ]
    }


def _priced(prices: Mapping[str, Price], model: str) -> Price:
    try:
        return prices[model]
    except KeyError:
        raise ToolArgumentsError(f"{model!r} is not on the price list; use one of: {', '.join(prices) or 'none'}") from None


async def simulate_switch(context: UserExecutionContext, arguments: Mapping[str, Any], ports: ToolPorts) -> dict[str, Any]:
    """Return the cost of the period if another model had processed a share of one model's tokens."""
    prices, period, spend = await ports.usage.priced_spending(context.tenant_id, *_asked(arguments))
    old, new = (_priced(prices, arguments[end]) for end in ("from_model", "to_model"))
    if old.model == new.model:
        raise ToolArgumentsError("from_model and to_model are the same; name two models")
    _check(period)
    share = arguments.get("share", 1.0)
    used = next(
        (row for row in spend if row.key == old.model), Spend(key=old.model, requests=0, input_tokens=0, output_tokens=0, cost_micro_usd=0)
    )
    moved = new.cost_micro_usd(round(used.input_tokens * share), round(used.output_tokens * share))
    saving = round(used.cost_micro_usd * share) - moved
    return {
        **_days(period),
        "from_model": old.model,
        "to_model": new.model,
        "share": share,
        "current_cost_usd": _usd(used.cost_micro_usd),
        "simulated_cost_usd": _usd(used.cost_micro_usd - saving),
        "savings_usd": _usd(saving),
        "savings_percent": _share(saving, used.cost_micro_usd),
        "quality_tiers": [old.quality_tier, new.quality_tier],
        "context_windows": [old.context_window, new.context_window],
    }


async def save_action_plan(context: UserExecutionContext, arguments: Mapping[str, Any], ports: ToolPorts) -> dict[str, Any]:
    """Save the plan. A repeated call gives the same answer and changes nothing."""
    plan = ActionPlan(
        tenant_id=context.tenant_id,
        id=arguments["plan_id"],
        user_id=context.user_id,
        thread_id=context.thread_id,
        title=arguments["title"],
        items=arguments["items"],
    )
    if not await ports.plans.save(plan):
        raise ToolArgumentsError("plan_id already belongs to another plan; use a new one")
    return {"plan_id": plan.id, "saved": True, "title": plan.title, "items": len(plan.items)}
