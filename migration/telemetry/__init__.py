"""Every metric name (`metrics`) and every span name (`spans`), once; dashboards and docs are checked against them."""

from typing import TYPE_CHECKING

from migration.fronts import front

if TYPE_CHECKING:
    from migration.telemetry.catalogue import markdown
    from migration.telemetry.exposition import render
    from migration.telemetry.metrics import TOKENS, Metrics
    from migration.telemetry.multiprocess import folder
    from migration.telemetry.run_counts import RunCounts
    from migration.telemetry.run_spans import RunSpan, start_run
    from migration.telemetry.tracing import configure_tracing, deliver_spans, links_to, unread
else:
    __getattr__ = front(
        __name__,
        {
            "Metrics": "metrics",
            "RunCounts": "run_counts",
            "RunSpan": "run_spans",
            "TOKENS": "metrics",
            "configure_tracing": "tracing",
            "deliver_spans": "tracing",
            "folder": "multiprocess",
            "links_to": "tracing",
            "markdown": "catalogue",
            "render": "exposition",
            "start_run": "run_spans",
            "unread": "tracing",
        },
    )

__all__ = [
    "TOKENS",
    "Metrics",
    "RunCounts",
    "RunSpan",
    "configure_tracing",
    "deliver_spans",
    "folder",
    "links_to",
    "markdown",
    "render",
    "start_run",
    "unread",
]
