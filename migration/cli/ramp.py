"""`ramp`: show the effect of a step of a ramp, without taking the step."""

from typing import Annotated

import typer

from migration.cli.moves import All, Percent, Rest, StageName, Surface, asked
from migration.cli.output import JsonFlag, note, print_json
from migration.settings import MigrationSettings

command = typer.Typer(add_completion=False, no_args_is_help=True, help="Preview a step of a ramp before it is taken.")

_FINDING = 1


@command.callback()
def ramp() -> None:
    """Preview a step of a ramp before it is taken."""


@command.command()
def preview(
    surface: Surface,
    stage: StageName,
    *,
    tenant: Annotated[str | None, typer.Option("--tenant", help="Only this tenant.")] = None,
    percent: Percent = None,
    everybody: All = False,
    rest: Rest = None,
    as_json: JsonFlag = False,
) -> None:
    """Show who would move from which stage to which, what would be refused and why, current runs, and expected shadows. Nothing is written.

    Exit codes: 0 the edit is proved; 1 it would be refused; 2 wrong use.

    Example: netra-migration ramp preview chat live --percent 10
    """
    from migration.cli.edits import as_document, previewed, say
    from migration.rollout import Edits

    settings = MigrationSettings()
    move = asked(settings, surface, stage, tenant=tenant, percent=percent, everybody=everybody, rest=rest)
    with Edits(settings) as edits:
        found = previewed(move.on(edits))
    say(found)
    for problem in found.problems:
        note(f"refused: {problem}")
    if as_json:
        print_json(as_document(found))
    if found.problems:
        raise typer.Exit(_FINDING)
