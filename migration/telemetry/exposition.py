"""The answer of `/metrics`: this process's metrics, or those of all processes in Prometheus' multiprocess mode."""

import logging

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector

from migration.telemetry.multiprocess import bury_dead, folder, steady_copy

logger = logging.getLogger(__name__)


def render(registry: CollectorRegistry, accept: str = "") -> tuple[bytes, str]:
    """Return the metrics as text and their content type.

    If PROMETHEUS_MULTIPROC_DIR was set when the process started, every process writes its metrics to files in that folder. The answer is
    then collected from all these files, and `registry` is not used. Dead processes are found and settled first.

    Args:
        registry: the metrics of this process.
        accept: the scraper's Accept header; empty: the plain text format.

    Raises:
        ValueError: PROMETHEUS_MULTIPROC_DIR names no folder.
    """
    encode, content_type = choose_encoder(accept)
    place = folder()
    if place is None:
        return encode(registry), content_type
    try:
        bury_dead()
    except OSError as error:
        logger.warning("dead processes stay in the metrics: %s", error)
    with steady_copy(place) as copy:
        shared = CollectorRegistry()
        MultiProcessCollector(shared, str(copy))  # type: ignore[no-untyped-call]  # prometheus_client leaves it untyped
        return encode(shared), content_type
