"""The Rollout dashboard: who serves, how fast and how well, and whether every run that should be shadowed is accounted for."""

from collections.abc import Sequence
from typing import Final

from dashboards.frame import Dashboard, Section
from dashboards.panels import ANY_IS_BAD, AnyPanel, Lines, Number, Query, Steps
from dashboards.promql import DIVERGENT_LIMIT, DIVERGENT_SHARE, RANGE, WINDOW, increase, or_zero, quantile, rate, select, share, total

_RUNS: Final = "migration_runs_total"
_FAILED: Final = 'outcome=~"failed|timed_out"'
_FAILURE_STEPS: Final[Steps] = ((None, "green"), (0.01, "yellow"), (0.05, "red"))
_QUANTILES: Final = ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
_FATES: Final = ("compared", "shed", "failed")


def _failed_share(origin: str) -> Query:
    served = f'origin="{origin}"'
    return Query(expr=share(increase(select(_RUNS, served, _FAILED)), increase(select(_RUNS, served))))


def _unaccounted() -> Query:
    # The gauge of waiting jobs knows no surface, so the whole sum leaves the choice of surfaces aside.
    fates = (f"(sum(migration_shadow_{fate}_total) or vector(0))" for fate in _FATES)
    return Query(expr=or_zero(" - ".join(("sum(migration_shadow_expected_total)", *fates, "sum(migration_shadow_waiting)"))))


_NOW: Final[Sequence[AnyPanel]] = (
    Number(
        id=1,
        title="Kill switch",
        unit="none",
        description="ON: control serves every tenant of the surface, whatever its stage, except at `complete`. "
        "`netra-migration kill off SURFACE` gives the stages back.",
        queries=[Query(expr=f"max by (surface) ({select('migration_kill_switch')})", legend="{{surface}}")],
        names={"0": ("off", "green"), "1": ("ON", "red")},
    ),
    Number(
        id=2,
        title="Flag source",
        unit="none",
        description="DOWN: flags cannot be read, the last known plans hold, and neither a stage nor the kill switch can be changed. "
        "`netra-migration status` names the source.",
        queries=[Query(expr="min(migration_flag_source_up)")],
        names={"0": ("DOWN", "red"), "1": ("up", "green")},
    ),
    Number(
        id=3,
        title="Failed runs, control",
        unit="percentunit",
        steps=_FAILURE_STEPS,
        description="Share of the runs served by control, in the time range, that failed or timed out. "
        "As high as the candidate's: the cause lies outside the engines (model, tools, database).",
        queries=[_failed_share("control")],
    ),
    Number(
        id=4,
        title="Failed runs, candidate",
        unit="percentunit",
        steps=_FAILURE_STEPS,
        description="Share of the runs served by the candidate, in the time range, that failed or timed out. "
        "Above control's share: `netra-migration kill on SURFACE`, then look at the Divergence dashboard.",
        queries=[_failed_share("candidate")],
    ),
    Number(
        id=5,
        title="Divergent share",
        unit="percentunit",
        steps=((None, "green"), (DIVERGENT_LIMIT / 10, "yellow"), (DIVERGENT_LIMIT, "red")),
        description="The worst surface, over 5 minutes. Red: the alert MigrationDivergent is about to fire; do not promote the surface. "
        "The Divergence dashboard says what differs.",
        queries=[Query(expr=f"max({select(DIVERGENT_SHARE)})")],
    ),
    Number(
        id=6,
        title="Shadows unaccounted for",
        unit="none",
        steps=((None, "yellow"), (0, "green"), (1, "red")),
        description="All surfaces: runs expected to be shadowed, minus compared, shed, failed and waiting. "
        "0, give or take those that moved while the numbers were read. "
        "A lasting number above 0: runs were skipped silently, and no verdict covers them.",
        queries=[_unaccounted()],
    ),
)

_STAGES: Final[Sequence[AnyPanel]] = (
    Lines(
        id=10,
        title="Stage percent",
        unit="percent",
        width=8,
        stacked=True,
        description="Percent of tenants that the flag's default rollout puts in each stage. "
        "Tenants placed by `stage set --tenant` are not in it.",
        queries=[Query(expr=f"max by (surface, stage) ({select('migration_stage_percent')})", legend="{{surface}} {{stage}}")],
    ),
    Lines(
        id=11,
        title="Runs by stage",
        unit="suffix: runs/s",
        width=8,
        stacked=True,
        description="Served runs that ended, by the stage of their plan.",
        queries=[Query(expr=or_zero(rate(select(_RUNS), ["stage"]), "stage"), legend="{{stage}}")],
    ),
    Lines(
        id=12,
        title="Runs by origin",
        unit="suffix: runs/s",
        width=8,
        stacked=True,
        description="Served runs that ended, by engine. After the kill switch the candidate's line goes to 0.",
        queries=[Query(expr=or_zero(rate(select(_RUNS), ["origin"]), "origin"), legend="{{origin}}")],
    ),
    Lines(
        id=13,
        title="Failure share by origin",
        unit="percentunit",
        steps=((None, "green"), (0.05, "red")),
        description="Share of served runs that failed or timed out. The candidate above control at the same time speaks against "
        "the candidate; both rising together speaks for a cause outside the engines.",
        queries=[
            Query(
                expr=share(rate(select(_RUNS, _FAILED), ["origin"]), rate(select(_RUNS), ["origin"])),
                legend="{{origin}}",
            )
        ],
    ),
    Lines(
        id=14,
        title="Runs by outcome",
        unit="suffix: runs/s",
        description="How served runs ended, by engine. `cancelled`: the user left. `cut`: the process stopped.",
        queries=[Query(expr=or_zero(rate(select(_RUNS), ["origin", "outcome"]), "origin"), legend="{{origin}} {{outcome}}")],
    ),
)

