"""The Rollout dashboard: which engine serves, how fast and with how many failures, and whether no shadow is missing."""

from collections.abc import Sequence
from typing import Final

from dashboards.frame import Dashboard, Section
from dashboards.panels import AnyPanel, Lines, Number, Query, Steps
from dashboards.promql import (
    DIVERGENT_LIMIT,
    DIVERGENT_SHARE,
    FATES,
    QUANTILES,
    increase,
    or_zero,
    quantile,
    rate,
    select,
    share,
)
from dashboards.rollout_machinery import SHADOW, STORES, TOOL

_RUNS: Final = "migration_runs_total"
_FAILED: Final = 'outcome=~"failed|timed_out"'
_FAILURE_STEPS: Final[Steps] = ((None, "green"), (0.01, "yellow"), (0.05, "red"))


def _failed_share(origin: str) -> Query:
    served = f'origin="{origin}"'
    return Query(expr=share(increase(select(_RUNS, served, _FAILED)), increase(select(_RUNS, served))))


def _unaccounted() -> Query:
    # The gauge of waiting jobs has no label `surface`, so the sum is over all surfaces, whichever are chosen.
    fates = (f"(sum(migration_shadow_{fate}_total) or vector(0))" for fate in FATES)
    return Query(expr=or_zero(" - ".join(("sum(migration_shadow_expected_total)", *fates, "sum(migration_shadow_waiting)"))))


_NOW: Final[Sequence[AnyPanel]] = (
    Number(
        id=1,
        title="Kill switch",
        unit="none",
        description="ON: control serves every tenant of the surface, whatever its stage, except at `complete`. "
        "`netra-migration kill off SURFACE` restores the stages.",
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
        "If it is as high as the candidate's, the cause is outside the engines (model, tools, database).",
        queries=[_failed_share("control")],
    ),
    Number(
        id=4,
        title="Failed runs, candidate",
        unit="percentunit",
        steps=_FAILURE_STEPS,
        description="Share of the runs served by the candidate, in the time range, that failed or timed out. "
        "If it is above control's share: `netra-migration kill on SURFACE`, then look at the Divergence dashboard.",
        queries=[_failed_share("candidate")],
    ),
    Number(
        id=5,
        title="Divergent share",
        unit="percentunit",
        steps=((None, "green"), (DIVERGENT_LIMIT / 10, "yellow"), (DIVERGENT_LIMIT, "red")),
        description="The worst surface, over 5 minutes. If it is red, the alert MigrationDivergent will fire soon; do not promote the "
        "surface. The Divergence dashboard shows what differs.",
        queries=[Query(expr=f"max({select(DIVERGENT_SHARE)})")],
    ),
    Number(
        id=6,
        title="Shadows unaccounted for",
        unit="none",
        steps=((None, "yellow"), (0, "green"), (1, "red")),
        description="Runs of all surfaces that were expected to be shadowed, minus compared, shed, failed and waiting ones. The number is "
        "about 0: runs that change state while the numbers are read can add a few. If it stays above 0, runs were skipped "
        "silently and have no verdict.",
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
        "Tenants with a stage from `stage set --tenant` are not included.",
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
        description="Served runs that ended, by engine. After the kill switch the candidate's line falls to 0.",
        queries=[Query(expr=or_zero(rate(select(_RUNS), ["origin"]), "origin"), legend="{{origin}}")],
    ),
    Lines(
        id=13,
        title="Failure share by origin",
        unit="percentunit",
        steps=((None, "green"), (0.05, "red")),
        description="Share of served runs that failed or timed out. If only the candidate's share is high, the candidate is probably the "
        "cause; if both rise together, the cause is probably outside the engines.",
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
        description="How served runs ended, by engine. `cancelled`: the user stopped it or left. `cut`: the process stopped.",
        queries=[Query(expr=or_zero(rate(select(_RUNS), ["origin", "outcome"]), "origin"), legend="{{origin}} {{outcome}}")],
    ),
    Lines(
        id=15,
        title="Failovers by result",
        unit="suffix: runs/s",
        width=24,
        stacked=True,
        description="Runs that candidate failed while failover was on. `saved`: control finished the run. The other results say why "
        "control could not finish it.",
        queries=[Query(expr=or_zero(rate(select("migration_failovers_total"), ["result"]), "result"), legend="{{result}}")],
    ),
)

_DURATIONS: Final[Sequence[AnyPanel]] = (
    *(
        Lines(
            id=20 + place,
            title=f"Run duration {name}",
            unit="s",
            width=8,
            description="Duration of served runs, by engine. Shadows replay their effects, so look at engine time for them.",
            queries=[Query(expr=quantile(level, "migration_run_seconds", ["origin"], 'role="serving"'), legend="{{origin}}")],
        )
        for place, (level, name) in enumerate(QUANTILES)
    ),
    *(
        Lines(
            id=23 + place,
            title=f"Engine time {name}",
            unit="s",
            width=8,
            description="Duration minus the time spent waiting for effects: the engine's own part, "
            "which can be compared between the serving and the shadowing engine of the same runs.",
            queries=[Query(expr=quantile(level, "migration_engine_seconds", ["origin", "role"]), legend="{{origin}} {{role}}")],
        )
        for place, (level, name) in enumerate(QUANTILES)
    ),
    *(
        Lines(
            id=26 + place,
            title=f"Time to first event {name}",
            unit="s",
            width=8,
            description="From the start of a served run to its first event: the time in which the user sees nothing.",
            queries=[Query(expr=quantile(level, "migration_first_event_seconds", ["origin"], 'role="serving"'), legend="{{origin}}")],
        )
        for place, (level, name) in enumerate(QUANTILES)
    ),
)

DASHBOARD: Final = Dashboard(
    uid="netra-rollout",
    title="Rollout",
    description="Which engine serves which stage, how fast and with how many failures, and whether the shadow keeps up.",
    sections=[
        Section(title="Now", panels=_NOW),
        Section(title="Stages and runs", panels=_STAGES),
        Section(title="Durations, control against candidate", panels=_DURATIONS),
        Section(title="Shadow", panels=SHADOW),
        Section(title="Run stores", panels=STORES),
        Section(title="Flags, worker and the migration tool", panels=TOOL),
    ],
)
