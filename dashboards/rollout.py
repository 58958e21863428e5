"""The Rollout dashboard: which engine serves which tenants, and whether the next step of the ramp may be taken."""

from collections.abc import Sequence
from typing import Final

from dashboards.frame import Dashboard, Section
from dashboards.panels import AnyPanel, Lines, Number, Query, Rows, Steps
from dashboards.promql import (
    DIVERGENT_BUDGET,
    DIVERGENT_LIMIT,
    DIVERGENT_SHARE,
    FATES,
    fact,
    increase,
    or_zero,
    rate,
    select,
    share,
)

_RUNS: Final = "migration_runs_total"
FAILED: Final = 'outcome=~"failed|timed_out"'
_CANDIDATES: Final = 'stage=~"live|rampdown|complete"'
_PROMOTE: Final = 'decision="promote"'
_HOLD: Final = 'decision="hold"'
_FAILURE_STEPS: Final[Steps] = ((None, "green"), (0.01, "yellow"), (0.05, "red"))


def _failed_share(origin: str) -> Query:
    served = f'origin="{origin}"'
    return Query(expr=share(increase(select(_RUNS, served, FAILED)), increase(select(_RUNS, served))))


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
        steps=((None, "green"), (DIVERGENT_BUDGET, "yellow"), (DIVERGENT_LIMIT, "red")),
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
                expr=share(rate(select(_RUNS, FAILED), ["origin"]), rate(select(_RUNS), ["origin"])),
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

_STEP_KINDS: Final = 'kind=~"edit|elsewhere|jump|promotion|rollback|kill_switch|emergency"'
_GATE: Final = "migration_gate_decision"

_TENANTS: Final[Sequence[AnyPanel]] = (
    Rows(
        id=50,
        title="Known tenants by stage",
        unit="short",
        width=8,
        description="Tenants that were served within 30 days or are named in a flag. At `live`, `rampdown` and `complete` the candidate "
        "serves "
        "them. `netra-migration stage show SURFACE` names them.",
        queries=[Query(expr=f"{fact('migration_tenants', ['surface', 'stage'])} > 0")],
        columns={"surface": "Surface", "stage": "Stage", "Value": "Tenants"},
    ),
    Rows(
        id=51,
        title="Watched tenants on the candidate",
        unit="none",
        width=8,
        to="netra-tenant",
        description="Tenants of NETRA_MIGRATION_WATCH_TENANTS that the candidate serves, as the flags are evaluated now. For any other "
        "tenant: "
        "`netra-migration stage show SURFACE --explain TENANT`.",
        queries=[Query(expr=f"{fact('migration_tenant_stage', ['surface', 'tenant', 'stage'], _CANDIDATES)} == 1")],
        columns={"surface": "Surface", "tenant": "Tenant", "stage": "Stage", "Value": "Is there"},
    ),
    Number(
        id=52,
        title="Processes that do not follow",
        unit="none",
        width=8,
        height=8,
        steps=((None, "green"), (1, "red")),
        to="netra-fleet",
        description="Serving processes that do not follow the newest flags. After an edit it is 0 again within seconds; otherwise "
        "`netra-migration status` names the process and the reason.",
        queries=[Query(expr=fact("migration_processes_behind"))],
    ),
)

_NEXT: Final[Sequence[AnyPanel]] = (
    Number(
        id=60,
        title="May the next step be taken?",
        unit="none",
        width=8,
        description="The last decision of the gate of the present step, by a running ramp. `netra-migration rollout status SURFACE` says "
        "why.",
        queries=[
            Query(
                expr=f"2 * {fact(_GATE, ['surface'], _PROMOTE)} + {fact(_GATE, ['surface'], _HOLD)}",
                legend="{{surface}}",
            )
        ],
        names={"2": ("promote", "green"), "1": ("hold", "yellow"), "0": ("roll back", "red")},
    ),
    Number(
        id=61,
        title="Steps taken",
        unit="percentunit",
        width=4,
        description="Steps of the ramp that were taken, as a share of all of its steps.",
        queries=[
            Query(expr=f"{fact('migration_ramp_step', ['surface'])} / {fact('migration_ramp_steps', ['surface'])}", legend="{{surface}}")
        ],
    ),
    Number(
        id=62,
        title="Runs that the gate needs",
        unit="short",
        width=4,
        description="Runs like the earlier ones until divergence allows a promotion. Nothing is shown if no number of runs would be "
        "enough.",
        queries=[Query(expr=fact("migration_gate_runs_needed", ["surface"]), legend="{{surface}}")],
    ),
    Rows(
        id=63,
        title="State of the ramps",
        unit="none",
        width=8,
        height=4,
        description="A ramp that is paused or rolled back waits for `netra-migration rollout resume SURFACE`.",
        queries=[Query(expr=f"{fact('migration_ramp_state', ['surface', 'state'])} == 1")],
        columns={"surface": "Surface", "state": "State", "Value": "Is in it"},
    ),
    Lines(
        id=64,
        title="Divergent share of the step, and its limit",
        unit="percentunit",
        description="What the gate knows about the share of divergent runs: between `lower` and `upper`. It promotes when `upper` is below "
        "`most`, and rolls back when `lower` is above it.",
        queries=[Query(expr=fact("migration_gate_divergent_ratio", ["surface", "bound"]), legend="{{surface}} {{bound}}")],
    ),
    Rows(
        id=65,
        title="Last steps",
        unit="s",
        width=12,
        description="How long ago each kind of step was taken last: `promotion` and `rollback` by a ramp, `edit` by a person's command, "
        "`elsewhere` without this tool. `netra-migration history --surface SURFACE` says who took it, and why.",
        queries=[Query(expr=f"time() - {fact('migration_history_last_timestamp_seconds', ['surface', 'kind'], _STEP_KINDS)} >= 0")],
        columns={"surface": "Surface", "kind": "Step", "Value": "Ago"},
    ),
    Number(
        id=66,
        title="Controller last seen",
        unit="s",
        width=4,
        steps=((None, "green"), (60, "yellow")),
        description="Seconds since a controller was seen to lead, by the process that saw it last. It matters only while a ramp runs: "
        "`netra-migration rollout run` starts one.",
        queries=[Query(expr="min(migration_controller_age_seconds)")],
    ),
    Number(
        id=67,
        title="Runs cut",
        unit="none",
        width=4,
        steps=((None, "green"), (1, "yellow")),
        description="Runs in the time range that ended because their process stopped. Choose the range around a release (blue mark) to "
        "see what "
        "it cut; runs of a process that was killed are named by `netra-migration history` only.",
        queries=[Query(expr=or_zero(increase(select(_RUNS, 'outcome="cut"'))))],
    ),
    Lines(
        id=68,
        title="Runs cut, by engine",
        unit="suffix: runs/s",
        width=16,
        description="When runs were cut. The blue marks are releases, the yellow ones deaths of processes.",
        queries=[Query(expr=or_zero(rate(select(_RUNS, 'outcome="cut"'), ["origin"]), "origin"), legend="{{origin}}")],
    ),
)

DASHBOARD: Final = Dashboard(
    uid="netra-rollout",
    title="Rollout",
    description="Which engine serves which tenants, what was the last step, and whether the next one may be taken.",
    sections=[
        Section(title="Now", panels=_NOW),
        Section(title="The next step", panels=_NEXT),
        Section(title="Where the tenants are", panels=_TENANTS),
        Section(title="Stages and runs", panels=_STAGES),
    ],
)
