"""`evidence`: take recorded runs out of the evidence, and remove what is old."""

import re
import sys
from typing import Annotated

import typer

from migration.cli.kept_recordings import kept
from migration.cli.names import known_surface
from migration.cli.output import JsonFlag, note, print_json
from migration.errors import ConfigurationError
from migration.evidence.store import EvidenceStore
from migration.settings import MigrationSettings

command = typer.Typer(add_completion=False, no_args_is_help=True, help="Export recorded runs from the evidence, and remove what is old.")

_AGE = re.compile(r"([1-9]\d{0,5})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


@command.command()
def export(
    fingerprint: Annotated[str | None, typer.Option(help="Only runs that showed this kind of divergence: 12 hex digits.")] = None,
    surface: Annotated[str | None, typer.Option(help="Only this surface.")] = None,
) -> None:
    """Print the served runs that are kept whole, as JSON Lines, the oldest first; `replay` and `pytest --engine-parity` read them.

    Runs are kept whole only of tenants that allow free text; secrets are taken out even so.

    Exit codes: 0 printed; 2 wrong use, or nothing is kept: the message says why.

    Example: netra-migration evidence export --fingerprint 0f3a9c2b71de > run.jsonl
    """
    settings = MigrationSettings()
    found = kept(settings, fingerprint, known_surface(settings, surface) if surface else None)
    for one in found:
        sys.stdout.buffer.write(one.line)
    sys.stdout.buffer.flush()
    note(f"{len(found)} recorded runs; they hold what users said")


@command.command()
def prune(
    older_than: Annotated[str, typer.Option(help="Age: a number and s, m, h, d or w, such as 30d.")],
    as_json: JsonFlag = False,
) -> None:
    """Remove comparisons, with their examples and recordings, that are older, and kinds of divergences not seen since.

    Exit codes: 0 done; 2 wrong use, or the evidence cannot be written.

    Example: netra-migration evidence prune --older-than 30d
    """
    age_s = _seconds(older_than)
    store = EvidenceStore.for_writing(MigrationSettings())
    try:
        removed = store.prune(age_s)
    finally:
        store.close()
    if as_json:
        print_json({"removed": removed})
    note(f"{removed} comparisons older than {older_than} were removed")


def _seconds(age: str) -> float:
    match = _AGE.fullmatch(age.strip())
    if match is None:
        raise ConfigurationError(f"{age!r} is no age; write a number and s, m, h, d or w, such as 30d")
    return int(match[1]) * _SECONDS[match[2]]
