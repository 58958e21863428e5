"""What is generated of the backend."""

from collections.abc import Callable, Mapping
from typing import Final

import typer
from pydantic_core import PydanticUndefined

from docs.tables import commands, table, value
from netra_backend.app.cli import app
from netra_backend.app.config import Settings


def _commands() -> str:
    return commands(typer.main.get_command(app), "netra")


def _settings() -> str:
    rows = [(f"`NETRA_{name.upper()}`", _default(name), field.description or "-") for name, field in Settings.model_fields.items()]
    return table(("variable", "default", "meaning"), rows)


def _default(name: str) -> str:
    field = Settings.model_fields[name]
    if field.default is PydanticUndefined:
        return "see the text" if field.default_factory else "required outside development"
    return value(field.default)


FILES: Final[Mapping[str, Callable[[], str | None]]] = {}
PARTS: Final[Mapping[str, Callable[[], str | None]]] = {"commands of netra": _commands, "settings of netra": _settings}
