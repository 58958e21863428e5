"""`evidence`: export recorded runs, remove old data, and downgrade the schema."""

import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from migration.cli.names import known_surface
from migration.cli.output import JsonFlag, note, print_json
from migration.errors import ConfigurationError
from migration.settings import MigrationSettings

command = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Export recorded runs from the evidence, remove old data, downgrade its schema."
)

_AGE = re.compile(r"([1-9]\d{0,5})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


@command.command()
def export(
    fingerprint: Annotated[str | None, typer.Option(help="Only runs that showed this kind of divergence: 12 hex digits.")] = None,
    surface: Annotated[str | None, typer.Option(help="Only this surface.")] = None,
) -> None:
    """Print the served runs that are stored whole, as JSON Lines, the oldest first; `replay` and `pytest --engine-parity` read this format.

    Whole runs are stored only for tenants that allow free text; secrets are removed from them too.

    Exit codes: 0 printed; 2 wrong use, or nothing is stored: the message gives the reason.

    Example: netra-migration evidence export --fingerprint 0f3a9c2b71de > run.jsonl
    """
    from migration.cli.kept_recordings import kept

    settings = MigrationSettings()
    found = kept(settings, fingerprint, known_surface(settings, surface) if surface else None)
    for one in found:
        sys.stdout.buffer.write(one.line)
    sys.stdout.buffer.flush()
    note(f"{len(found)} recorded runs; they contain what users wrote")


@command.command()
def prune(
    older_than: Annotated[str, typer.Option(help="Age: a number and s, m, h, d or w, such as 30d.")],
    as_json: JsonFlag = False,
) -> None:
    """Remove comparisons older than an age, with their examples and recordings, and the kinds of divergences that were not seen since.

    Exit codes: 0 done; 2 wrong use, or the evidence cannot be written.

    Example: netra-migration evidence prune --older-than 30d
    """
    from migration.evidence import EvidenceStore

    age_s = _seconds(older_than)
    store = EvidenceStore.for_writing(MigrationSettings())
    try:
        removed = store.prune(age_s)
    finally:
        store.close()
    if as_json:
        print_json({"removed": removed})
    note(f"{removed} comparisons older than {older_than} were removed")


@command.command()
def downgrade(
    revision: Annotated[str, typer.Argument(help="The older schema, such as 0003; `base`: no schema at all.")],
    backup: Annotated[Path | None, typer.Option(help="File of the backup; default: next to the evidence, named by the time.")] = None,
    no_backup: Annotated[bool, typer.Option("--no-backup", help="There already is a backup.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Downgrade the evidence to an older schema, for an older version of this tool. Stop all its processes first.

    A backup is written first. Rows of the remaining tables are counted before and after every step; if a step would lose a row, nothing is
    changed.

    Exit codes: 0 done; 2 wrong use, no such schema, or the backup or the evidence cannot be written.

    Example: netra-migration evidence downgrade 0003
    """
    from migration.evidence import Database, back_up
    from migration.evidence import downgrade as take_back

    settings = MigrationSettings()
    database = Database(settings.evidence())
    try:
        with database.transaction("read"):  # raises the error if the evidence cannot be opened
            pass
        if not no_backup:
            file = backup or settings.path(Path(f"evidence-{datetime.now(UTC):%Y%m%dT%H%M%S}.bak.db"))
            back_up(database.engine, file)
            note(f"backup: {file}")
        dropped = take_back(database.engine, revision)
    finally:
        database.close()
    if as_json:
        print_json({"revision": revision, "dropped": dict(dropped)})
    for table, rows in dropped.items():
        note(f"{table} does not exist in schema {revision}: its {rows} rows are only in the backup")
    note(f"the evidence has schema {revision}")


def _seconds(age: str) -> float:
    match = _AGE.fullmatch(age.strip())
    if match is None:
        raise ConfigurationError(f"{age!r} is not an age; write a number and s, m, h, d or w, such as 30d")
    return int(match[1]) * _SECONDS[match[2]]
