"""Ids of saved plans come from the run, not from the model: a model that chose them could overwrite another plan."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from netra_backend.app.services.llm.chat_model import ToolSpec
from netra_backend.app.world import Ids

SAVE_PLAN: Final = "save_action_plan"
PLAN_ID: Final = "plan_id"


def offered_to_model(specs: Iterable[ToolSpec]) -> tuple[ToolSpec, ...]:
    """Return the specs as a model may see them: without the plan id."""
    return tuple(_without_plan_id(spec) if spec.function.name == SAVE_PLAN else spec for spec in specs)


def with_plan_id(tool_name: str, arguments: Mapping[str, Any], ids: Ids, lane: str) -> Mapping[str, Any]:
    """Return the arguments, with a new plan id when the tool saves a plan."""
    if tool_name != SAVE_PLAN:
        return arguments
    return {**arguments, PLAN_ID: ids.new("action_plan", lane=lane)}


def _without_plan_id(spec: ToolSpec) -> ToolSpec:
    schema = spec.function.parameters
    properties = {name: part for name, part in schema.get("properties", {}).items() if name != PLAN_ID}
    required = [name for name in schema.get("required", ()) if name != PLAN_ID]
    function = msgspec.structs.replace(spec.function, parameters={**schema, "properties": properties, "required": required})
    return msgspec.structs.replace(spec, function=function)
