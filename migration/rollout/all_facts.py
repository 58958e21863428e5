"""All facts that a serving process shows to Prometheus."""

from migration.processes import (
    CertificateGauge,
    DiskGauges,
    Facts,
    FollowedFlags,
    HistoryGauges,
    LedgerGauges,
    ProcessGauges,
    WatchedStages,
)
from migration.rollout.ramp_gauges import RampGauges
from migration.settings import MigrationSettings
from migration.telemetry import Metrics


def facts_of(settings: MigrationSettings, flags: FollowedFlags, metrics: Metrics) -> Facts:
    """Return the facts. Nothing is read before they are started.

    Args:
        settings: databases, files and surfaces.
        flags: the flags that this process follows.
        metrics: the gauges.

    Raises:
        ConfigurationError: the database's URL cannot be used.
    """
    return Facts(
        metrics,
        {
            "processes": ProcessGauges(settings, metrics),
            "flags": WatchedStages(flags, metrics),
            "history": HistoryGauges(settings, metrics),
            "ramps": RampGauges(settings, metrics),
            "disk": DiskGauges(settings, metrics),
            "ledger": LedgerGauges(settings, metrics),
            "certificate": CertificateGauge(settings, metrics),
        },
    )
