"""A sparing parameter converts and refuses as typer itself does."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import pytest
import typer

from migration.cli.parameters import spare_pydantic


class Switch(StrEnum):
    ON = "on"
    OFF = "off"


app = typer.Typer()


@app.command()
def command(
    switch: Annotated[Switch | None, typer.Argument()] = None,
    text: Annotated[str | None, typer.Option()] = None,
    several: Annotated[list[str] | None, typer.Option()] = None,
    number: Annotated[float, typer.Option(min=0)] = 1.5,
    path: Annotated[Path | None, typer.Option(exists=True)] = None,
    flag: Annotated[bool, typer.Option("--flag")] = False,
) -> None:
    typer.echo(repr((switch, text, several, number, path, flag)))


LINES = [
    "",
    "on",
    "sideways",
    "--text x --flag",
    "--text",
    "--several a --several b",
    "--number 3",
    "--number -1",
    "--number x",
    "--path /",
    "--path /nowhere",
    "--bogus",
    "--help",
    "on off",
]


def outcome(command, line, capsys):
    try:
        command.main(line.split(), prog_name="command")
        code = None
    except SystemExit as ended:
        code = ended.code
    return code, *capsys.readouterr()


@pytest.mark.parametrize("line", LINES)
def test_what_a_command_gets_and_what_it_refuses_is_as_typer_has_it(line, capsys):
    spared = typer.main.get_command(app)
    spare_pydantic(spared)
    assert outcome(spared, line, capsys) == outcome(typer.main.get_command(app), line, capsys)
