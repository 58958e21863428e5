"""PromQL text. Only this module writes rates, shares, quantiles, and the 0 that replaces a series that does not exist yet."""

from collections.abc import Sequence
from typing import Final

WINDOW: Final = "$__rate_interval"
"""Grafana's own window, which is at least four scrapes long."""

RANGE: Final = "$__range"
"""The time range that the user chose."""

DIVERGENT_SHARE: Final = "surface:migration_comparisons_divergent:ratio_rate5m"
"""The recording rule in `prometheus/rules.yml`: the share of divergent comparisons, over 5 minutes."""

DIVERGENT_BUDGET: Final = 0.01
"""The divergent share that is allowed in the long run."""

DIVERGENT_LIMIT: Final = 0.05
"""The divergent share that the alert MigrationDivergent allows for a while."""

_SURFACE: Final = 'surface=~"$surface"'

_SCRAPED_ZERO: Final = "0 * max(migration_flag_source_up)"
"""0 while a backend is scraped, otherwise no value: a zero is shown only when it was measured."""
#: levels for durations, with their names
QUANTILES: Final = ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
#: the possible final results of a run that has to be shadowed
FATES: Final = ("compared", "shed", "failed")


def select(metric: str, *matchers: str) -> str:
    """Return the metric of the chosen surfaces, restricted by more matchers."""
    return f"{metric}{{{', '.join((_SURFACE, *matchers))}}}"


def total(series: str, by: Sequence[str] = ()) -> str:
    """Return the sum of the series for each combination of the `by` labels; without labels, the sum of all series."""
    return f"sum by ({', '.join(by)}) ({series})" if by else f"sum({series})"


def fact(metric: str, by: Sequence[str] = (), *matchers: str) -> str:
    """Return a fact that every process reads alike, once for each combination of the `by` labels."""
    series = select(metric, *matchers) if "surface" in by else f"{metric}{{{', '.join(matchers)}}}" if matchers else metric
    return f"max by ({', '.join(by)}) ({series})" if by else f"max({series})"


def rate(series: str, by: Sequence[str] = ()) -> str:
    """Return occurrences per second."""
    return total(f"rate({series}[{WINDOW}])", by)


def increase(series: str, by: Sequence[str] = ()) -> str:
    """Return occurrences within the time range."""
    return total(f"increase({series}[{RANGE}])", by)


def or_zero(expression: str, label: str = "") -> str:
    """Return the expression, with 0 if a scraped backend has no such series yet, and no value if no backend is scraped.

    Use it for counts, not for shares: without comparisons, "0 % divergent" would be wrong.

    Args:
        expression: an expression that may have no series.
        label: the label whose value is "none yet" for the zero; "": the zero has no label.
    """
    zero = f'label_replace({_SCRAPED_ZERO}, "{label}", "none yet", "", "")' if label else _SCRAPED_ZERO
    return f"{expression} or on () {zero}"


def share(part: str, whole: str) -> str:
    """Return part / whole: 0 if only the part is missing, and no value if the whole is 0.

    Args:
        part: an aggregation.
        whole: an aggregation by the same labels.
    """
    return f"({part} or 0 * {whole}) / ({whole} > 0)"


def quantile(level: float, histogram: str, by: Sequence[str], *matchers: str) -> str:
    """Return a quantile of a histogram in the histogram's unit; without observations it has no value, instead of NaN.

    Args:
        level: in (0, 1).
        histogram: the metric's name, without `_bucket`.
        by: labels; each combination of their values gets its own line.
        matchers: restrictions in addition to the chosen surfaces.
    """
    buckets = rate(select(f"{histogram}_bucket", *matchers), (*by, "le"))
    return f"histogram_quantile({level}, {buckets}) >= 0"
