"""`removal flags`: which flags are no longer needed, and archive them."""

from pathlib import Path
from typing import Annotated

import typer

from migration.cli.names import known_surface
from migration.cli.output import JsonFlag, note, print_json, print_table
from migration.errors import ConfigurationError
from migration.settings import MigrationSettings

_FINDING = 1


def run(
    surfaces: Annotated[
        list[str] | None, typer.Argument(metavar="[SURFACE]...", help="Only these surfaces; default: all in the manifest.")
    ] = None,
    *,
    archive: Annotated[
        bool, typer.Option("--archive", help="Archive the flags at LaunchDarkly that are no longer needed, in all environments.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", help="The reason; kept in the history.")] = "",
    root: Annotated[Path, typer.Option("--root", help="The folder with the pyproject.toml that names what belongs to control.")] = Path(),
    as_json: JsonFlag = False,
) -> None:
    """List the flags of surfaces and whether they are still needed, and archive on request those that are not.

    A flag is needed while a tenant is not at `complete`, and while a running process has control of the surface, because such a process
    evaluates the flag. Without any report of a process it counts as needed.

    Exit codes: 0 none of the flags is needed any more; 1 some flag is; 2 wrong use.

    Example: netra-migration removal flags chat --archive --reason "control of chat was removed"
    """
    from migration.consolidation.removal import RetiredFlags, load_manifest
    from migration.flags.editors import open_editor

    if archive and not reason.strip():
        raise ConfigurationError("--archive needs --reason: write why the flags are no longer needed")
    settings = MigrationSettings()
    chosen = list(dict.fromkeys(surfaces or [*load_manifest(root).surfaces]))
    for surface in surfaces or ():
        known_surface(settings, surface)
    flags = RetiredFlags(settings, open_editor(settings))
    found = flags.archive(chosen, reason) if archive else flags.listed(chosen)
    if as_json:
        print_json({"flags": found})
    else:
        print_table("Flags", ["surface", "flag", "state", "what to do"], [[one.surface, one.key, one.state, one.detail] for one in found])
    for one in found:
        note(f"{one.key}: {one.state}")
    if any(one.state == "needed" for one in found):
        raise typer.Exit(_FINDING)
