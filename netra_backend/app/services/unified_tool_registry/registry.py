"""Tools, and the registry of them."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from netra_backend.app.errors import ToolArgumentsError, UnknownToolError
from netra_backend.app.services.action_plans import ActionPlans
from netra_backend.app.services.llm.chat_model import FunctionSpec, ToolSpec
from netra_backend.app.services.usage_data import UsageData
from netra_backend.app.services.user_execution_context import UserExecutionContext

Permission = Literal["usage:read", "prices:read", "plans:write"]

_SHOWN_CHARACTERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolPorts:
    """The data that the tools work on."""

    usage: UsageData
    plans: ActionPlans


#: Returns any JSON value. It filters by the tenant of the context. It may raise a ToolError, whose text the user sees.
Handler = Callable[[UserExecutionContext, Mapping[str, Any], ToolPorts], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool: its description for the model, the permission to call it, and its function.

    Raises:
        jsonschema.SchemaError: `parameters` is not a JSON schema.
    """

    name: str
    description: str
    parameters: dict[str, Any]  #: JSON schema of the arguments
    permission: Permission
    side_effect: bool  #: True: repeating a call may change something
    handler: Handler
    _validator: Draft202012Validator = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check and compile the schema."""
        Draft202012Validator.check_schema(self.parameters)
        validator = Draft202012Validator(self.parameters, format_checker=Draft202012Validator.FORMAT_CHECKER)
        object.__setattr__(self, "_validator", validator)

    def check(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments if they fit the schema.

        Raises:
            ToolArgumentsError: the arguments do not fit; the message says where and why, so that a model can correct them.
        """
        plain = dict(arguments)
        problem = best_match(self._validator.iter_errors(plain))
        if problem is not None:
            where = "/".join(map(str, problem.absolute_path)) or "the arguments"
            raise ToolArgumentsError(f"{self.name}: {where}: {problem.message[:_SHOWN_CHARACTERS]}")
        return plain

    def spec(self) -> ToolSpec:
        """Return the description for the model."""
        return ToolSpec(function=FunctionSpec(name=self.name, description=self.description, parameters=self.parameters))


class ToolRegistry:
    """Tools by name, in the order they were registered.

    Args:
        tools: the tools to begin with.

    Raises:
        ValueError: two tools have the same name.
    """

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        self._tools: dict[str, Tool] = {}
        for tool in tools:
            self.register(tool)

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in order."""
        return tuple(self._tools)

    def register(self, tool: Tool) -> None:
        """Add a tool.

        Raises:
            ValueError: the name is taken.
        """
        if tool.name in self._tools:
            raise ValueError(f"a tool named {tool.name} is already registered; give this one another name")
        self._tools[tool.name] = tool

    def get(self, name: str) -> Tool:
        """Return the tool.

        Raises:
            UnknownToolError: there is no such tool; the message lists the existing ones.
        """
        try:
            return self._tools[name]
        except KeyError:
            raise UnknownToolError(f"no tool is named {name[:_SHOWN_CHARACTERS]!r}; use one of: {', '.join(self._tools)}") from None

    def read_only(self) -> "ToolRegistry":
        """Return a registry of the tools that change nothing."""
        return ToolRegistry(tool for tool in self._tools.values() if not tool.side_effect)

    def specs(self, names: Iterable[str] | None = None) -> tuple[ToolSpec, ...]:
        """Return the descriptions of these tools for the model; None: of all tools.

        Raises:
            UnknownToolError: one of the names is not registered.
        """
        return tuple(self.get(name).spec() for name in (self._tools if names is None else names))
