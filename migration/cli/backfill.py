"""`backfill`: copy a surface's history from one run store to the other, and verify that it is complete."""

from enum import StrEnum
from typing import Annotated

import typer

from migration.cli.names import known_surface
from migration.cli.output import JsonFlag
from migration.settings import MigrationSettings

command = typer.Typer(add_completion=False)

_FINDING = 1


class Target(StrEnum):
    """The store that must become complete."""

    USER = "user"
    LEGACY = "legacy"


@command.command()
def backfill(
    surface: Annotated[str, typer.Argument(help="The surface, e.g. chat.")],
    to: Annotated[
        Target, typer.Option("--to", help="The store to fill. Use `legacy` to go back after a time at `complete`.")
    ] = Target.USER,
    as_json: JsonFlag = False,
) -> None:
    """Copy a surface's finished runs into one run store, verified by count and digest per tenant. Stages from `shadow` on need it.

    You can run it while users chat, and repeat it: it continues where it was stopped, and copies nothing twice. Exit codes: 0 the history
    of every tenant is complete; 1 the history of a tenant is not, and the reason is shown; 2 wrong use, or a store does not answer.

    Example: netra-migration backfill chat
    """
    from migration.cli.backfill_report import report

    settings = MigrationSettings()
    known_surface(settings, surface)
    if not report(settings, surface, to.value, as_json=as_json):
        raise typer.Exit(_FINDING)
