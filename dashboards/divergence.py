"""The Divergence dashboard: what the comparisons of control and candidate found, and how far they can be trusted."""

from collections.abc import Sequence
from typing import Final

from dashboards.frame import Dashboard, Section, Variable
from dashboards.panels import ANY_IS_BAD, AnyPanel, Lines, Number, Query, Rows, Steps
from dashboards.promql import DIVERGENT_BUDGET, DIVERGENT_LIMIT, DIVERGENT_SHARE, increase, or_zero, rate, select, share, total

_COMPARISONS: Final = "migration_comparisons_total"
_DIVERGENCES: Final = "migration_divergences_total"
_TENANTS: Final = "migration_tenant_comparisons_total"
_EFFECTS: Final = "migration_effects_total"
_IDENTIFIERS: Final = "migration_isolation_identifiers_total"
_ROUNDS: Final = "migration_noise_rounds_total"
_TENANT: Final = 'tenant=~"$tenant"'
_DIVERGENT_STEPS: Final[Steps] = ((None, "green"), (DIVERGENT_LIMIT, "red"))


def _share_of_range(verdict: str) -> Query:
    part, whole = increase(select(_COMPARISONS, f'verdict="{verdict}"')), increase(select(_COMPARISONS))
    return Query(expr=share(part, whole))


def _share_by(label: str, metric: str, part: str, *whole: str) -> Query:
    """Return which share of the series that match `whole` also match `part`, with one line for each value of the label."""
    parts, wholes = rate(select(metric, *whole, part), [label]), rate(select(metric, *whole), [label])
    return Query(expr=share(parts, wholes), legend=f"{{{{{label}}}}}")


_NOW: Final[Sequence[AnyPanel]] = (
    Number(
        id=1,
        title="Comparisons",
        unit="short",
        description="Shadowed runs with a verdict in the time range. If there are only a few, shares mean little.",
        queries=[Query(expr=or_zero(increase(select(_COMPARISONS))))],
    ),
    Number(
        id=2,
        title="Divergent share",
        unit="percentunit",
        steps=((None, "green"), (DIVERGENT_BUDGET, "yellow"), (DIVERGENT_LIMIT, "red")),
        description="Share of the comparisons in the time range with an unexplained divergence. Do not promote a surface "
        "while it is red; `netra-migration divergences list` names the fingerprints.",
        queries=[_share_of_range("divergent")],
    ),
    Number(
        id=3,
        title="Inconclusive share",
        unit="percentunit",
        steps=((None, "green"), (0.01, "yellow"), (0.05, "red")),
        description="Share of the comparisons in the time range that hit a limit. They show neither a match nor a difference.",
        queries=[_share_of_range("inconclusive")],
    ),
    Number(
        id=4,
        title="Match share",
        unit="percentunit",
        steps=((None, "yellow"), (0.9, "green")),
        description="Share of the comparisons in the time range without any difference. Noise and accepted divergences are not matches.",
        queries=[_share_of_range("match")],
    ),
    Number(
        id=5,
        title="Isolation breaches",
        unit="none",
        steps=ANY_IS_BAD,
        description="Unexplained breaches since the backend started, also by control alone: a run's stream contained data of another user "
        "or tenant. If the candidate serves: `netra-migration kill on SURFACE`, then `netra-migration divergences list`.",
        queries=[
            Query(expr=or_zero(total(select(_DIVERGENCES, 'kind=~"isolation_breach|control_cross_talk"', 'verdict=~"divergent|noise"'))))
        ],
    ),
    Number(
        id=6,
        title="Effects performed by a shadow without permission",
        unit="none",
        steps=ANY_IS_BAD,
        description="Since the backend started. The number must be 0. Otherwise a shadow performed an effect that the miss policy does not "
        "permit. Then stop shadowing immediately: `netra-migration kill on SURFACE`.",
        queries=[Query(expr=or_zero(total(select(_EFFECTS, 'mode="unpermitted"'))))],
    ),
)

_VERDICTS: Final[Sequence[AnyPanel]] = (
    Lines(
        id=10,
        title="Comparisons by verdict",
        unit="suffix: comparisons/s",
        stacked=True,
        description="Verdicts of whole comparisons; a comparison has the worst verdict of its divergences.",
        queries=[Query(expr=or_zero(rate(select(_COMPARISONS), ["verdict"]), "verdict"), legend="{{verdict}}")],
    ),
    Lines(
        id=11,
        title="Verdict shares",
        unit="percentunit",
        stacked=True,
        description="The same as shares of all comparisons. Look for a step after a flag edit (purple mark) or a release.",
        queries=[
            Query(
                expr=f"{rate(select(_COMPARISONS), ['verdict'])} / on () group_left () ({rate(select(_COMPARISONS))} > 0)",
                legend="{{verdict}}",
            )
        ],
    ),
    Lines(
        id=12,
        title="Divergent share by surface",
        unit="percentunit",
        steps=_DIVERGENT_STEPS,
        description="Over 5 minutes, from the recording rule of the alert MigrationDivergent; the dashed line is the limit of the alert.",
        queries=[Query(expr=select(DIVERGENT_SHARE), legend="{{surface}}")],
    ),
    Lines(
        id=13,
        title="Inconclusive share by surface",
        unit="percentunit",
        steps=((None, "green"), (0.05, "red")),
        description="Share of comparisons that hit a limit. If it rises, runs have become too large for the limits of the comparison.",
        queries=[_share_by("surface", _COMPARISONS, 'verdict="inconclusive"')],
    ),
)

