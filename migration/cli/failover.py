"""`failover`: show or change whether control resumes runs that their candidate fails."""

from typing import Annotated

import typer

from migration.cli.kill import Switch
from migration.cli.names import chosen_surfaces, known_surface, known_tenant
from migration.cli.output import JsonFlag, print_json, print_table
from migration.cli.stage import Force, Reason, SurfaceOption, TenantOption, Yes
from migration.settings import MigrationSettings

command = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Show or change whether control resumes runs that their candidate fails."
)


@command.command()
def show(as_json: JsonFlag = False) -> None:
    """Show for each surface, and for each tenant with its own value, whether a failed run is resumed by control."""
    from migration.cli.stage_page import failover_now

    settings = MigrationSettings()
    chosen_surfaces(settings, [])
    name, found = failover_now(settings)
    if as_json:
        print_json(found)
        return
    rows = [[surface, "all others", "on" if on else "off"] for surface, on in found["surfaces"].items()]
    rows += [[surface, tenant, "on" if on else "off"] for tenant, values in found["tenants"].items() for surface, on in values.items()]
    print_table(f"Failover ({name})", ["surface", "tenant", "failover"], rows)


@command.command("set")
def switch(
    value: Annotated[Switch, typer.Argument(help="on: control resumes runs that candidate fails before their commit point.")],
    *,
    surface: SurfaceOption = None,
    tenant: TenantOption = None,
    yes: Yes = False,
    force: Force = False,
    reason: Reason = "",
    as_json: JsonFlag = False,
) -> None:
    """Switch failover on or off: for all tenants, for a surface or for a tenant. It has effect at `live` and `rampdown`, from the next run.

    Exit codes: 0 success; 1 written, but processes do not follow the edit or the history lacks it; 2 wrong use, or refused.

    Example: netra-migration failover set on --surface chat --reason "tools are declared"
    """
    from migration.cli.edits import carry_out
    from migration.rollout import Edits

    settings = MigrationSettings()
    one = known_surface(settings, surface) if surface is not None else None
    held = known_tenant(settings, tenant) if tenant is not None else None
    with Edits(settings) as edits:
        carry_out(
            edits,
            lambda tell: edits.fail_over(value is Switch.ON, one, held, progress=tell),
            yes=yes,
            force=force,
            reason=reason,
            as_json=as_json,
        )
