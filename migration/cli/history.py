"""`history`: who changed what, when and why, and which processes died."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from migration.cli.names import known_surface
from migration.cli.output import JsonFlag, note, print_json, print_table
from migration.settings import MigrationSettings

command = typer.Typer(add_completion=False)


@command.command()
def history(
    surface: Annotated[str | None, typer.Option("--surface", help="Only entries about this surface.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Show at most this many of the newest entries.")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """Show every edit of the flags, also without this tool, every change of the kill switch, and every process that died.

    Example: netra-migration history --surface chat --json
    """
    from migration.history import History

    settings = MigrationSettings()
    if surface is not None:
        known_surface(settings, surface)
    log = History.reading(settings)
    try:
        entries = log.entries(surface, limit=limit)
    finally:
        log.close()
    if as_json:
        print_json({"entries": entries})
        return
    if not entries:
        note(f"the history is empty; it is stored in the database of the evidence ({settings.home.absolute()})")
        return
    rows = [
        [
            _time(one.at),
            one.who or "not known",
            one.kind.replace("_", " "),
            one.surface or "-",
            one.what,
            _version(one),
            one.why or "-",
            one.seen,
        ]
        for one in reversed(entries)
    ]
    print_table("History, the newest last", ["when (UTC)", "who", "kind", "surface", "what", "version", "why", "seen"], rows)


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _version(entry: object) -> str:
    before, after = getattr(entry, "version_before", None), getattr(entry, "version_after", None)
    return "-" if after is None else f"{'?' if before is None else before} -> {after}"
