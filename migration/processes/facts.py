"""Shows, in each serving process, what the migration's database and files say, for Prometheus.

Every process reads the same, so that one that is scraped is enough; queries take the maximum over processes, never the sum.
"""

import logging
import threading
from collections.abc import Mapping
from typing import Final, Protocol

from migration.errors import MigrationError
from migration.telemetry import Metrics

logger = logging.getLogger(__name__)

EVERY_S: Final = 5.0
_STOP_S: Final = 3.0


class Fact(Protocol):
    """Some gauges and what they are read from."""

    def show(self) -> None:
        """Read, and set the gauges.

        Raises:
            MigrationError, OSError: it cannot be read.
        """
        ...

    def hide(self) -> None:
        """Set the gauges to NaN, because their values are not known. Prometheus compares NaN with nothing, and Grafana shows no value."""
        ...

    def close(self) -> None:
        """Close all connections."""
        ...


class Facts:
    """Reads the facts every 5 s in a thread of its own, so that a slow database delays nothing else.

    Args:
        metrics: shows which facts can be read.
        facts: by the name of their source.
    """

    def __init__(self, metrics: Metrics, facts: Mapping[str, Fact]) -> None:
        self._metrics, self._facts = metrics, facts
        self._problems: dict[str, str] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="migration-facts", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Stop. Takes 3 s at most."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)
        else:
            self._close()

    def look(self) -> None:
        """Read all facts once. Never raises."""
        for source, fact in self._facts.items():
            try:
                fact.show()
            except Exception as error:  # noqa: BLE001 - it is logged, and the next look may succeed
                self._unknown(source, fact, error)
                continue
            self._metrics.facts_up.labels(source).set(1)
            if self._problems.pop(source, None) is not None:
                logger.warning("metrics: %s can be read again", source)

    def _unknown(self, source: str, fact: Fact, error: Exception) -> None:
        fact.hide()
        self._metrics.facts_up.labels(source).set(0)
        known = isinstance(error, MigrationError | OSError)
        problem = str(error) if known else type(error).__name__
        if self._problems.get(source) != problem:
            logger.warning("metrics: %s cannot be read: %s", source, problem, exc_info=None if known else error)
        self._problems[source] = problem

    def _run(self) -> None:
        self.look()
        while not self._stopping.wait(EVERY_S):
            self.look()
        self._close()

    def _close(self) -> None:
        for fact in self._facts.values():
            fact.close()
