"""The lower half of the Rollout dashboard: the shadows, the run stores, and the migration tool itself."""

from collections.abc import Sequence
from typing import Final

from dashboards.panels import ANY_IS_BAD, AnyPanel, Lines, Number, Query
from dashboards.promql import (
    FATES,
    QUANTILES,
    RANGE,
    WINDOW,
    or_zero,
    quantile,
    rate,
    select,
    total,
)

_DRAWN: Final = rate(select("migration_shadow_expected_total"))
SHADOW: Final[Sequence[AnyPanel]] = (
    Lines(
        id=30,
        title="Shadow: expected, compared, shed, failed",
        unit="suffix: runs/s",
        description="Every expected run becomes compared, shed or failed, or waits. If compared is far below expected, the verdicts cover "
        "only a part of the served runs.",
        queries=[Query(expr=or_zero(rate(select(f"migration_shadow_{fate}_total"))), legend=fate) for fate in ("expected", *FATES)],
    ),
    Lines(
        id=31,
        title="Shadow lag",
        unit="s",
        description="From the end of the served run to its verdict. If it rises together with waiting jobs, the worker is too slow for the "
        "load; lower the flag `shadow-sampling`.",
        queries=[Query(expr=quantile(level, "migration_shadow_lag_seconds", []), legend=name) for level, name in QUANTILES],
    ),
    Lines(
        id=32,
        title="Shadow jobs waiting",
        unit="suffix: jobs",
        width=6,
        description="Jobs of all surfaces, waiting or running. At NETRA_MIGRATION_SHADOW_QUEUE_JOBS, new jobs are shed with the reason "
        "`queue_jobs`.",
        queries=[Query(expr="sum(migration_shadow_waiting)", legend="waiting")],
    ),
    Lines(
        id=33,
        title="Shadow bytes waiting",
        unit="bytes",
        width=6,
        description="Bytes of all surfaces' jobs that wait for the worker. At NETRA_MIGRATION_SHADOW_QUEUE_BYTES, new jobs are shed with "
        "the reason `queue_bytes`.",
        queries=[Query(expr="sum(migration_shadow_waiting_bytes)", legend="waiting")],
    ),
    Lines(
        id=34,
        title="Shadow shed by reason",
        unit="suffix: runs/s",
        width=6,
        description="Runs that were drawn but not shadowed. `queue_jobs`, `queue_bytes`: the worker is too slow for the load. `pressure`: "
        "the governor accepts no new runs.",
        queries=[Query(expr=or_zero(rate(select("migration_shadow_shed_total"), ["reason"]), "reason"), legend="{{reason}}")],
    ),
    Lines(
        id=35,
        title="Shadow failed by reason",
        unit="suffix: runs/s",
        width=6,
        description="Shadows that were started but gave no verdict. `worker_died`: see restarts. `deadline`: the shadowing engine hangs, "
        "or NETRA_MIGRATION_SHADOW_DEADLINE_S is too short.",
        queries=[Query(expr=or_zero(rate(select("migration_shadow_failed_total"), ["reason"]), "reason"), legend="{{reason}}")],
    ),
    Lines(
        id=36,
        title="Share of runs drawn for shadowing",
        unit="percentunit",
        description="Of runs at a stage with a shadow: those that were drawn, and how much of the flag's percentage the governor allows. "
        "The governor lowers it while shadows cost too much; `netra-migration status` shows the cause.",
        queries=[
            Query(
                expr=f"{_DRAWN} / ({_DRAWN} + {rate(select('migration_shadow_not_sampled_total'))} > 0)",
                legend="drawn",
            ),
            Query(expr=f"min by (surface) ({select('migration_shadow_share')})", legend="allowed, {{surface}}"),
        ],
    ),
    Lines(
        id=37,
        title="Shadow tax",
        unit="percentunit",
        description="How much longer runs take while shadows run, compared with runs in windows without shadows; bounds at 95 %. "
        "No value is shown until enough runs began in such windows.",
        queries=[Query(expr="max by (quantile, bound) (migration_shadow_tax_ratio)", legend="{{quantile}}, {{bound}}")],
    ),
)

STORES: Final[Sequence[AnyPanel]] = (
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

TOOL: Final[Sequence[AnyPanel]] = (
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
