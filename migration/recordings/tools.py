"""Converts the tools that were offered in a recorded conversation to the backend's own form."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from migration.recordings.messages import check_value


def offered(tools: object, called: Iterable[str]) -> tuple[Sequence[dict[str, Any]], tuple[str, ...]]:
    """Return the offered tools, and which parts of the recording's list of tools are ignored.

    Args:
        tools: the tools as in the recording; None: the recording does not contain them.
        called: names of the tools that the messages call; they are offered even if `tools` does not contain them.
    """
    specs: dict[str, dict[str, Any]] = {}
    ignored: list[str] = []
    if isinstance(tools, list):
        for tool in tools:
            if (spec := _spec(tool)) is None:
                ignored.append(f"a tool that is not a function{_kind(tool)}")
            else:
                specs.setdefault(spec["name"], spec)
    elif tools is not None:
        ignored.append("tools that are not a list")
    for name in sorted(set(called)):
        specs.setdefault(name, {"name": name, "description": "", "parameters": {"type": "object"}})
    return [{"type": "function", "function": spec} for spec in specs.values()], tuple(dict.fromkeys(ignored))


def _spec(tool: object) -> dict[str, Any] | None:
    """Return name, description and parameters; None if the tool is not a function or cannot be read."""
    if not isinstance(tool, Mapping):
        return None
    inside = tool["function"] if isinstance(tool.get("function"), Mapping) else tool
    name, description = inside.get("name"), inside.get("description")
    # OpenAI names the schema `parameters`, Anthropic `input_schema`.
    parameters = inside.get("parameters", inside.get("input_schema"))
    if parameters is None:
        parameters = {"type": "object"}
    if not isinstance(name, str) or not name or not isinstance(parameters, dict):
        return None
    try:
        check_value(parameters)
    except ValueError:
        return None
    return {"name": name, "description": description if isinstance(description, str) else "", "parameters": parameters}


def _kind(tool: object) -> str:
    kind = tool.get("type") if isinstance(tool, Mapping) else None
    return f" ({kind})" if isinstance(kind, str) and kind.isidentifier() and len(kind) < 40 else ""  # noqa: PLR2004 - a name, not a text
