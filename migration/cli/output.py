"""The output of commands: with `--json` one document on stdout and everything else on stderr."""

import sys
from typing import Annotated, Any

import msgspec
import typer

from migration.cli.table import table

JsonFlag = Annotated[bool, typer.Option("--json", help="Print exactly one JSON document on stdout.")]


def print_json(document: Any) -> None:  # noqa: ANN401 - any JSON
    """Print the document on stdout."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n")


def note(text: str) -> None:
    """Print a line for people on stderr."""
    typer.echo(text, err=True)


def print_table(title: str, columns: list[str], rows: list[list[str]]) -> None:
    """Print a table for people on stdout. Cells are plain text; square brackets have no special meaning."""
    sys.stdout.write(table(title, columns, rows))
