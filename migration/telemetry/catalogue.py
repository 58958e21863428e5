"""`docs/migration/metrics.md`, made from `metrics` and `spans`."""

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.metrics import MetricWrapperBase

from migration.model import Origin, Stage, Verdict
from migration.telemetry import spans
from migration.telemetry.metrics import OTHER_TENANT, Metrics

LABELS = {
    "surface": "configured surface, e.g. `chat`",
    "stage": ", ".join(f"`{stage}`" for stage in Stage),
    "origin": ", ".join(f"`{origin}`" for origin in Origin),
    "store": "`legacy`, `user`",
    "role": "`serving`, `shadowing`",
    "outcome": "`completed`, `failed`, `timed_out`, `cancelled`, `cut`",
    "verdict": ", ".join(f"`{verdict}`" for verdict in Verdict),
    "kind": "kind of divergence, see `DivergenceKind` in `migration/model.py`",
    "severity": "`security`, `contract`, `reliability`, `observability`, `cosmetic`",
    "mode": "`recorded`, `replayed`, `missing`, `performed_by_shadow`, `unpermitted`: performed although the miss policy forbids it",
    "reason": "the cause: `ShedReason` and `FailReason` in `migration/shadow/job.py`, `Reason` in `migration/flags/decision.py`",
    "sought": "`text`: in all data; `fields`: only in fields with names of identities, because the identifier is also an ordinary word",
    "result": "of a failover: `FailoverResult` in `migration/model.py`; of a round of noise: `clean`: neither engine differs from itself; "
    "`noisy`: one does; `inconclusive`, `failed`, `skipped`: not known; "
    "`cross_talk`: no round was run, because a run contained data of another tenant or user",
    "operation": "where the tool itself failed, see `Operation` in `migration/errors.py`",
    "quantile": "`0.5`, `0.99`: of runs' durations",
    "bound": "`lower`, `estimate`, `upper`: the interval at 95 %",
    "tenant": f"tenant on the watch list (`NETRA_MIGRATION_WATCH_TENANTS`); all others are `{OTHER_TENANT}`",
}
"""Each label and its values. All are closed sets, so the number of time series is bounded."""

_HEAD = """# Metrics and spans

<!-- `make docs` writes this page. -->

Each process serves `/metrics`; with `PROMETHEUS_MULTIPROC_DIR` set, any of them answers with the metrics of all. Durations are in seconds.
"""


def markdown() -> str:
    """Return the whole page."""
    metrics = "\n".join(_metric(metric) for metric in collectors())
    labels = "\n".join(f"| `{name}` | {values} |" for name, values in LABELS.items())
    attributes = "\n".join(f"| `{row.name}` | {row.type} | {row.spans} | {row.meaning} |" for row in spans.TABLE)
    return (
        f"{_HEAD}\n## Metrics\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n{metrics}\n"
        f"\n## Labels\n\n| label | values |\n|---|---|\n{labels}\n"
        f"\n## Attributes of spans\n\nConventions for generative AI: version {spans.GENAI_VERSION}; "
        f"OpenTelemetry's others: {spans.SEMCONV_VERSION}; see [traces.md](traces.md).\n\n"
        f"| attribute | type | spans | meaning |\n|---|---|---|---|\n{attributes}\n"
    )


def collectors() -> list[MetricWrapperBase]:
    """Return every metric, in the order in which `Metrics` makes them."""
    return [value for value in vars(Metrics(registry=CollectorRegistry())).values() if isinstance(value, MetricWrapperBase)]


def labels_of(metric: MetricWrapperBase) -> tuple[str, ...]:
    """Return the metric's label names."""
    return tuple(metric._labelnames)  # noqa: SLF001 - prometheus_client has no public way to a metric's label names


def _metric(metric: MetricWrapperBase) -> str:
    (described,) = metric.describe()
    # Counters gain a suffix when they are scraped.
    name = f"{described.name}_total" if isinstance(metric, Counter) else described.name
    labels = ", ".join(f"`{label}`" for label in labels_of(metric)) or "-"
    return f"| `{name}` | {described.type} | {labels} | {described.documentation} |"
