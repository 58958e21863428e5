"""`status`: the stage of every surface, which processes serve it, the verdicts of its comparisons, and what needs attention."""

from typing import Annotated

import typer

from migration.cli.names import chosen_surfaces
from migration.cli.output import JsonFlag
from migration.settings import MigrationSettings

command = typer.Typer(add_completion=False)

_FINDING = 1


@command.command()
def status(
    surface: Annotated[list[str] | None, typer.Option("--surface", help="Only this surface; may be given several times.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show stages, verdicts and ledgers of all surfaces, and the processes that serve them.

    Stages, flags and kill switch are shown as serving processes evaluate them; without processes they are not known.

    Exit codes: 0 success; 1 a process is silent or cannot read its flags, a surface is not configured, a ledger cannot be read, an accepted
    divergence has expired, or a run store refused a run; 2 wrong use.

    Example: netra-migration status --json
    """
    from migration.cli.status_report import report

    settings = MigrationSettings()
    if report(settings, chosen_surfaces(settings, surface or []), as_json=as_json):
        raise typer.Exit(_FINDING)
