"""Parameters of commands that import pydantic only if they need it.

typer 0.29 imports pydantic at each start, even to convert a `--help` that was not given. This takes a fifth of the CPU time of `kill on`.
Values that are not handled here are converted or refused by typer, with its own messages.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any


@dataclass(frozen=True, slots=True)
class _Sparing:
    """Replaces typer's `RuntimeParam`."""

    annotation: Any
    typers: Callable[[], Any]

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:  # noqa: ANN401 - typer's own signature
        """Return the command's value for the shell's argument."""
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        if type(value) is self.annotation:  # a text, or the default value
            return value
        if self.annotation == list[str] and isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
            return list(value)
        if _is_choice(self.annotation) and value in {choice.value for choice in self.annotation}:
            return self.annotation(value)
        return self.typers().coerce(value, param=param, ctx=ctx)


def sparing(parameters: list[Any]) -> list[Any]:
    """Make the parameters of a typer command convert simple values without pydantic, and return them."""
    for parameter in parameters:
        if "get_runtime_param" not in vars(parameter):
            parameter.get_runtime_param = _always(_Sparing(parameter.type_descriptor.annotation, parameter.get_runtime_param))
    return parameters


def spare_pydantic(command: Any) -> None:  # noqa: ANN401 - a command of typer's vendored click
    """Apply `sparing` to all parameters of this command and of its subcommands, including `--help`."""
    own = command.get_params
    command.get_params = lambda ctx: sparing(own(ctx))
    for inner in getattr(command, "commands", {}).values():
        spare_pydantic(inner)


def _is_choice(annotation: Any) -> bool:  # noqa: ANN401 - a type
    return isinstance(annotation, type) and issubclass(annotation, Enum)


def _always(sparing: _Sparing) -> Callable[[], _Sparing]:
    return lambda: sparing
