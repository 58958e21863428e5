"""Tables and sections that generated parts are made of."""

import inspect
from collections.abc import Iterable, Sequence
from typing import Any


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown, with a line feed at its end."""
    first, *rest = (f"| {' | '.join(cells)} |\n" for cells in (head, *rows))
    return "".join([first, "|---" * len(head), "|\n", *rest])


def value(default: object) -> str:
    """Return a default as a cell shows it; `-` for none."""
    return f"`{default}`" if default not in ("", (), None) else "-"


def first_line(text: str | None) -> str:
    """Return the first paragraph of a help text, as one line."""
    return " ".join((text or "").split("\n\n")[0].split())


def commands(group: Any, path: str) -> str:  # noqa: ANN401 - a command of typer's vendored click
    """Return a section for each command of the group, or for the command: its help and its options.

    Args:
        group: the group, or the command.
        path: how it is called.
    """
    if hasattr(group, "list_commands"):
        return "\n".join(commands(group.get_command(None, name), f"{path} {name}") for name in group.list_commands(None))
    shown = [parameter for parameter in group.params if not getattr(parameter, "hidden", False)]
    rows = [(_written(parameter), getattr(parameter, "help", None) or "-") for parameter in shown]
    options = f"\n{table(('option', 'meaning'), rows)}" if rows else ""
    return f"## `{path}`\n\n{inspect.cleandoc(group.help or '')}\n{options}"


def _written(parameter: Any) -> str:  # noqa: ANN401 - a parameter of typer's vendored click
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    return names if parameter.param_type_name == "option" else f"`{parameter.name.upper()}`"
