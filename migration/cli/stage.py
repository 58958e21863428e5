"""`stage`: where each surface and tenant is, and moving them."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from migration.cli.names import known_surface, known_tenant
from migration.cli.output import JsonFlag, note, print_json, print_table
from migration.errors import ConfigurationError
from migration.flags.document import FlagDocument
from migration.flags.file import Edit, FlagFile
from migration.flags.ramp import Move, check_edit, describe, pin, share, unpin
from migration.flags.surface_flag import SurfaceFlag
from migration.settings import MigrationSettings
from migration.stages import PLANS, parse_stage

command = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Show or move the stage of a surface, of a percentage of its tenants, or of one tenant.",
)

_Surface = Annotated[str, typer.Argument(help="The surface, e.g. chat.")]


@command.command()
def show(
    surface: Annotated[str | None, typer.Argument(help="Only this surface.")] = None,
    tenant: Annotated[str | None, typer.Option("--tenant", help="Where this tenant is, too.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show stages, percentages, pins and the kill switch."""
    settings = MigrationSettings()
    document = _file(settings).read()
    chosen = [known_surface(settings, surface)] if surface else settings.surfaces
    known = known_tenant(settings, tenant) if tenant is not None else None
    if not document.version:
        note(f"there is no flag file at {settings.path(settings.flags_file)} yet: every surface is at `off`")
    rows = [_row(document, document.surfaces[name], known) for name in chosen]
    if as_json:
        print_json({"surfaces": rows, "shadow_sampling": document.sampling_percent, "version": document.version})
        return
    print_table(f"Stages (flags version {document.version})", *_table(rows))


@command.command("set")
def set_stage(
    surface: _Surface,
    stage: Annotated[str, typer.Argument(help="off, dualwrite, shadow, live, rampdown or complete.")],
    *,
    tenant: Annotated[str | None, typer.Option("--tenant", help="Pin this tenant to the stage, whatever the percentage.")] = None,
    percent: Annotated[
        float | None, typer.Option("--percent", help="This percentage of tenants goes to the stage; the rest is one stage before it.")
    ] = None,
    allow_back: Annotated[bool, typer.Option("--allow-back", help="With --percent: tenants may go to an earlier stage.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Move a surface, a percentage of its tenants, or one tenant to a neighbouring stage. Pinned tenants stay where they are."""
    settings = MigrationSettings()
    wanted = parse_stage(stage)
    if tenant is not None and percent is not None:
        raise ConfigurationError("--tenant moves one tenant and --percent many; give one of them")
    known = known_tenant(settings, tenant) if tenant is not None else None

    def change(flag: SurfaceFlag) -> SurfaceFlag:
        return pin(flag, known, wanted) if known is not None else share(flag, wanted, 100.0 if percent is None else percent)

    # Naming an earlier stage is asking for it; a percentage may be lower than the present one by mistake.
    _move(settings, known_surface(settings, surface), change, allow_back=allow_back or percent is None, as_json=as_json)


@command.command("unpin")
def unpin_tenant(
    surface: _Surface,
    tenant: Annotated[str, typer.Argument(help="The pinned tenant.")],
    as_json: JsonFlag = False,
) -> None:
    """Let a pinned tenant follow the surface's percentages again."""
    settings = MigrationSettings()
    _move(settings, known_surface(settings, surface), lambda flag: unpin(flag, tenant), allow_back=True, as_json=as_json)


def _move(
    settings: MigrationSettings, surface: str, change: Callable[[SurfaceFlag], SurfaceFlag], *, allow_back: bool, as_json: bool
) -> None:
    """Edit one surface's flag under the lock, with the proof that nobody moves where they may not."""
    found: list[Move] = []

    def edit(document: FlagDocument) -> FlagDocument:
        before = document.surfaces[surface]
        after = change(before)
        found.extend(check_edit(before, after, allow_back=allow_back, tenants=settings.tenants))
        _check_history(settings, before, after, found)
        return document.with_surface(after)

    _report(surface, _file(settings).edit(edit), found, as_json=as_json)


def _check_history(settings: MigrationSettings, before: SurfaceFlag, after: SurfaceFlag, found: list[Move]) -> None:
    """Refuse a move to a stage whose run stores are not known to hold the history of those who move."""
    if not settings.stores:
        return
    from migration.stores import Coverage, StoresDatabase, check_history

    database = StoresDatabase(settings.outbox())
    try:
        check_history(after.surface, [move.after for move in found], before.stage_of, after.stage_of, Coverage(database))
    finally:
        database.close()


def _report(surface: str, edit: Edit, found: list[Move], *, as_json: bool) -> None:
    flag = edit.after.surfaces[surface]
    if as_json:
        print_json({**_row(edit.after, flag, None), "flags_version": edit.after.version, "moves": [_move_json(move) for move in found]})
    for move in found:
        note(describe(move))
    if not found:
        note("nobody moves")
    if edit.after.kill_switch.holds(surface):
        note(f"the kill switch of {surface} is on: control serves until `kill off {surface}`")
    if not as_json:
        print_table(f"{surface} (flags version {edit.after.version})", *_table([_row(edit.after, flag, None)]))


def _file(settings: MigrationSettings) -> FlagFile:
    return FlagFile(settings.path(settings.flags_file), settings.surfaces)


def _move_json(move: Move) -> dict[str, Any]:
    return {"from": move.before.value, "to": move.after.value, "percent": move.percent, "tenants": list(move.tenants)}


def _row(document: FlagDocument, flag: SurfaceFlag, tenant: str | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "surface": flag.surface,
        "version": flag.version,
        "stages": {stage.value: percent for stage, percent in flag.percents().items() if percent},
        "pins": {name: stage.value for name, stage in sorted(flag.pins.items())},
        "kill_switch": document.kill_switch.holds(flag.surface),
    }
    if tenant is not None:
        plan = PLANS[flag.stage_of(tenant)]
        row["tenant"] = {
            "tenant": tenant,
            "stage": plan.stage.value,
            "pinned": tenant in flag.pins,
            "bucket": round(flag.bucket(tenant) * 100, 3),
        }
    return row


def _table(rows: list[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    columns = ["surface", "stages", "pinned tenants", "kill switch", "version"]
    lines = [
        [
            row["surface"],
            ", ".join(f"{percent:g} % {stage}" for stage, percent in row["stages"].items()),
            ", ".join(f"{tenant} {stage}" for tenant, stage in row["pins"].items()) or "-",
            "on" if row["kill_switch"] else "off",
            str(row["version"]),
        ]
        for row in rows
    ]
    if any("tenant" in row for row in rows):
        columns.append("this tenant")
        for line, row in zip(lines, rows, strict=True):
            line.append(f"{row['tenant']['stage']}{' (pinned)' if row['tenant']['pinned'] else ''}")
    return columns, lines
