"""The backend's metrics of its runs, and how Prometheus reads them."""

import functools
import os
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector

from netra_backend.app.services.runs.finished_run import Outcome

_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
_BUCKETS_S: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0)


class RunMetrics:
    """Counts runs by surface and ending. No label names a tenant or a user.

    Args:
        registry: one for each process, in tests one for each test.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._runs = Counter("netra_runs_total", "Runs that ended.", ["surface", "outcome"], registry=registry)
        self._seconds = Histogram("netra_run_seconds", "Duration of a run.", ["surface"], buckets=_BUCKETS_S, registry=registry)

    def count(self, surface: str, outcome: Outcome, duration_s: float) -> None:
        """Count one run."""
        self._runs.labels(surface, outcome).inc()
        self._seconds.labels(surface).observe(duration_s)

    def render(self) -> tuple[bytes, str]:
        """Return the metrics as text, and their content type: the metrics of all server processes if these share a folder for metrics.

        Raises:
            ValueError: PROMETHEUS_MULTIPROC_DIR does not name a folder.
        """
        source = self._registry
        if folder := os.environ.get(_FOLDER):
            source = CollectorRegistry()
            MultiProcessCollector(source, folder)  # type: ignore[no-untyped-call]  # prometheus_client leaves it untyped
        encode, content_type = choose_encoder("")
        return encode(source), content_type


@functools.cache
def ready_components() -> Gauge:
    """Return the gauge of the last check by `/ready` or `/metrics`: 1 for a component that can serve, else 0.

    It is created at its first use, because a process must first be registered in the folder of shared metrics.
    """
    return Gauge("netra_ready", "Whether a component can serve, at the last check.", ["component"], multiprocess_mode="livemin")


@functools.cache
def unavailable() -> Counter:
    """Return the count of requests that were answered with `unavailable`, by the cause's system name, such as ENOSPC or SQLITE_BUSY."""
    return Counter("netra_unavailable_total", "Requests that were answered with unavailable, by cause.", ["cause"])