_DURATIONS: Final[Sequence[AnyPanel]] = (
    *(
        Lines(
            id=20 + place,
            title=f"Run duration {name}",
            unit="s",
            width=8,
            description="Of served runs, by engine. A shadow replays its effects, so its duration is not comparable: see engine time.",
            queries=[Query(expr=quantile(level, "migration_run_seconds", ["origin"], 'role="serving"'), legend="{{origin}}")],
        )
        for place, (level, name) in enumerate(_QUANTILES)
    ),
    *(
        Lines(
            id=23 + place,
            title=f"Engine time {name}",
            unit="s",
            width=8,
            description="Duration minus the time spent waiting for effects: the engine's own share, "
            "comparable between the serving and the shadowing engine of the same runs.",
            queries=[Query(expr=quantile(level, "migration_engine_seconds", ["origin", "role"]), legend="{{origin}} {{role}}")],
        )
        for place, (level, name) in enumerate(_QUANTILES)
    ),
    *(
        Lines(
            id=26 + place,
            title=f"Time to first event {name}",
            unit="s",
            width=8,
            description="From the start of a served run to its first event: how long the user looks at nothing.",
            queries=[Query(expr=quantile(level, "migration_first_event_seconds", ["origin"], 'role="serving"'), legend="{{origin}}")],
        )
        for place, (level, name) in enumerate(_QUANTILES)
    ),
)

_SHADOW: Final[Sequence[AnyPanel]] = (
    Lines(
        id=30,
        title="Shadow: expected, compared, shed, failed",
        unit="suffix: runs/s",
        description="Every expected run becomes compared, shed or failed, or waits. Compared well below expected: "
        "the verdicts rest on fewer runs than were served.",
        queries=[Query(expr=or_zero(rate(select(f"migration_shadow_{fate}_total"))), legend=fate) for fate in ("expected", *_FATES)],
    ),
    Lines(
        id=31,
        title="Shadow lag",
        unit="s",
        description="From the end of the served run to its verdict. Rising together with waiting jobs: "
        "the worker is too slow for the load; lower the flag `shadow-sampling`.",
        queries=[Query(expr=quantile(level, "migration_shadow_lag_seconds", []), legend=name) for level, name in _QUANTILES],
    ),
    Lines(
        id=32,
        title="Shadow jobs waiting",
        unit="suffix: jobs",
        width=6,
        description="All surfaces: queued or under way. At NETRA_MIGRATION_SHADOW_QUEUE_JOBS jobs are shed, reason `queue_jobs`.",
        queries=[Query(expr="sum(migration_shadow_waiting)", legend="waiting")],
    ),
    Lines(
        id=33,
        title="Shadow bytes waiting",
        unit="bytes",
        width=6,
        description="All surfaces: queued for the worker. At NETRA_MIGRATION_SHADOW_QUEUE_BYTES jobs are shed, reason `queue_bytes`.",
        queries=[Query(expr="sum(migration_shadow_waiting_bytes)", legend="waiting")],
    ),
    Lines(
        id=34,
        title="Shadow shed by reason",
        unit="suffix: runs/s",
        width=6,
        description="Runs not shadowed. `sampling` is wanted; `queue_jobs` and `queue_bytes`: the worker is too slow for the load.",
        queries=[Query(expr=or_zero(rate(select("migration_shadow_shed_total"), ["reason"]), "reason"), legend="{{reason}}")],
    ),
    Lines(
        id=35,
        title="Shadow failed by reason",
        unit="suffix: runs/s",
        width=6,
        description="Shadows that were tried and gave no verdict. `worker_died`: see restarts; `deadline`: the shadowing engine hangs, or "
        "NETRA_MIGRATION_SHADOW_DEADLINE_S is too short.",
        queries=[Query(expr=or_zero(rate(select("migration_shadow_failed_total"), ["reason"]), "reason"), legend="{{reason}}")],
    ),
)

