"""Every metric name (`metrics`) and every span name (`spans`), once; dashboards and docs are checked against them."""

from typing import TYPE_CHECKING

from migration.fronts import front

if TYPE_CHECKING:
    from migration.telemetry.catalogue import markdown
    from migration.telemetry.delivery import LossReason, OnLost, SpanDelivery
    from migration.telemetry.exposition import render
    from migration.telemetry.metrics import TOKENS, Metrics
    from migration.telemetry.multiprocess import folder
    from migration.telemetry.run_counts import RunCounts
    from migration.telemetry.run_spans import NoSpan, RunSpan, span_id_of, trace_id_of
    from migration.telemetry.shadow_trace import ShadowTraces, TracedShadow
    from migration.telemetry.traced import Traceable, read_ids
    from migration.telemetry.tracing import Tracing, deliver_to
else:
    __getattr__ = front(
        __name__,
        {
            "SpanDelivery": "delivery",
            "LossReason": "delivery",
            "Metrics": "metrics",
            "NoSpan": "run_spans",
            "TOKENS": "metrics",
            "OnLost": "delivery",
            "RunCounts": "run_counts",
            "RunSpan": "run_spans",
            "ShadowTraces": "shadow_trace",
            "Traceable": "traced",
            "TracedShadow": "shadow_trace",
            "Tracing": "tracing",
            "deliver_to": "tracing",
            "folder": "multiprocess",
            "markdown": "catalogue",
            "read_ids": "traced",
            "render": "exposition",
            "span_id_of": "run_spans",
            "trace_id_of": "run_spans",
        },
    )

__all__ = [
    "TOKENS",
    "LossReason",
    "Metrics",
    "NoSpan",
    "OnLost",
    "RunCounts",
    "RunSpan",
    "ShadowTraces",
    "SpanDelivery",
    "Traceable",
    "TracedShadow",
    "Tracing",
    "deliver_to",
    "folder",
    "markdown",
    "read_ids",
    "render",
    "span_id_of",
    "trace_id_of",
]
