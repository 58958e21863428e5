"""What `/metrics` answers: this process's metrics, or those of all processes when Prometheus' multiprocess mode is on."""

import os

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def render(registry: CollectorRegistry, accept: str = "") -> tuple[bytes, str]:
    """Return the metrics as text and their content type.

    With PROMETHEUS_MULTIPROC_DIR set when the process started, every process writes its metrics to files in that folder; then the
    answer is collected from all of them, and `registry` is not used.

    Args:
        registry: the metrics of this process.
        accept: the scraper's Accept header; empty: the plain text format.

    Raises:
        ValueError: PROMETHEUS_MULTIPROC_DIR names no folder.
    """
    source = registry
    if folder := os.environ.get(_FOLDER):
        source = CollectorRegistry()
        MultiProcessCollector(source, folder)  # type: ignore[no-untyped-call]  # prometheus_client leaves it untyped
    encode, content_type = choose_encoder(accept)
    return encode(source), content_type


def forget_process(pid: int) -> None:
    """Drop the live gauges of a process that ended, so that they are not summed up for ever; its counters stay. No-op in single mode."""
    if folder := os.environ.get(_FOLDER):
        mark_process_dead(pid, folder)  # type: ignore[no-untyped-call]  # prometheus_client leaves it untyped
