"""All facts that a serving process shows to Prometheus."""

from collections.abc import Callable
from typing import Final

from sqlalchemy import inspect

from migration.processes.facts import Fact, Facts
from migration.processes.fleet_gauges import HistoryGauges, ProcessGauges, WatchedStages
from migration.processes.followed import FollowedFlags
from migration.processes.table import ProcessTable
from migration.processes.upkeep_gauges import CertificateGauge, DiskGauges, LedgerGauges
from migration.settings import MigrationSettings
from migration.telemetry import Metrics

RAMPS: Final = "migration_rollouts"
"""The table of ramps; it exists since the first ramp was started."""


class OnceRampsExist:
    """The facts about ramps. The code of ramps is loaded when the first ramp exists, because most servers never need it.

    Args:
        settings: the database.
        load: loads the code, and returns the facts.
    """

    def __init__(self, settings: MigrationSettings, load: Callable[[], Fact]) -> None:
        self._database, self._load = ProcessTable.reading(settings).database, load
        self._ramps: Fact | None = None

    def show(self) -> None:
        """Read all ramps, if there are any.

        Raises:
            MigrationError: the database cannot be read.
        """
        if self._ramps is None:
            with self._database.transaction("read") as connection:
                exists = inspect(connection).has_table(RAMPS)
            if not exists:
                return
            self._ramps = self._load()
        self._ramps.show()

    def hide(self) -> None:
        """Show that nothing is known."""
        if self._ramps is not None:
            self._ramps.hide()

    def close(self) -> None:
        """Close all connections."""
        self._database.close()
        if self._ramps is not None:
            self._ramps.close()


def facts_of(settings: MigrationSettings, flags: FollowedFlags, metrics: Metrics, ramps: Callable[[], Fact]) -> Facts:
    """Return the facts. Nothing is read before they are started.

    Args:
        settings: databases, files and surfaces.
        flags: the flags that this process follows.
        metrics: the gauges.
        ramps: loads the code of ramps, and returns the facts about them.

    Raises:
        ConfigurationError: the database's URL cannot be used.
    """
    return Facts(
        metrics,
        {
            "processes": ProcessGauges(settings, metrics),
            "flags": WatchedStages(flags, metrics),
            "history": HistoryGauges(settings, metrics),
            "ramps": OnceRampsExist(settings, ramps),
            "disk": DiskGauges(settings, metrics),
            "ledger": LedgerGauges(settings, metrics),
            "certificate": CertificateGauge(settings, metrics),
        },
    )