_STORES: Final[Sequence[AnyPanel]] = (
    Lines(
        id=50,
        title="Runs waiting for a store",
        unit="suffix: runs",
        description="All surfaces: finished runs in the outbox, by the run store that still has to take them. A few come and go; "
        "growing: that store is down or too slow. Nothing is lost, threads read whole meanwhile; `netra-migration status` has the error.",
        queries=[Query(expr="max by (store) (migration_outbox_rows)", legend="{{store}}")],
    ),
    Lines(
        id=51,
        title="Run store lag",
        unit="s",
        width=6,
        steps=((None, "green"), (60, "red")),
        description="Age of the oldest run in the outbox, by the run store that has to take it. Do not move a surface while it grows.",
        queries=[Query(expr="max by (store) (migration_outbox_oldest_seconds)", legend="{{store}}")],
    ),
    Number(
        id=52,
        title="Runs parked",
        unit="none",
        width=6,
        height=8,
        steps=ANY_IS_BAD,
        description="Runs that a store refused for good. `netra-migration status` has the error; after mending it, "
        "`netra-migration backfill SURFACE` tries them again.",
        queries=[Query(expr="max by (store) (migration_outbox_parked)", legend="{{store}}")],
    ),
)

_TOOL: Final[Sequence[AnyPanel]] = (
    Number(
        id=40,
        title="Flag version",
        unit="none",
        width=4,
        description="Version of each surface's flag. Every edit raises it; an edit that does not show here has not arrived.",
        queries=[Query(expr=f"max by (surface) ({select('migration_flag_version')})", legend="{{surface}}")],
    ),
    Number(
        id=41,
        title="Flag source age",
        unit="s",
        width=4,
        steps=((None, "green"), (10, "yellow"), (60, "red")),
        description="Seconds since the flag source was last read well, by the process where that is longest ago.",
        queries=[Query(expr="max(migration_flag_source_age_seconds)")],
    ),
    Number(
        id=42,
        title="Shadow worker restarts",
        unit="none",
        width=4,
        steps=((None, "green"), (1, "yellow"), (3, "red")),
        description="In the time range, all surfaces. Served runs do not notice; "
        "jobs in flight are counted as failed, reason `worker_died`. Several: the log names the signal or the error.",
        queries=[Query(expr=total(f"increase(migration_shadow_worker_restarts_total[{RANGE}])"))],
    ),
    Number(
        id=43,
        title="Failures of the tool itself",
        unit="none",
        width=4,
        steps=ANY_IS_BAD,
        description="Since the backend started, all surfaces. None reached a request, "
        "but what failed was not recorded, compared or exported.",
        queries=[Query(expr=or_zero("sum(migration_failures_total)"))],
    ),
    Number(
        id=46,
        title="Emergency switch",
        unit="none",
        width=4,
        description="ON: somebody put the file of the emergency kill switch on a host; control serves there until it is removed. "
        "`netra-migration status` names the host.",
        queries=[Query(expr="max(migration_emergency_switch)")],
        names={"0": ("off", "green"), "1": ("ON", "red")},
    ),
    Number(
        id=47,
        title="Jumps made elsewhere",
        unit="none",
        width=4,
        steps=((None, "green"), (1, "red")),
        description="In the time range: edits of a flag, made beside this tool, that had tenants skip a stage. They are followed. "
        "`netra-migration history` has before and after.",
        queries=[Query(expr=total(f"increase({select('migration_flag_jumps_total')}[{RANGE}])"))],
    ),
    Lines(
        id=44,
        title="Flag decisions by reason",
        unit="suffix: plans/s",
        stacked=True,
        description="Where plans came from. `last_known` or `default_off`: the flags could not be evaluated. `kill_switch`: it is on.",
        queries=[Query(expr=or_zero(rate(select("migration_flag_decisions_total"), ["reason"]), "reason"), legend="{{reason}}")],
    ),
    Lines(
        id=45,
        title="Failures of the tool itself by operation",
        unit="suffix: failures/s",
        description="Which part of the migration failed; the log of the same time has the error.",
        queries=[
            Query(
                expr=or_zero(total(f"rate(migration_failures_total[{WINDOW}])", ["operation"]), "operation"),
                legend="{{operation}}",
            )
        ],
    ),
)

DASHBOARD: Final = Dashboard(
    uid="netra-rollout",
    title="Rollout",
    description="Which engine serves whom, how fast and how well, and whether the shadow keeps up.",
    sections=[
        Section(title="Now", panels=_NOW),
        Section(title="Stages and runs", panels=_STAGES),
        Section(title="Durations, control against candidate", panels=_DURATIONS),
        Section(title="Shadow", panels=_SHADOW),
        Section(title="Run stores", panels=_STORES),
        Section(title="Flags, worker and the tool itself", panels=_TOOL),
    ],
)
