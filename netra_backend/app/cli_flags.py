"""Flags of `netra` without pydantic, which typer 0.29 imports to convert even a `--help`; that takes longer than the help itself."""

from typing import Any

from typer.core import TyperCommand, TyperGroup


class _Flag:
    """Replaces typer's `RuntimeParam` of a flag."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> bool:  # noqa: ANN401, ARG002 - typer's own signature
        """Return whether the flag was given."""
        return bool(value)


_FLAG = _Flag()


def _with_light_flags(parameters: list[Any]) -> list[Any]:
    for parameter in parameters:
        if getattr(parameter, "is_flag", False):
            parameter.get_runtime_param = lambda: _FLAG
    return parameters


class Group(TyperGroup):
    """A group of commands whose flags need no conversion."""

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 - the signature of typer's vendored click
        """Return the parameters that come before the command."""
        return _with_light_flags(super().get_params(ctx))


class Command(TyperCommand):
    """A command whose flags need no conversion."""

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 - the signature of typer's vendored click
        """Return the command's parameters."""
        return _with_light_flags(super().get_params(ctx))
