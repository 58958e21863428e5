"""The Tenant dashboard: how one tenant of the watch list fares."""

from collections.abc import Sequence
from typing import Final

from dashboards.frame import Dashboard, Section, Variable
from dashboards.panels import AnyPanel, Lines, Number, Query, Rows, Words
from dashboards.promql import DIVERGENT_BUDGET, DIVERGENT_LIMIT, fact, increase, or_zero, rate, select, share

_RUNS: Final = "migration_tenant_runs_total"
_SECONDS: Final = "migration_tenant_run_seconds"
_COMPARED: Final = "migration_tenant_comparisons_total"
_TENANT: Final = 'tenant=~"$tenant"'
_FAILED: Final = 'outcome=~"failed|timed_out"'

_OTHERS: Final = """Only tenants of `NETRA_MIGRATION_WATCH_TENANTS` are shown by name, the first 20 by the alphabet; all others are `other`.
For any other tenant, run where the backend runs:

`netra-migration stage show SURFACE --explain TENANT` shows its stage and the rule that decided it;
`netra-migration divergences list --tenant TENANT` shows what differed in its runs.
"""

_WHICH: Final[Sequence[AnyPanel]] = (
    Words(id=1, title="A tenant that is not in the list", text=_OTHERS, width=12),
    Rows(
        id=2,
        title="Stage",
        unit="none",
        width=12,
        height=4,
        description="The stage of the tenant on each surface, as the flags are evaluated now; attributes in a user's token are not known "
        "here.",
        queries=[Query(expr=f"{fact('migration_tenant_stage', ['surface', 'tenant', 'stage'], _TENANT)} == 1")],
        columns={"surface": "Surface", "tenant": "Tenant", "stage": "Stage", "Value": "Is there"},
    ),
)

_FARES: Final[Sequence[AnyPanel]] = (
    Number(
        id=10,
        title="Runs",
        unit="short",
        width=8,
        description="Runs of the chosen tenants in the time range. If there are only a few, shares mean little.",
        queries=[Query(expr=or_zero(increase(select(_RUNS, _TENANT))))],
    ),
    Number(
        id=11,
        title="Failed share",
        unit="percentunit",
        width=8,
        steps=((None, "green"), (0.01, "yellow"), (0.05, "red")),
        description="Share of the runs in the time range that failed or timed out.",
        queries=[Query(expr=share(increase(select(_RUNS, _TENANT, _FAILED)), increase(select(_RUNS, _TENANT))))],
    ),
    Number(
        id=12,
        title="Divergent share",
        unit="percentunit",
        width=8,
        steps=((None, "green"), (DIVERGENT_BUDGET, "yellow"), (DIVERGENT_LIMIT, "red")),
        to="netra-divergence",
        description="Share of the compared runs in the time range with an unexplained divergence.",
        queries=[Query(expr=share(increase(select(_COMPARED, _TENANT, 'verdict="divergent"')), increase(select(_COMPARED, _TENANT))))],
    ),
    Lines(
        id=13,
        title="Runs by engine and outcome",
        unit="suffix: runs/s",
        description="Who served the tenant, and how its runs ended.",
        queries=[Query(expr=or_zero(rate(select(_RUNS, _TENANT), ["origin", "outcome"]), "origin"), legend="{{origin}} {{outcome}}")],
    ),
    Lines(
        id=14,
        title="Mean duration by engine",
        unit="s",
        description="One tenant has too few runs for quantiles. Compare it with `other`.",
        queries=[
            Query(
                expr=f"{rate(select(_SECONDS + '_sum', _TENANT), ['origin', 'tenant'])} / "
                f"({rate(select(_SECONDS + '_count', _TENANT), ['origin', 'tenant'])} > 0)",
                legend="{{origin}} {{tenant}}",
            )
        ],
    ),
)

DASHBOARD: Final = Dashboard(
    uid="netra-tenant",
    title="Tenant",
    description="How does the one tenant fare that complained?",
    variables=[Variable(label="tenant", metric=_RUNS, description="Watched tenants; all others are `other`.")],
    sections=[Section(title="Which tenant", panels=_WHICH), Section(title="How it fares", panels=_FARES)],
)
