"""What `status` shows about processes, and about flags as these processes evaluate and follow them."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

import msgspec

from migration.cli.failover_status import FailoverStatus, failover_status
from migration.cli.output import print_table
from migration.errors import ProcessesError
from migration.model import Stage
from migration.processes import HeldBy, ProcessRow, ProcessTable, Told
from migration.settings import MigrationSettings

_NEWS_S = 3600.0
_ORDER = list(Stage)


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """One process, as it last reported."""

    name: str
    state: str  #: live, silent, died, stopped, lost
    heard_s: float  #: seconds since it last reported
    started_at: float  #: Unix seconds
    code_version: str
    flags_source: str
    flags_version: int | None
    followed_s: float | None  #: seconds for which it has followed this version
    kill_switch: list[str]  #: surfaces for which the process reports that the switch is on
    emergency: bool
    runs: dict[str, int]  #: current runs
    held_by: HeldBy | None  #: what separates a worker's engines from the outside; None: not a worker, or it takes no jobs yet
    shadow_waiting: int
    shadow_shares: dict[str, float]  #: surface -> part of the flag's percentage of runs that the governor allows to be drawn for shadowing
    shadow_cause: str | None  #: why a share is lowered; None: no share is lowered
    shadow_tax: dict[str, list[float]]  #: quantile -> by how much runs are slower because of shadows: lower bound, estimate, upper bound
    last_error: str | None


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """How well the processes can read their flags."""

    source: str | None  #: None: no process has been seen
    up: bool | None  #: False: at least one of them uses the last known flags
    age_s: float | None  #: seconds since the source was last read without an error, in the process where that is longest ago
    version: int | None  #: the oldest version that a process follows
    error: str | None


class SurfaceStanding(msgspec.Struct, frozen=True, kw_only=True):
    """The stage of one surface, as serving processes evaluate it."""

    stage: Stage | None  #: the furthest stage of tenants without a pin; None: no process reports it
    percent: float | None  #: percentage of tenants without a pin at this stage, by a sample, so within about 3 points
    kill_switch: bool | None  #: True: it is on in every process; None: no process reports it, or they differ
    tenants: dict[str, int]  #: stage -> known tenants there; {}: not counted yet
    counted_s: float | None  #: seconds since that count
    failover: FailoverStatus


class ProcessesStatus(msgspec.Struct, frozen=True, kw_only=True):
    """All processes that reported within an hour."""

    processes: list[Process]
    flags: Followed
    error: str | None  #: why nothing is known; None: the processes' reports could be read

    @property
    def needs_attention(self) -> bool:
        """Whether a process is silent or cannot read its flags, or nothing is known."""
        return self.error is not None or self.flags.up is False or any(one.state == "silent" for one in self.processes)

    def remarks(self) -> list[str]:
        """Return one sentence for each fact that a person should know."""
        if self.error is not None:
            return [f"it is not known what processes follow: {self.error}"]
        found = [] if self.flags.source is not None else ["no process has been seen: it is not known which flags are in use"]
        for one in self.processes:
            if one.state == "silent":
                found.append(f"{one.name} is silent for {one.heard_s:.0f} s: it is stopped, hangs, or cannot reach the database")
            elif one.state in {"died", "lost"}:
                found.append(f"{one.name} {'died' if one.state == 'died' else 'is lost'}; it last reported {one.heard_s:.0f} s ago")
            if one.state == "live" and (lowered := _lowered(one)) is not None:
                found.append(lowered)
            if one.state == "live" and one.held_by == "interpreter":
                found.append(f"{one.name}: only the interpreter, and not the kernel, separates its shadows from the outside")
        if self.flags.error is not None:
            found.append(f"flags: {self.flags.error}")
        versions = {one.flags_version for one in self.processes if one.state == "live" and one.flags_version is not None}
        if len(versions) > 1:
            found.append(f"processes follow different versions of the flags: {', '.join(map(str, sorted(versions)))}")
        return found


def processes_status(settings: MigrationSettings, surfaces: Collection[str]) -> tuple[ProcessesStatus, dict[str, SurfaceStanding]]:
    """Return what the processes report, and the state of each surface by these reports."""
    table = ProcessTable.reading(settings)
    try:
        told = table.told()
    except ProcessesError as error:
        nobody = Followed(source=None, up=None, age_s=None, version=None, error=None)
        return ProcessesStatus(processes=[], flags=nobody, error=str(error)), {surface: _standing(surface, []) for surface in surfaces}
    finally:
        table.close()
    serving = [one for one in told if one.serves]
    shown = [_process(one) for one in told if one.state in {"live", "silent"} or (one.state in {"died", "lost"} and one.age_s < _NEWS_S)]
    standings = {surface: _standing(surface, serving) for surface in surfaces}
    return ProcessesStatus(processes=shown, flags=_followed(serving), error=None), standings


def print_processes(found: ProcessesStatus) -> None:
    """Print a table of the processes; print nothing if there are none."""
    rows = [
        [
            one.name,
            one.state,
            f"{one.heard_s:.0f} s ago",
            datetime.fromtimestamp(one.started_at, UTC).strftime("%Y-%m-%d %H:%M:%S"),
            one.code_version,
            "-" if one.flags_version is None or one.followed_s is None else f"{one.flags_version}, for {one.followed_s:.0f} s",
            ("EMERGENCY " if one.emergency else "") + (", ".join(one.kill_switch) or "-"),
            str(sum(one.runs.values())),
            one.held_by or "-",
            str(one.shadow_waiting),
            _tax(one) or "-",
            one.last_error or "-",
        ]
        for one in found.processes
    ]
    if rows:
        columns = [
            "process",
            "state",
            "heard",
            "started (UTC)",
            "code",
            "flags version",
            "killed",
            "runs",
            "held by",
            "shadows waiting",
            "shadow tax",
            "last error",
        ]
        print_table("Processes", columns, rows)


def _lowered(process: Process) -> str | None:
    """Return a sentence if the governor lowers the share of runs that are shadowed."""
    shares = ", ".join(f"{surface} to {share:.3g}" for surface, share in process.shadow_shares.items() if share < 1.0)
    return f"{process.name} lowers the share of runs that are shadowed ({shares}) because of: {process.shadow_cause}" if shares else None


def _tax(process: Process) -> str:
    """Return the shadow tax in words, e.g. "0.99: +3.1 % (0.4 to 5.9)"."""
    return "; ".join(
        f"{quantile}: {estimate:+.1%} ({lower:+.1%} to {upper:+.1%})" for quantile, (lower, estimate, upper) in process.shadow_tax.items()
    )


def _process(told: Told) -> Process:
    row = told.row
    return Process(
        name=row.name,
        state=told.state,
        heard_s=round(told.age_s, 1),
        started_at=row.started_at,
        code_version=row.code_version,
        flags_source=row.flags_source,
        flags_version=row.flags_version,
        followed_s=_ago(told, row.followed_since),
        kill_switch=[surface for surface, on in row.kill_switch.items() if on],
        emergency=row.emergency,
        runs=row.runs,
        held_by=row.held_by,
        shadow_waiting=row.shadow_waiting,
        shadow_shares=row.shadow_shares,
        shadow_cause=row.shadow_cause,
        shadow_tax=row.shadow_tax,
        last_error=row.last_error,
    )


def _followed(serving: Sequence[Told]) -> Followed:
    if not serving:
        return Followed(source=None, up=None, age_s=None, version=None, error=None)
    rows = [(one.row, one.age_s) for one in serving]
    ages = [None if row.flags_age_s is None else row.flags_age_s + age_s for row, age_s in rows]
    return Followed(
        source=", ".join(sorted({row.flags_source for row, _ in rows})),
        up=all(row.flags_up for row, _ in rows),
        age_s=None if None in ages else round(max(age for age in ages if age is not None), 1),
        version=min(row.flags_version or 0 for row, _ in rows),
        error=next((row.flags_error for row, _ in rows if row.flags_error), None),
    )


def _standing(surface: str, serving: Sequence[Told]) -> SurfaceStanding:
    rows = [one for one in serving if surface in one.row.surfaces]
    switches = {one.row.kill_switch.get(surface) for one in rows}
    newest: ProcessRow | None = max((one.row for one in rows), key=lambda row: row.followed_since or 0.0, default=None)
    shares = {} if newest is None else newest.shares.get(surface, {})
    stage = max((Stage(name) for name in shares), key=_ORDER.index, default=None)
    counted = max((one for one in rows if one.row.counted_at is not None), key=lambda one: one.row.counted_at or 0.0, default=None)
    return SurfaceStanding(
        stage=stage,
        percent=None if stage is None else shares[stage.value],
        kill_switch=switches.pop() if len(switches) == 1 else None,
        tenants={} if counted is None else counted.row.stage_counts.get(surface, {}),
        counted_s=None if counted is None else _ago(counted, counted.row.counted_at),
        failover=failover_status(surface, [one.row for one in rows]),
    )


def _ago(told: Told, moment: float | None) -> float | None:
    """Return the seconds since a moment on the process's own clock; None: there was no such moment."""
    return None if moment is None else round(max(0.0, told.row.said_at - moment) + told.age_s, 1)
