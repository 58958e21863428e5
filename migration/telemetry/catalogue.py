"""`docs/migration/metrics.md`, made from `metrics` and `spans`."""

from collections.abc import Collection, Mapping

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
    "role": "of an engine in a run: `serving`, `shadowing`; of a process: `server`, `worker`",
    "outcome": "`completed`, `failed`, `timed_out`, `cancelled`, `cut`",
    "verdict": ", ".join(f"`{verdict}`" for verdict in Verdict),
    "kind": "kind of divergence, see `DivergenceKind` in `migration/model.py`; of an entry of the history, see `Kind` in "
    "`migration/history/entry.py`",
    "severity": "`security`, `contract`, `reliability`, `observability`, `cosmetic`",
    "mode": "`recorded`, `replayed`, `missing`, `performed_by_shadow`, `unpermitted`: performed although the miss policy forbids it",
    "reason": "the cause: `ShedReason` and `FailReason` in `migration/shadow/job.py`, `Reason` in `migration/flags/decision.py`",
    "sought": "`text`: in all data; `fields`: only in fields with names of identities, because the identifier is also an ordinary word",
    "result": "of a failover: `FailoverResult` in `migration/model.py`; of a round of noise: `clean`: neither engine differs from itself; "
    "`noisy`: one does; `inconclusive`, `failed`, `skipped`: not known; "
    "`cross_talk`: no round was run, because a run contained data of another tenant or user",
    "operation": "where the tool itself failed, see `Operation` in `migration/errors.py`",
    "quantile": "`0.5`, `0.99`: of runs' durations",
    "bound": "of the tax: `lower`, `estimate`, `upper`, the interval at 95 %; of a gate: `lower`, `upper`, `most`, which is its limit",
    "state": "of a process: `live`, `silent`, `lost`; of a ramp: `State` in `migration/rollout/store.py`",
    "decision": "of a gate: `promote`, `hold`, `roll_back`",
    "term": "`permanent`, `temporary`, `expired`",
    "type": "`input`, `output`",
    "source": "what facts are read from: `processes`, `flags`, `history`, `ramps`, `disk`, `ledger`, `certificate`",
    "version": "version and digest of the code; as many values as versions run at the same time",
    "tenant": f"tenant on the watch list (`NETRA_MIGRATION_WATCH_TENANTS`); all others are `{OTHER_TENANT}`",
}
"""Each label and its values. All are closed sets, so the number of time series is bounded."""

_HEAD = """# Metrics and spans

<!-- `make docs` writes this page. -->

Each process serves `/metrics`; with `PROMETHEUS_MULTIPROC_DIR` set, any of them answers with the metrics of all. Names and types follow
Prometheus' conventions; a gauge of something that is not known is NaN. With an `Accept` header for OpenMetrics, `migration_run_seconds`
has exemplars with the trace id, but only while each process keeps its metrics to itself: prometheus-client drops exemplars when several
processes share their metrics. Logs and evidence contain the trace id in both cases.

Every process reads the gauges of facts (`migration_facts_up` and those that follow it) from the database and from files, so they have the
same value in each process: take their maximum over processes, never their sum.
"""
#: The unit of a metric by the end of its name; all others are counts.
_UNITS = {"_timestamp_seconds": "Unix s", "_seconds": "s", "_bytes": "bytes", "_ratio": "ratio", "_percent": "%"}


def markdown(read_by: Mapping[str, Collection[str]]) -> str:
    """Return the whole page.

    Args:
        read_by: the dashboards and alerts that read a metric, by its name without the suffixes that Prometheus adds.
    """
    metrics = "\n".join(_metric(metric, read_by) for metric in collectors())
    labels = "\n".join(f"| `{name}` | {values} |" for name, values in LABELS.items())
    attributes = "\n".join(f"| `{row.name}` | {row.type} | {row.spans} | {row.meaning} |" for row in spans.TABLE)
    return (
        f"{_HEAD}\n## Metrics\n\n| metric | type | unit | labels | meaning | read by |\n|---|---|---|---|---|---|\n{metrics}\n"
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


def _metric(metric: MetricWrapperBase, read_by: Mapping[str, Collection[str]]) -> str:
    (described,) = metric.describe()
    # Counters gain a suffix when they are scraped.
    name = f"{described.name}_total" if isinstance(metric, Counter) else described.name
    labels = ", ".join(f"`{label}`" for label in labels_of(metric)) or "-"
    unit = next((unit for end, unit in _UNITS.items() if described.name.endswith(end)), "1")
    readers = ", ".join(read_by.get(described.name, ())) or "-"
    return f"| `{name}` | {described.type} | {unit} | {labels} | {described.documentation} | {readers} |"
