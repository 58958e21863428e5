"""The Removal dashboard: how far the surfaces are from the removal of their control."""

from collections.abc import Sequence
from typing import Final

from dashboards.frame import Dashboard, Section
from dashboards.panels import AnyPanel, Lines, Number, Query, Rows, Steps
from dashboards.promql import fact, increase, or_zero, rate, select, total

_RUNS: Final = "migration_runs_total"
_CONTROL: Final = 'origin="control"'
_DAY_S: Final = 86_400
_COMPLETE: Final = 'stage="complete"'
_WAITING: Final[Steps] = ((None, "green"), (1e-9, "yellow"))

_CRITERIA: Final[Sequence[AnyPanel]] = (
    Number(
        id=1,
        title="Known tenants that are not at `complete`",
        unit="none",
        width=8,
        steps=_WAITING,
        description="It is 0 when control may be removed. `netra-migration removal check SURFACE` lists all criteria.",
        queries=[
            Query(
                expr=total(fact("migration_tenants", ["surface", "stage"], 'stage!="complete"'), ["surface"]),
                legend="{{surface}}",
            )
        ],
    ),
    Number(
        id=2,
        title="Runs by control",
        unit="short",
        width=8,
        steps=_WAITING,
        description="Runs that control served in the time range. Choose 14 days: a certificate needs that many without one.",
        queries=[Query(expr=or_zero(increase(select(_RUNS, _CONTROL), ["surface"]), "surface"), legend="{{surface}}")],
    ),
    Number(
        id=3,
        title="Certificate is valid for",
        unit="s",
        width=8,
        steps=((None, "red"), (0, "yellow"), (2 * _DAY_S, "green")),
        description="Time until the removal certificate of this checkout expires; not known without a certificate.",
        queries=[Query(expr="min(migration_certificate_remaining_seconds)")],
    ),
    Lines(
        id=4,
        title="Runs by control over time",
        unit="suffix: runs/s",
        description="Runs that control served. The line ends when the last tenant has reached `live`.",
        queries=[Query(expr=or_zero(rate(select(_RUNS, _CONTROL), ["surface", "stage"]), "surface"), legend="{{surface}} {{stage}}")],
    ),
    Lines(
        id=5,
        title="Shadows by control",
        unit="suffix: runs/s",
        description="Runs that control repeated as a shadow at `live`. A run of control prevents a certificate for 14 days, shadows too.",
        queries=[
            Query(
                expr=or_zero(rate(select("migration_run_seconds_count", _CONTROL, 'role="shadowing"'), ["surface"]), "surface"),
                legend="{{surface}}",
            )
        ],
    ),
    Lines(
        id=6,
        title="Percent of tenants at `complete`",
        unit="percent",
        description="By each flag's default rollout.",
        queries=[Query(expr=f"max by (surface) ({select('migration_stage_percent', _COMPLETE)})", legend="{{surface}}")],
    ),
    Rows(
        id=7,
        title="Accepted divergences",
        unit="none",
        width=6,
        description="Entries of the ledgers. All that are left have to be permanent before control is removed.",
        queries=[Query(expr=f"{fact('migration_ledger_entries', ['surface', 'term'])} > 0")],
        columns={"surface": "Surface", "term": "Term", "Value": "Entries"},
    ),
    Number(
        id=8,
        title="Next entry expires in",
        unit="s",
        width=6,
        height=8,
        steps=((None, "red"), (0, "yellow"), (7 * _DAY_S, "green")),
        description="After its last day, an accepted divergence is divergent again. Not known: no entry of the surface expires.",
        queries=[Query(expr=f"min by (surface) ({select('migration_ledger_remaining_seconds')})", legend="{{surface}}")],
    ),
)

DASHBOARD: Final = Dashboard(
    uid="netra-removal",
    title="Removal",
    description="How far is each surface from the removal of its control?",
    sections=[Section(title="What has to become 0", panels=_CRITERIA)],
)
