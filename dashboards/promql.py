"""PromQL text: the one place that writes rates, shares, quantiles, and a 0 for a series that does not exist yet."""

from collections.abc import Sequence
from typing import Final

WINDOW: Final = "$__rate_interval"
"""Grafana's own window: at least four scrapes long."""

RANGE: Final = "$__range"
"""The time range that the reader chose."""

DIVERGENT_SHARE: Final = "surface:migration_comparisons_divergent:ratio_rate5m"
"""What `prometheus/rules.yml` records: divergent comparisons as a share of all, over 5 minutes."""

DIVERGENT_LIMIT: Final = 0.01
"""The divergent share that the alert MigrationDivergent allows."""

_SURFACE: Final = 'surface=~"$surface"'

_SCRAPED_ZERO: Final = "0 * max(migration_flag_source_up)"
"""0 while a backend is scraped, nothing otherwise: a zero is shown only when it was measured."""
#: of durations, with their names
QUANTILES: Final = ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
#: the result of a run that is to be shadowed, once it is no longer waiting
FATES: Final = ("compared", "shed", "failed")


def select(metric: str, *matchers: str) -> str:
    """Return the metric of the chosen surfaces, narrowed by more matchers."""
    return f"{metric}{{{', '.join((_SURFACE, *matchers))}}}"


def total(series: str, by: Sequence[str] = ()) -> str:
    """Return the sum of the series for each of the `by` labels; over everything if there are none."""
    return f"sum by ({', '.join(by)}) ({series})" if by else f"sum({series})"


def rate(series: str, by: Sequence[str] = ()) -> str:
    """Return occurrences per second."""
    return total(f"rate({series}[{WINDOW}])", by)


def increase(series: str, by: Sequence[str] = ()) -> str:
    """Return occurrences within the time range."""
    return total(f"increase({series}[{RANGE}])", by)


def or_zero(expression: str, label: str = "") -> str:
    """Return the expression, or 0 where a scraped backend has no such series yet; nothing where no backend is scraped.

    Counts may use it, shares may not: nothing compared is not "0 % divergent".

    Args:
        expression: what may have no series.
        label: the label under which the zero is called "none yet"; "" leaves it without labels.
    """
    zero = f'label_replace({_SCRAPED_ZERO}, "{label}", "none yet", "", "")' if label else _SCRAPED_ZERO
    return f"{expression} or on () {zero}"


def share(part: str, whole: str) -> str:
    """Return part / whole: 0 if only the part is missing, nothing if the whole is 0, since a share of nothing has no value.

    Args:
        part: an aggregation.
        whole: an aggregation by the same labels.
    """
    return f"({part} or 0 * {whole}) / ({whole} > 0)"


def quantile(level: float, histogram: str, by: Sequence[str], *matchers: str) -> str:
    """Return a quantile of a histogram in its own unit; nothing (rather than NaN) where nothing was observed.

    Args:
        level: in (0, 1).
        histogram: its name, without `_bucket`.
        by: labels that keep their own line.
        matchers: what narrows it beyond the chosen surfaces.
    """
    buckets = rate(select(f"{histogram}_bucket", *matchers), (*by, "le"))
    return f"histogram_quantile({level}, {buckets}) >= 0"