_BY_LABEL: Final[Sequence[AnyPanel]] = (
    *(
        Lines(
            id=id_,
            title=f"Divergences by {label}",
            unit="suffix: divergences/s",
            width=8,
            description=description,
            queries=[Query(expr=or_zero(rate(select(_DIVERGENCES), [label]), label), legend=f"{{{{{label}}}}}")],
        )
        for id_, label, description in (
            (
                20,
                "kind",
                "What differs. Many kinds at once mean that the engines did different work; a single kind usually has a single cause.",
            ),
            (
                21,
                "severity",
                "How serious the divergences are. First look at `security`: another user's data or events, or an accepted foreign id.",
            ),
            (
                22,
                "verdict",
                "`divergent` is unexplained; `accepted` has an entry in the ledger; `noise` is not a difference between the engines.",
            ),
        )
    ),
    Rows(
        id=23,
        title="Divergences since start",
        unit="short",
        height=9,
        description="Totals since the backend started, so that a divergence that happened once is shown too: a rate does not show the "
        "first occurrence of a series. `netra-migration divergences show FINGERPRINT` shows both streams side by side.",
        queries=[Query(expr=or_zero(total(select(_DIVERGENCES), ["surface", "kind", "severity", "verdict"]), "kind"))],
        columns={"surface": "Surface", "kind": "Kind", "severity": "Severity", "verdict": "Verdict", "Value": "Divergences"},
    ),
)

_NOISE: Final[Sequence[AnyPanel]] = (
    Lines(
        id=60,
        title="Comparison of each engine with itself",
        unit="suffix: rounds/s",
        width=24,
        stacked=True,
        description="After a sampled share of shadows there is a round: each engine runs once more and is compared with itself. `noisy` "
        "shows how many of the differences between the engines may be noise; without rounds no difference counts as noise. If "
        "there are many `skipped` or `failed` rounds, little noise is measured; look at the worker's log.",
        queries=[Query(expr=or_zero(rate(select(_ROUNDS), ["result"]), "result"), legend="{{result}}")],
    ),
)

_SOUGHT: Final[Sequence[AnyPanel]] = (
    Lines(
        id=50,
        title="Identifiers that became known",
        unit="suffix: identifiers/s",
        width=24,
        description="Identifiers of tenants, users, threads and runs; from then on they are searched for in the data of all others. "
        "`fields`: words that are too common to be searched for in texts, such as `admin`. If there are no identifiers while "
        "runs are compared, other tenants' data is not searched for.",
        queries=[Query(expr=or_zero(rate(_IDENTIFIERS, ["sought"]), "sought"), legend="{{sought}}")],
    ),
)

_BY_TENANT: Final[Sequence[AnyPanel]] = (
    Lines(
        id=30,
        title="Comparisons by watched tenant",
        unit="suffix: comparisons/s",
        description="Tenants appear by name only when NETRA_MIGRATION_WATCH_TENANTS lists them; all others are `other`.",
        queries=[
            Query(expr=or_zero(rate(select(_TENANTS, _TENANT), ["tenant", "verdict"]), "tenant"), legend="{{tenant}} {{verdict}}"),
        ],
    ),
    Lines(
        id=31,
        title="Divergent share by watched tenant",
        unit="percentunit",
        steps=_DIVERGENT_STEPS,
        description="If one tenant is far above the others, its data or its agents differ. "
        "Move it back alone: `netra-migration stage set SURFACE STAGE --tenant T`.",
        queries=[_share_by("tenant", _TENANTS, 'verdict="divergent"', _TENANT)],
    ),
)

_BY_MODE: Final[Sequence[AnyPanel]] = (
    Lines(
        id=40,
        title="Effects by mode",
        unit="suffix: effects/s",
        description="Effects of compared runs. `recorded`: performed by the serving run. `replayed`: answered to its shadow. `missing`: a "
        "shadow asked for an effect that its journal does not contain.",
        queries=[Query(expr=or_zero(rate(select(_EFFECTS), ["mode"]), "mode"), legend="{{mode}}")],
    ),
    Lines(
        id=41,
        title="Share of missing effects in those that shadows asked for",
        unit="percentunit",
        description="If it is high, the engines ask the model or the tools for different things, and the rest of those runs differs too.",
        queries=[_share_by("surface", _EFFECTS, 'mode="missing"', 'mode=~"replayed|missing"')],
    ),
)

DASHBOARD: Final = Dashboard(
    uid="netra-divergence",
    title="Divergence",
    description="The results of the comparisons of control and candidate, and how far they can be trusted.",
    variables=[Variable(label="tenant", metric=_TENANTS, description="Watched tenants; all others are `other`.")],
    sections=[
        Section(title="Now", panels=_NOW),
        Section(title="Verdicts", panels=_VERDICTS),
        Section(title="Divergences", panels=_BY_LABEL),
        Section(title="Watched tenants", panels=_BY_TENANT),
        Section(title="Effects", panels=_BY_MODE),
        Section(title="Isolation", panels=_SOUGHT),
        Section(title="Noise", panels=_NOISE),
    ],
)
