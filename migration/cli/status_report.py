"""What `status` shows: the state of every surface, of the processes that serve them, and of the run stores."""

from datetime import UTC, date, datetime

import msgspec

from migration.cli.failover_status import FailoverStatus
from migration.cli.gate_status import GateStatus, gate_status
from migration.cli.judgement import NoiseStatus, noise_status
from migration.cli.ledger_status import LedgerStatus, ledger_status
from migration.cli.names import configured_surface
from migration.cli.output import note, print_json, print_table
from migration.cli.process_status import Followed, Process, ProcessesStatus, SurfaceStanding, print_processes, processes_status
from migration.cli.removal_standing import removal_standing
from migration.cli.store_lag import StoresStatus, print_stores, say_what_is_wrong, stores_status
from migration.errors import ConfigurationError
from migration.evidence import EvidenceReader
from migration.model import Stage, Verdict
from migration.settings import MigrationSettings

_ALL_KINDS = 100_000


class SurfaceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One surface."""

    surface: str
    stage: Stage | None  #: the furthest stage of tenants without a pin; None: no process reports it
    percent: float | None  #: percentage of those tenants at this stage, by a sample, so within about 3 points; None: no process reports it
    tenants: dict[str, int]  #: stage -> known tenants there; {}: no process has counted them
    counted_s: float | None  #: seconds since that count
    kill_switch: bool | None  #: None: no process reports it, or they differ
    runs: int  #: comparisons
    verdicts: dict[Verdict, int]
    removal: str | None  #: which criteria without an audit are met; None: no manifest in the working directory names the surface
    ledger: LedgerStatus
    noise: NoiseStatus
    failover: FailoverStatus  #: whether control resumes runs that candidate fails, and how many it saved
    upper_bound: float | None = None  #: upper bound of the share of divergent runs, 0 to 1; None: nothing was compared at this step
    gate: GateStatus | None = None  #: gate of the step that the surface has taken; None: it has taken none
    configuration: str | None = None  #: why its runs cannot be compared: its configuration is missing or invalid; None: it is valid


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """All surfaces, the processes that serve them, and the flags that these processes follow."""

    surfaces: list[SurfaceStatus]
    kill_switch: bool | None  #: True: it is on for at least one surface; None: no process reports it
    flags: Followed
    processes: list[Process]
    run_stores: StoresStatus


def report(settings: MigrationSettings, chosen: list[str], *, as_json: bool) -> bool:
    """Print the state of these surfaces; return whether something needs attention."""
    running, standings = processes_status(settings, chosen)
    found = _status(settings, running, standings, datetime.now(UTC))
    if as_json:
        print_json(found)
    else:
        _print(found)
        print_processes(running)
        print_stores(found.run_stores)
    for remark in running.remarks():
        note(remark)
    _say_what_is_wrong(found)
    return (
        running.needs_attention
        or found.run_stores.needs_attention
        or any(one.configuration or one.ledger.error or one.ledger.expired for one in found.surfaces)
    )


def _status(settings: MigrationSettings, running: ProcessesStatus, standings: dict[str, SurfaceStanding], now: datetime) -> Status:
    evidence = EvidenceReader.of_settings(settings)
    removal = removal_standing(settings, standings, now.timestamp())
    gates = gate_status(settings, list(standings))
    try:
        rows = [
            msgspec.structs.replace(
                _surface(settings, name, standing, evidence, now.date(), removal.get(name)),
                gate=(gate := gates[name]),
                upper_bound=None if gate is None else gate.upper,
            )
            for name, standing in standings.items()
        ]
    finally:
        evidence.close()
    switches = [row.kill_switch for row in rows]
    return Status(
        surfaces=rows,
        kill_switch=True if True in switches else None if None in switches else False,
        flags=running.flags,
        processes=running.processes,
        run_stores=stores_status(settings, list(standings)),
    )


def _surface(
    settings: MigrationSettings, surface: str, standing: SurfaceStanding, evidence: EvidenceReader, today: date, removal: str | None
) -> SurfaceStatus:
    summary = evidence.summary(surface)
    known = evidence.divergences(surface, limit=_ALL_KINDS) if summary.runs else None
    return SurfaceStatus(
        surface=surface,
        stage=standing.stage,
        percent=standing.percent,
        tenants=standing.tenants,
        counted_s=standing.counted_s,
        kill_switch=standing.kill_switch,
        runs=summary.runs,
        verdicts=summary.verdicts,
        removal=removal,
        ledger=ledger_status(settings.path(settings.ledger_dir) / f"{surface}.toml", known, today),
        noise=noise_status(evidence.noise(surface)),
        failover=standing.failover,
        configuration=_misconfigured(settings, surface),
    )


def _misconfigured(settings: MigrationSettings, surface: str) -> str | None:
    try:
        configured_surface(settings, surface)
    except ConfigurationError as error:
        return str(error)
    return None


def _print(found: Status) -> None:
    columns = ["surface", "stage", "known tenants", "kill switch", "runs", "verdicts", "gate"]
    rows = [
        [
            one.surface,
            f"{one.percent:g} % {one.stage.value}" if one.stage and one.percent is not None else "unknown",
            _tenants(one),
            {True: "ON", False: "off", None: "unknown"}[one.kill_switch],
            str(one.runs),
            ", ".join(f"{runs} {verdict.value}" for verdict, runs in one.verdicts.items() if runs) or "-",
            "-" if one.gate is None else one.gate.sentence(),
        ]
        for one in found.surfaces
    ]
    flags = found.flags
    title = (
        "Surfaces" if flags.source is None else f"Surfaces (as processes evaluate them: flags version {flags.version} of {flags.source})"
    )
    print_table(title, columns, rows)


def _tenants(one: SurfaceStatus) -> str:
    if one.counted_s is None:
        return "not counted"
    counts = ", ".join(f"{count:,} {stage}" for stage, count in sorted(one.tenants.items())) or "none"
    return f"{counts} ({one.counted_s:.0f} s ago)"


def _say_what_is_wrong(found: Status) -> None:
    for one in found.surfaces:
        if one.configuration is not None:
            note(f"{one.surface}: not configured, so its runs are not compared: {one.configuration}")
        for remark in (*one.ledger.remarks(), *one.noise.remarks(), *one.failover.remarks()):
            note(f"{one.surface}: {remark}")
        if not one.runs:
            note(f"{one.surface}: nothing was compared yet")
    say_what_is_wrong(found.run_stores)
