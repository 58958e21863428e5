"""`kill`: send every tenant of a surface, or of all, straight back to control."""

from enum import StrEnum
from typing import Annotated

import typer

from migration.cli.names import known_surface
from migration.cli.output import JsonFlag, note, print_json
from migration.errors import KillSwitchRefusedError
from migration.flags.document import FlagDocument
from migration.flags.file import FlagFile
from migration.flags.surface_flag import SurfaceFlag
from migration.model import Stage
from migration.settings import MigrationSettings

command = typer.Typer(add_completion=False)

_REFUSED_FOR_SOME = 1


class Switch(StrEnum):
    """The kill switch's positions."""

    ON = "on"
    OFF = "off"


@command.command()
def kill(
    switch: Annotated[Switch, typer.Argument(help="on: control serves everybody up to `rampdown`; off: stages hold again.")],
    surface: Annotated[str | None, typer.Argument(help="Only this surface; without it all of them, now and later.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Turn the kill switch. Runs under way end as they began; the next ones follow it. Exit code 1: some surface refuses it."""
    settings = MigrationSettings()
    chosen = (known_surface(settings, surface),) if surface else settings.surfaces
    on = switch is Switch.ON
    refused: list[str] = []

    def edit(document: FlagDocument) -> FlagDocument:
        refused.extend(name for name in chosen if on and _all_complete(document.surfaces[name]))
        if len(refused) == len(chosen):
            raise KillSwitchRefusedError(refused[0])
        return document.with_kill_switch(on, surface)

    after = FlagFile(settings.path(settings.flags_file), settings.surfaces).edit(edit).after
    for name in chosen:
        note(_effect(after.surfaces[name], on=on, refused=name in refused))
    if as_json:
        switches = {name: after.kill_switch.holds(name) and name not in refused for name in settings.surfaces}
        print_json({"kill_switch": switches, "refused": refused, "version": after.version})
    if refused:
        raise typer.Exit(_REFUSED_FOR_SOME)


def _all_complete(flag: SurfaceFlag) -> bool:
    """Whether the kill switch would reach no tenant at all."""
    stages = {band.stage for band in flag.bands()} | (set(flag.pins.values()) if flag.on else set())
    return stages == {Stage.COMPLETE}


def _effect(flag: SurfaceFlag, *, on: bool, refused: bool) -> str:
    """Return what the switch does to this surface, as words."""
    if refused:
        return str(KillSwitchRefusedError(flag.surface))
    if not on:
        return f"{flag.surface}: stages hold"
    pinned = [tenant for tenant, stage in sorted(flag.pins.items()) if stage is Stage.COMPLETE]
    percent = flag.percents()[Stage.COMPLETE]
    if not percent and not pinned:
        return f"{flag.surface}: control serves"
    who = f"{percent:g} % of the tenants" + (f" and {', '.join(pinned)}" if pinned else "") if percent else ", ".join(pinned)
    return f"{flag.surface}: control serves, but {who} stay with the candidate: they are at `complete`"
