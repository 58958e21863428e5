"""The Engines dashboard: how fast and how reliable both engines are, and what shadows cost."""

from collections.abc import Sequence
from typing import Final

from dashboards.frame import Dashboard, Section
from dashboards.panels import AnyPanel, Lines, Number, Query
from dashboards.promql import FATES, QUANTILES, RANGE, WINDOW, increase, or_zero, quantile, rate, select
from dashboards.rollout import FAILED

_RUNS: Final = "migration_runs_total"
_TOKENS: Final = "migration_compared_tokens_total"
_CPU: Final = "migration_shadow_cpu_seconds_total"

_DURATIONS: Final[Sequence[AnyPanel]] = (
    *(
        Lines(
            id=20 + place,
            title=f"Run duration {name}",
            unit="s",
            width=8,
            traced=True,
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

_DRAWN: Final = rate(select("migration_shadow_expected_total"))
_SHADOW: Final[Sequence[AnyPanel]] = (
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

_COST: Final[Sequence[AnyPanel]] = (
    Number(
        id=60,
        title="Processor time of shadows",
        unit="s",
        description="Seconds of processor time that workers and their cells used in the time range. Multiply them by the price of a "
        "processor.",
        queries=[Query(expr=f"sum(increase({_CPU}[{RANGE}]))")],
    ),
    Number(
        id=61,
        title="Model calls by shadows",
        unit="none",
        steps=((None, "green"), (1e-9, "red")),
        description="Calls of models or tools in the time range that no policy permits. The number is 0, so shadows cost no money at the "
        "provider: their model calls are answered from the recording.",
        queries=[Query(expr=or_zero(increase(select("migration_effects_total", 'mode="unpermitted"'))))],
    ),
    Number(
        id=62,
        title="Tokens that were replayed",
        unit="short",
        description="Tokens of shadows' model calls in the time range. They were answered from the recording; without it they would have "
        "been "
        "paid for.",
        queries=[Query(expr=or_zero(increase(select(_TOKENS, 'role="shadowing"'))))],
    ),
    Lines(
        id=63,
        title="Processors used by shadows",
        unit="short",
        description="1 is one processor that is always busy. Under the scheduling class idle, shadows get only time that nothing else "
        "needs.",
        queries=[Query(expr=f"sum(rate({_CPU}[{WINDOW}]))", legend="processors")],
    ),
)

_TOKENS_OF_RUNS: Final[Sequence[AnyPanel]] = (
    Lines(
        id=70,
        title="Tokens by engine",
        unit="suffix: tokens/s",
        width=24,
        description="Tokens of the model calls of compared runs. Both engines had the same requests of users: if the candidate needs "
        "more tokens "
        "than control, it will cost more.",
        queries=[Query(expr=or_zero(rate(select(_TOKENS), ["origin", "type"]), "origin"), legend="{{origin}} {{type}}")],
    ),
)

_STATE: Final[Sequence[AnyPanel]] = (
    Lines(
        id=80,
        title="Failed runs by engine",
        unit="suffix: runs/s",
        description="Served runs that failed or timed out. If both engines fail more, the cause is probably outside of them.",
        queries=[Query(expr=or_zero(rate(select(_RUNS, FAILED), ["origin", "outcome"]), "origin"), legend="{{origin}} {{outcome}}")],
    ),
    Lines(
        id=81,
        title="Delay of the event loop",
        unit="s",
        steps=((None, "green"), (0.1, "red")),
        description="How late the slowest process runs its timers. While it is high, every user waits; the governor of shadows measures "
        "it.",
        queries=[Query(expr="max(migration_loop_late_seconds)", legend="slowest process")],
    ),
    Lines(
        id=82,
        title="Data of others by kind",
        unit="suffix: divergences/s",
        width=24,
        description="Isolation of both engines: `isolation_breach` is the candidate's, `control_cross_talk` is control's own.",
        queries=[
            Query(
                expr=or_zero(rate(select("migration_divergences_total", 'kind=~"isolation_breach|control_cross_talk"'), ["kind"]), "kind"),
                legend="{{kind}}",
            )
        ],
    ),
)

DASHBOARD: Final = Dashboard(
    uid="netra-engines",
    title="Engines",
    description="How fast and how reliable are both engines, and what do shadows cost?",
    sections=[
        Section(title="Errors, saturation, isolation", panels=_STATE),
        Section(title="Durations, control against candidate", panels=_DURATIONS),
        Section(title="Tokens", panels=_TOKENS_OF_RUNS),
        Section(title="What shadows cost", panels=_COST),
        Section(title="Whether shadows keep up", panels=_SHADOW),
    ],
)
