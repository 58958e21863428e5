"""Every metric name (`metrics`) and every span name (`spans`), once; dashboards and docs are checked against them."""

from typing import TYPE_CHECKING

from migration.fronts import front

if TYPE_CHECKING:
    from migration.telemetry.catalogue import markdown
    from migration.telemetry.exposition import render
    from migration.telemetry.metrics import Metrics
    from migration.telemetry.multiprocess import folder
    from migration.telemetry.tracing import configure_tracing, deliver_spans, links_to
else:
    __getattr__ = front(
        __name__,
        {
            "Metrics": "metrics",
            "configure_tracing": "tracing",
            "deliver_spans": "tracing",
            "folder": "multiprocess",
            "links_to": "tracing",
            "markdown": "catalogue",
            "render": "exposition",
        },
    )

__all__ = [
    "Metrics",
    "configure_tracing",
    "deliver_spans",
    "folder",
    "links_to",
    "markdown",
    "render",
]
