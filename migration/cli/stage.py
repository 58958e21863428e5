"""`stage`: show the stage of each surface and tenant, and move them to other stages."""

from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from migration.cli.moves import All, Percent, Rest, StageName, Surface, asked
from migration.cli.names import chosen_surfaces, known_surface, known_tenant
from migration.cli.output import JsonFlag, note
from migration.errors import RolloutStateError
from migration.settings import MigrationSettings

if TYPE_CHECKING:
    from migration.flags.editors import FlagRead
    from migration.rollout import Gates

command = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Show or move the stage of a surface, of a percentage of its tenants, or of one tenant.",
)

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]
Force = Annotated[bool, typer.Option("--force", help="Write the edit although it is refused; needs --reason, and is kept in the history.")]
Reason = Annotated[str, typer.Option("--reason", help="The reason; kept in the history.")]
SurfaceOption = Annotated[str | None, typer.Option("--surface", help="Only for this surface.")]
TenantOption = Annotated[str | None, typer.Option("--tenant", help="Only for this tenant, on all surfaces.")]


@command.command()
def show(
    surface: Annotated[str | None, typer.Argument(help="Only this surface.")] = None,
    explain: Annotated[
        str | None, typer.Option("--explain", metavar="TENANT", help="Show the stage of this tenant, and why: reason, rule, bucket.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show stages, pins, kill switch and sampling, as LaunchDarkly's SDK evaluates the flags.

    A flag that is a plain percentage rollout is shown as a bar of its stages; for any other flag the known tenants are evaluated and
    counted. Exit codes: 0 success; 1 a flag is invalid, or processes follow another version; 2 wrong use, or flags cannot be read.

    Example: netra-migration stage show chat --explain acme
    """
    from migration.cli.stage_page import show_stages

    settings = MigrationSettings()
    chosen = chosen_surfaces(settings, [surface] if surface else [])
    show_stages(settings, chosen, known_tenant(settings, explain) if explain is not None else None, as_json=as_json)


@command.command("set")
def set_stage(
    surface: Surface,
    stage: StageName,
    *,
    tenant: Annotated[str | None, typer.Option("--tenant", help="Pin this tenant to the stage, whatever its bucket is.")] = None,
    percent: Percent = None,
    everybody: All = False,
    rest: Rest = None,
    yes: Yes = False,
    force: Force = False,
    reason: Reason = "",
    as_json: JsonFlag = False,
) -> None:
    """Move one tenant, a percentage of the tenants, or all of them to a neighbouring stage, after it is proved which tenants move.

    A step forward that the gate of the surface's ramp does not allow needs --force and --reason; a step back never does. On a terminal the
    command asks before it writes. Exit codes: 0 success; 1 the gate does not allow the edit, or it was written but processes do not follow
    it or the history lacks it; 2 refused.

    Example: netra-migration stage set chat live --percent 1 --rest off
    """
    from migration.cli.edits import carry_out
    from migration.rollout import Edits, Gates

    settings = MigrationSettings()
    move = asked(settings, surface, stage, tenant=tenant, percent=percent, everybody=everybody, rest=rest)
    with Edits(settings) as edits, closing(Gates(settings)) as gates:
        carry_out(
            edits,
            move.on(edits),
            yes=yes,
            force=force,
            reason=reason,
            # An earlier stage is given on purpose, but a percentage below the current one may be a mistake.
            may_lower=percent is None,
            gate=lambda preview: gates.objections(surface, preview, tenant=move.tenant),
            as_json=as_json,
            after=lambda read: _moved(gates, surface, read),
        )


def _moved(gates: "Gates", surface: str, read: "FlagRead") -> None:
    try:
        gates.moved(surface, read.data)
    except RolloutStateError as error:
        note(f"it is not recorded since when {surface} is there; the step begins when this is first seen: {error}")


@command.command("unpin")
def unpin_tenant(
    surface: Surface,
    tenant: Annotated[str, typer.Argument(help="The pinned tenant.")],
    *,
    yes: Yes = False,
    force: Force = False,
    reason: Reason = "",
    as_json: JsonFlag = False,
) -> None:
    """Let a pinned tenant follow rules and percentages of the surface again."""
    from migration.cli.edits import carry_out
    from migration.rollout import Edits

    settings = MigrationSettings()
    known_surface(settings, surface)
    with Edits(settings) as edits:
        carry_out(edits, lambda tell: edits.unpin(surface, tenant, progress=tell), yes=yes, force=force, reason=reason, as_json=as_json)
