"""The Fleet dashboard: the processes, the flags they follow, the outbox, and the migration tool itself."""

from collections.abc import Sequence
from typing import Final

from dashboards.frame import Dashboard, Section
from dashboards.panels import ANY_IS_BAD, AnyPanel, Lines, Number, Query, Rows
from dashboards.promql import RANGE, WINDOW, fact, or_zero, rate, select, total

_PROCESSES: Final[Sequence[AnyPanel]] = (
    Number(
        id=1,
        title="Serving processes",
        unit="none",
        description="Processes of all hosts that report to the database. `netra-migration status` lists them.",
        queries=[Query(expr=fact("migration_processes", (), 'role="server"', 'state="live"'))],
    ),
    Number(
        id=2,
        title="Silent processes",
        unit="none",
        steps=ANY_IS_BAD,
        description="Processes that are stopped, hang, or cannot reach the database. What they serve is not known.",
        queries=[Query(expr=fact("migration_processes", (), 'state="silent"'))],
    ),
    Number(
        id=3,
        title="Processes behind",
        unit="none",
        steps=ANY_IS_BAD,
        description="Serving processes that do not follow the newest flags; after an edit, 0 within seconds.",
        queries=[Query(expr=fact("migration_processes_behind"))],
    ),
    Rows(
        id=4,
        title="Versions of the code",
        unit="none",
        width=6,
        height=4,
        description="Serving processes by version. During a rolling deployment there are two versions.",
        queries=[Query(expr="sum by (version) (migration_build_info)")],
        columns={"version": "Version", "Value": "Processes"},
    ),
    Number(
        id=5,
        title="Facts that are known",
        unit="none",
        width=6,
        description="What can be read from the database and from files. While one is not known, its panels are empty and its alerts "
        "cannot fire.",
        queries=[Query(expr="min by (source) (migration_facts_up)", legend="{{source}}")],
        names={"0": ("NOT KNOWN", "red"), "1": ("known", "green")},
    ),
    Lines(
        id=6,
        title="Processes by state",
        unit="suffix: processes",
        description="Servers and workers of all hosts, by their reports.",
        queries=[Query(expr=fact("migration_processes", ["role", "state"]), legend="{{role}} {{state}}")],
    ),
    Lines(
        id=7,
        title="Deaths and releases",
        unit="none",
        description="Entries of the history, since it began: a step is a process that died or a version that began to serve.",
        queries=[Query(expr='max by (kind) (migration_history_entries{kind=~"process_died|release"})', legend="{{kind}}")],
    ),
    Lines(
        id=8,
        title="Flag version, newest and oldest",
        unit="none",
        description="Versions of each surface's flag in the processes. If the lines are apart, not every process has taken the edit.",
        queries=[
            Query(expr=f"max by (surface) ({select('migration_flag_version')})", legend="{{surface}} newest"),
            Query(expr=f"min by (surface) ({select('migration_flag_version_oldest')})", legend="{{surface}} oldest"),
        ],
    ),
    Lines(
        id=9,
        title="Free share of the disk",
        unit="percentunit",
        width=6,
        description="Of the file system of NETRA_MIGRATION_HOME. `netra-migration evidence prune --older-than 7d` removes old evidence.",
        queries=[Query(expr="min by (instance) (migration_disk_free_bytes / migration_disk_size_bytes)", legend="{{instance}}")],
    ),
    Lines(
        id=10,
        title="Size of the evidence",
        unit="bytes",
        width=6,
        description="The evidence database, if it is a file. PostgreSQL's own metrics show the size of a database there.",
        queries=[Query(expr="max by (instance) (migration_evidence_bytes)", legend="{{instance}}")],
    ),
)

