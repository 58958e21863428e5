from typing import Any

import pytest
from jsonschema import SchemaError

from netra_backend.app.errors import UnknownToolError
from netra_backend.app.services.unified_tool_registry.catalogue import default_registry
from netra_backend.app.services.unified_tool_registry.registry import Tool, ToolRegistry


async def answer(*_: Any) -> str:
    return "42"


def make_tool(name: str = "answer", **changes: Any) -> Tool:
    values: dict[str, Any] = {
        "name": name,
        "description": "The answer.",
        "parameters": {"type": "object"},
        "permission": "usage:read",
        "side_effect": False,
        "handler": answer,
    }
    return Tool(**(values | changes))


def test_tools_are_listed_in_the_order_in_which_they_were_registered() -> None:
    registry = ToolRegistry([make_tool("b"), make_tool("a")])
    assert (registry.names, [spec.function.name for spec in registry.specs()]) == (("b", "a"), ["b", "a"])


def test_only_the_named_tools_are_offered() -> None:
    registry = ToolRegistry([make_tool("b"), make_tool("a")])
    assert [spec.function.name for spec in registry.specs(["a"])] == ["a"]


def test_a_name_can_be_taken_once() -> None:
    with pytest.raises(ValueError, match="is already registered"):
        ToolRegistry([make_tool("a"), make_tool("a")])


def test_an_unknown_tool_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownToolError, match="use one of: a, b"):
        ToolRegistry([make_tool("a"), make_tool("b")]).get("c")


def test_a_tool_with_a_broken_schema_is_refused_at_the_start() -> None:
    with pytest.raises(SchemaError):
        make_tool(parameters={"type": "objekt"})


def test_the_only_tool_with_a_side_effect_needs_a_permission_to_write() -> None:
    registry = default_registry()
    writers = {name for name in registry.names if registry.get(name).side_effect}
    assert writers == {"save_action_plan"} == {name for name in registry.names if registry.get(name).permission.endswith(":write")}


def test_a_read_only_registry_has_every_tool_but_those_with_a_side_effect() -> None:
    registry = ToolRegistry([make_tool("a"), make_tool("b", side_effect=True), make_tool("c")])
    assert registry.read_only().names == ("a", "c")


def test_every_tool_refuses_arguments_that_it_does_not_know() -> None:
    registry = default_registry()
    assert all(registry.get(name).parameters["additionalProperties"] is False for name in registry.names)
