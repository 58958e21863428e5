"""`ramp`: what a step of a ramp would do, without taking it."""

from typing import Annotated

import typer

from migration.cli.names import known_surface, known_tenant
from migration.cli.output import JsonFlag, note, print_json
from migration.cli.stage import All, Percent, Rest, StageName, Surface, check_one_of
from migration.settings import MigrationSettings
from migration.stages import parse_stage

command = typer.Typer(add_completion=False, no_args_is_help=True, help="Look at a step of a ramp before it is taken.")

_FINDING = 1


@command.callback()
def ramp() -> None:
    """Look at a step of a ramp before it is taken."""


@command.command()
def preview(
    surface: Surface,
    stage: StageName,
    *,
    tenant: Annotated[str | None, typer.Option("--tenant", help="This tenant alone.")] = None,
    percent: Percent = None,
    everybody: All = False,
    rest: Rest = None,
    as_json: JsonFlag = False,
) -> None:
    """Show who would move from where to where, what would be refused and why, runs under way and shadows to come. Nothing is written.

    Exit codes: 0 the edit is proved; 1 it would be refused; 2 wrong use.

    Example: netra-migration ramp preview chat live --percent 10
    """
    from migration.cli.edits import as_document, previewed, say
    from migration.rollout.edit import Edits

    settings = MigrationSettings()
    wanted, lowest = parse_stage(stage), parse_stage(rest) if rest is not None else None
    known_surface(settings, surface)
    check_one_of(tenant=tenant, percent=percent, everybody=everybody, rest=rest)
    with Edits(settings) as edits:
        if tenant is not None:
            held = known_tenant(settings, tenant)
            found = previewed(lambda tell: edits.pin(surface, held, wanted, progress=tell))
        else:
            found = previewed(lambda tell: edits.share(surface, wanted, 100.0 if percent is None else percent, lowest, progress=tell))
    say(found)
    for problem in found.problems:
        note(f"refused: {problem}")
    if as_json:
        print_json(as_document(found))
    if found.problems:
        raise typer.Exit(_FINDING)