_STORES: Final[Sequence[AnyPanel]] = (
    Lines(
        id=50,
        title="Runs waiting for a store",
        unit="suffix: runs",
        description="Finished runs of all surfaces in the outbox, by the run store that they wait for. A few are normal. If the number "
        "grows, that store is down or too slow. No run is lost, and threads are complete; `netra-migration status` shows the "
        "error.",
        queries=[Query(expr="max by (store) (migration_outbox_rows)", legend="{{store}}")],
    ),
    Lines(
        id=51,
        title="Run store lag",
        unit="s",
        width=6,
        steps=((None, "green"), (60, "red")),
        description="Age of the oldest run in the outbox, by the run store that it waits for. Do not move a surface while it grows.",
        queries=[Query(expr="max by (store) (migration_outbox_oldest_seconds)", legend="{{store}}")],
    ),
    Number(
        id=52,
        title="Runs parked",
        unit="none",
        width=6,
        height=8,
        steps=ANY_IS_BAD,
        description="Runs that a store refused permanently. `netra-migration status` shows the error; after it is fixed, `netra-migration "
        "backfill SURFACE` tries them again.",
        queries=[Query(expr="max by (store) (migration_outbox_parked)", legend="{{store}}")],
    ),
)

_TOOL: Final[Sequence[AnyPanel]] = (
    Number(
        id=40,
        title="Flag version",
        unit="none",
        width=4,
        description="Version of each surface's flag. Every edit raises the version; an edit that is not shown here has not arrived.",
        queries=[Query(expr=f"max by (surface) ({select('migration_flag_version')})", legend="{{surface}}")],
    ),
    Number(
        id=41,
        title="Flag source age",
        unit="s",
        width=4,
        steps=((None, "green"), (10, "yellow"), (60, "red")),
        description="Seconds since the last successful reading of the flag source, for the process where it is longest ago.",
        queries=[Query(expr="max(migration_flag_source_age_seconds)")],
    ),
    Number(
        id=42,
        title="Shadow worker restarts",
        unit="none",
        width=4,
        steps=((None, "green"), (1, "yellow"), (3, "red")),
        description="Restarts in the time range, for all surfaces. Served runs are not affected; the worker's current jobs are counted as "
        "failed with the reason `worker_died`. After several restarts, look in the log for the signal or the error.",
        queries=[Query(expr=total(f"increase(migration_shadow_worker_restarts_total[{RANGE}])"))],
    ),
    Number(
        id=43,
        title="Failures of the migration tool",
        unit="none",
        width=4,
        steps=ANY_IS_BAD,
        description="Failures since the backend started, for all surfaces. They affected no request, but the failed operation recorded, "
        "compared or exported nothing.",
        queries=[Query(expr=or_zero("sum(migration_failures_total)"))],
    ),
    Number(
        id=46,
        title="Emergency switch",
        unit="none",
        width=4,
        description="ON: the file of the emergency kill switch exists on a host; control serves there until it is removed. "
        "`netra-migration status` names the host.",
        queries=[Query(expr="max(migration_emergency_switch)")],
        names={"0": ("off", "green"), "1": ("ON", "red")},
    ),
    Number(
        id=47,
        title="Stage jumps without this tool",
        unit="none",
        width=4,
        steps=((None, "green"), (1, "red")),
        description="Edits of a flag in the time range that were made without this tool and made tenants skip a stage. The backend follows "
        "such edits. `netra-migration history` shows the flag before and after each edit.",
        queries=[Query(expr=total(f"increase({select('migration_flag_jumps_total')}[{RANGE}])"))],
    ),
    Lines(
        id=44,
        title="Flag decisions by reason",
        unit="suffix: plans/s",
        stacked=True,
        description="How the plans of served runs were found. `last_known` or `default_off`: the flags could not be evaluated. "
        "`kill_switch`: the kill switch is on.",
        queries=[Query(expr=or_zero(rate(select("migration_flag_decisions_total"), ["reason"]), "reason"), legend="{{reason}}")],
    ),
    Lines(
        id=45,
        title="Failures of the migration tool by operation",
        unit="suffix: failures/s",
        description="The part of the migration tool that failed; the log of the same time contains the error.",
        queries=[
            Query(
                expr=or_zero(total(f"rate(migration_failures_total[{WINDOW}])", ["operation"]), "operation"),
                legend="{{operation}}",
            )
        ],
    ),
)

DASHBOARD: Final = Dashboard(
    uid="netra-fleet",
    title="Fleet",
    description="Do all processes run, follow the flags and store their runs?",
    sections=[
        Section(title="Processes", panels=_PROCESSES),
        Section(title="Run stores", panels=_STORES),
        Section(title="Flags, worker and the migration tool", panels=_TOOL),
    ],
)
