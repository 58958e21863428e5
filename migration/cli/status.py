"""`status`: where every surface is, what its comparisons said, and what needs a person."""

from datetime import UTC, date, datetime
from typing import Annotated

import msgspec
import typer

from migration.cli.judgement import NoiseStatus, noise_status
from migration.cli.ledger_status import LedgerStatus, ledger_status
from migration.cli.output import JsonFlag, note, print_json, print_table
from migration.cli.removal_standing import removal_standing
from migration.cli.store_lag import StoresStatus, print_stores, say_what_is_wrong, stores_status
from migration.errors import FlagSourceError
from migration.evidence.store import EvidenceReader
from migration.flags.document import FlagDocument
from migration.flags.file import FlagFile
from migration.model import Stage, Verdict
from migration.settings import MigrationSettings

command = typer.Typer(add_completion=False)

_FINDING = 1
_ALL_KINDS = 100_000


class SurfaceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One surface."""

    surface: str
    stage: Stage | None  #: the furthest that tenants without a pin are at; None: flags cannot be read
    percent: float | None  #: of those tenants; None: flags cannot be read
    pins: dict[str, Stage]  #: tenants with a stage of their own
    kill_switch: bool | None  #: None: flags cannot be read
    runs: int  #: comparisons
    verdicts: dict[Verdict, int]
    upper_bound: float | None  #: of the divergence rate; None: no gate has computed one
    gate: str | None  #: None: no gate has looked at this surface
    removal: str | None  #: how many of the criteria that need no audit are met; None: no manifest here names the surface
    ledger: LedgerStatus
    noise: NoiseStatus


class FlagsStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How well the flags can be read, from here."""

    source: str
    up: bool  #: False: running backends keep the last flags that they read
    age_s: float | None  #: seconds since the file was written; None: it is missing or cannot be read
    version: int | None  #: sum of the versions of all flags, 0 before the first edit; None: flags cannot be read
    error: str | None


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """All surfaces, and the flags they follow."""

    surfaces: list[SurfaceStatus]
    kill_switch: bool | None  #: True: it is on for at least one surface; None: flags cannot be read
    flags: FlagsStatus
    run_stores: StoresStatus

    @property
    def needs_attention(self) -> bool:
        """Whether flags or a ledger cannot be read, an entry of a ledger has expired, or a run store refused a run."""
        return not self.flags.up or self.run_stores.needs_attention or any(one.ledger.error or one.ledger.expired for one in self.surfaces)


@command.command()
def status(
    surface: Annotated[list[str] | None, typer.Option("--surface", help="Only this surface; may be given again.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show stages, percentages, verdicts and ledgers of all surfaces.

    Exit codes: 0 fine; 1 flags or a ledger cannot be read, an accepted divergence has expired, or a run store refused a run; 2 wrong use.

    Example: netra-migration status --json
    """
    from migration.cli.names import known_surface

    settings = MigrationSettings()
    chosen = [known_surface(settings, name) for name in surface or settings.surfaces]
    found = _status(settings, chosen, datetime.now(UTC))
    if as_json:
        print_json(found)
    else:
        _print(found)
        print_stores(found.run_stores)
    _say_what_is_wrong(found)
    if found.needs_attention:
        raise typer.Exit(_FINDING)


def _status(settings: MigrationSettings, surfaces: list[str], now: datetime) -> Status:
    document, flags = _flags(settings, now)
    evidence = EvidenceReader.of_settings(settings)
    removal = removal_standing(settings, surfaces, now.timestamp())
    try:
        rows = [_surface(settings, name, document, evidence, now.date(), removal.get(name)) for name in surfaces]
    finally:
        evidence.close()
    return Status(
        surfaces=rows,
        kill_switch=None if document is None else any(row.kill_switch for row in rows),
        flags=flags,
        run_stores=stores_status(settings, surfaces),
    )


def _flags(settings: MigrationSettings, now: datetime) -> tuple[FlagDocument | None, FlagsStatus]:
    """Return the flags as they are in the file now, None when they cannot be read, and how that went."""
    path = settings.path(settings.flags_file)
    try:
        document = FlagFile(path, settings.surfaces).read()
        age_s = max(0.0, now.timestamp() - path.stat().st_mtime) if document.version else None
    except (FlagSourceError, OSError) as error:
        return None, FlagsStatus(source=f"file:{path}", up=False, age_s=None, version=None, error=str(error))
    return document, FlagsStatus(source=f"file:{path}", up=True, age_s=age_s, version=document.version, error=None)


def _surface(
    settings: MigrationSettings, surface: str, document: FlagDocument | None, evidence: EvidenceReader, today: date, removal: str | None
) -> SurfaceStatus:
    summary = evidence.summary(surface)
    known = evidence.divergences(surface, limit=_ALL_KINDS) if summary.runs else None
    flag = document.surfaces[surface] if document is not None else None
    stage = None if flag is None else flag.bands()[-1].stage
    return SurfaceStatus(
        surface=surface,
        stage=stage,
        percent=None if flag is None or stage is None else flag.percents()[stage],
        pins={} if flag is None else dict(sorted(flag.pins.items())),
        kill_switch=None if document is None else document.kill_switch.holds(surface),
        runs=summary.runs,
        verdicts=summary.verdicts,
        upper_bound=None,
        gate=None,
        removal=removal,
        ledger=ledger_status(settings.path(settings.ledger_dir) / f"{surface}.toml", known, today),
        noise=noise_status(evidence.noise(surface)),
    )


def _print(found: Status) -> None:
    columns = ["surface", "stage", "pins", "kill switch", "runs", "verdicts"]
    rows = [
        [
            one.surface,
            f"{one.percent:g} % {one.stage.value}" if one.stage and one.percent is not None else "unknown",
            str(len(one.pins)),
            {True: "ON", False: "off", None: "unknown"}[one.kill_switch],
            str(one.runs),
            ", ".join(f"{runs} {verdict.value}" for verdict, runs in one.verdicts.items() if runs) or "-",
        ]
        for one in found.surfaces
    ]
    flags = found.flags
    print_table(f"Surfaces (flags version {'unknown' if flags.version is None else flags.version}, {flags.source})", columns, rows)


def _say_what_is_wrong(found: Status) -> None:
    if found.flags.error:
        note(f"flags cannot be read: {found.flags.error}; running backends keep the last flags that they read")
    elif not found.flags.version:
        note("there is no flag file yet: every surface is at `off`; move one with `netra-migration stage set SURFACE dualwrite`")
    for one in found.surfaces:
        for remark in (*one.ledger.remarks(), *one.noise.remarks()):
            note(f"{one.surface}: {remark}")
        if not one.runs:
            note(f"{one.surface}: nothing was compared yet")
    say_what_is_wrong(found.run_stores)
