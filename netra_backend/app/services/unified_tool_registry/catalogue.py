"""The tools as models and callers see them: names, descriptions, JSON schemas, permissions."""

from typing import Any

from netra_backend.app.services.unified_tool_registry.registry import Tool, ToolRegistry
from netra_backend.app.services.unified_tool_registry.tools import (
    cost_breakdown,
    price_lookup,
    save_action_plan,
    simulate_switch,
    usage_summary,
)

_DAY = {"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
_PERIOD = {
    "since": {**_DAY, "description": "First day, YYYY-MM-DD. Default: 29 days before the last day."},
    "until": {**_DAY, "description": "Last day, YYYY-MM-DD. Default: the last recorded day."},
}
_MODEL = {"type": "string", "minLength": 1, "maxLength": 100}


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


_ITEM = _object(
    {
        "action": {"type": "string", "minLength": 1, "maxLength": 500, "description": "What to do."},
        "saving_usd": {"type": "number", "description": "Dollars that it saves, if known."},
    },
    "action",
)


TOOLS = (
    Tool(
        name="usage_summary",
        description="Requests, tokens and cost of your company's AI models in a period, and the most expensive models.",
        parameters=_object(_PERIOD),
        permission="usage:read",
        side_effect=False,
        handler=usage_summary,
    ),
    Tool(
        name="cost_breakdown",
        description="Cost of your company's AI models in a period, split by model (highest cost first) or by day (earliest first).",
        parameters=_object(
            {
                **_PERIOD,
                "by": {"enum": ["model", "day"], "description": "Default: model."},
                "limit": {"type": "integer", "minimum": 1, "maximum": 366, "description": "Largest number of rows. Default: 31."},
            }
        ),
        permission="usage:read",
        side_effect=False,
        handler=cost_breakdown,
    ),
    Tool(
        name="price_lookup",
        description="Price for a million tokens, context window and quality tier of one model, or of all models.",
        parameters=_object({"model": {**_MODEL, "description": "Default: all models."}}),
        permission="prices:read",
        side_effect=False,
        handler=price_lookup,
    ),
    Tool(
        name="simulate_switch",
        description="The cost of a period if a share of one model's tokens had been used with another model.",
        parameters=_object(
            {
                **_PERIOD,
                "from_model": {**_MODEL, "description": "Model in use."},
                "to_model": {**_MODEL, "description": "Model to use instead."},
                "share": {
                    "type": "number",
                    "exclusiveMinimum": 0,
                    "maximum": 1,
                    "description": "Part of the tokens. Default: 1, all.",
                },
            },
            "from_model",
            "to_model",
        ),
        permission="usage:read",
        side_effect=False,
        handler=simulate_switch,
    ),
    Tool(
        name="save_action_plan",
        description="Save a plan of actions for the user. Saving the same plan_id again changes nothing.",
        parameters=_object(
            {
                "plan_id": {"type": "string", "pattern": "^[0-9a-f]{32}$", "description": "Id of the plan, 32 hex digits."},
                "title": {"type": "string", "minLength": 1, "maxLength": 200},
                "items": {"type": "array", "minItems": 1, "maxItems": 50, "items": _ITEM},
            },
            "plan_id",
            "title",
            "items",
        ),
        permission="plans:write",
        side_effect=True,
        handler=save_action_plan,
    ),
)


def default_registry() -> ToolRegistry:
    """Return a new registry of the five tools."""
    return ToolRegistry(TOOLS)
