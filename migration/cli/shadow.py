"""`shadow`: show or change the percentage of runs that are shadowed."""

from typing import Annotated

import typer

from migration.cli.names import chosen_surfaces, known_surface, known_tenant
from migration.cli.output import JsonFlag, note, print_json, print_table
from migration.cli.stage import Force, Reason, SurfaceOption, TenantOption, Yes
from migration.errors import ConfigurationError
from migration.settings import MigrationSettings

command = typer.Typer(add_completion=False, no_args_is_help=True, help="Show or change the percentage of runs that are shadowed.")


@command.command()
def show(as_json: JsonFlag = False) -> None:
    """Show for each surface, and for each tenant with its own value, the percentage of runs that are shadowed at stages with a shadow."""
    from migration.cli.stage_page import sampling_now

    settings = MigrationSettings()
    chosen_surfaces(settings, [])
    name, found = sampling_now(settings)
    if as_json:
        print_json(found)
        return
    rows = [[surface, "all others", f"{percent:g} %"] for surface, percent in found["surfaces"].items()]
    rows += [[surface, tenant, f"{percent:g} %"] for tenant, percents in found["tenants"].items() for surface, percent in percents.items()]
    print_table(f"Shadow sampling ({name})", ["surface", "tenant", "of the runs"], rows)
    for complaint in found["complaints"]:
        note(complaint)


@command.command("set")
def set_percent(
    percent: Annotated[str, typer.Argument(metavar="PERCENT", help="0 to 100; `default` removes the value of a surface or tenant.")],
    *,
    surface: SurfaceOption = None,
    tenant: TenantOption = None,
    yes: Yes = False,
    force: Force = False,
    reason: Reason = "",
    as_json: JsonFlag = False,
) -> None:
    """Set the percentage of runs that are shadowed: the default, or the value for a surface or a tenant.

    Exit codes: 0 success; 1 written, but processes do not follow the edit or the history lacks it; 2 wrong use, or refused.

    Example: netra-migration shadow set 20 --surface chat
    """
    from migration.cli.edits import carry_out
    from migration.rollout import Edits

    settings = MigrationSettings()
    one = known_surface(settings, surface) if surface is not None else None
    held = known_tenant(settings, tenant) if tenant is not None else None
    wanted = None if percent == "default" else _number(percent)
    if wanted is None and one is None and held is None:
        raise ConfigurationError("`default` removes the value of one surface or tenant; give --surface S or --tenant T")
    with Edits(settings) as edits:
        carry_out(
            edits,
            lambda tell: edits.unsample(one, held, progress=tell) if wanted is None else edits.sample(wanted, one, held, progress=tell),
            yes=yes,
            force=force,
            reason=reason,
            as_json=as_json,
        )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigurationError(f"{text!r} is not a percentage; give 0 to 100, or `default`") from None
