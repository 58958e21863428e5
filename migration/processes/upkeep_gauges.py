"""The gauges of what runs out: disk, accepted divergences, and the removal certificate."""

import math
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from migration.comparison import Ledger, load_ledger
from migration.errors import CertificateError
from migration.processes.table import ProcessTable
from migration.project import find_project
from migration.settings import MigrationSettings
from migration.telemetry import Metrics

_DAY_S: Final = 86_400.0
_TERMS: Final = ("permanent", "temporary", "expired")
CERTIFICATE: Final = "removal-certificate.json"


class DiskGauges:
    """Shows how full the disk of NETRA_MIGRATION_HOME is, and how large the evidence is.

    Args:
        settings: the folder, the database.
        metrics: the gauges.
    """

    def __init__(self, settings: MigrationSettings, metrics: Metrics) -> None:
        self._home, self._evidence, self._metrics = settings.home, ProcessTable.reading(settings).database.file, metrics

    def show(self) -> None:
        """Measure. Raises OSError."""
        usage = shutil.disk_usage(self._home)
        self._metrics.disk_free_bytes.set(usage.free)
        self._metrics.disk_size_bytes.set(usage.total)
        there = self._evidence is not None and self._evidence.exists()
        self._metrics.evidence_bytes.set(self._evidence.stat().st_size if there and self._evidence is not None else math.nan)

    def hide(self) -> None:
        """Show that nothing is known."""
        for gauge in (self._metrics.disk_free_bytes, self._metrics.disk_size_bytes, self._metrics.evidence_bytes):
            gauge.set(math.nan)

    def close(self) -> None:
        """Do nothing."""


class LedgerGauges:
    """Shows the accepted divergences of each surface, and when the next one expires.

    Args:
        settings: the folder of ledgers.
        metrics: the gauges.
        clock: Unix seconds.
    """

    def __init__(self, settings: MigrationSettings, metrics: Metrics, clock: Callable[[], float] = time.time) -> None:
        self._folder, self._metrics, self._clock = settings.path(settings.ledger_dir), metrics, clock

    def show(self) -> None:
        """Read the ledgers. Raises LedgerError."""
        for surface in self._metrics.surfaces:
            self._one(surface, load_ledger(self._folder / f"{surface}.toml"))

    def _one(self, surface: str, ledger: Ledger) -> None:
        today = datetime.fromtimestamp(self._clock(), UTC).date()
        last_days = [entry.expires for entry in ledger.entries if entry.expires is not None]
        expired = sum(day < today for day in last_days)
        for term, number in zip(_TERMS, (len(ledger.entries) - len(last_days), len(last_days) - expired, expired), strict=True):
            self._metrics.ledger_entries.labels(surface, term).set(number)
        self._metrics.ledger_remaining_seconds.labels(surface).set(
            min(((day - today).days * _DAY_S for day in last_days), default=math.nan)
        )

    def hide(self) -> None:
        """Show that nothing is known."""
        for surface in self._metrics.surfaces:
            for term in _TERMS:
                self._metrics.ledger_entries.labels(surface, term).set(math.nan)
            self._metrics.ledger_remaining_seconds.labels(surface).set(math.nan)

    def close(self) -> None:
        """Do nothing."""


class _Dated(msgspec.Struct):
    expires_at: float


class _Certificate(msgspec.Struct):
    certificate: _Dated


class CertificateGauge:
    """Shows for how long the removal certificate is still valid, if the project has one.

    Args:
        settings: the project.
        metrics: the gauge.
        clock: Unix seconds.
    """

    def __init__(self, settings: MigrationSettings, metrics: Metrics, clock: Callable[[], float] = time.time) -> None:
        project = settings.project or find_project() or Path.cwd()
        self._file = (project.parent if project.is_file() else project) / CERTIFICATE
        self._metrics, self._clock = metrics, clock

    def show(self) -> None:
        """Read the certificate's last moment. Its signature is not verified here.

        Raises:
            OSError: the file cannot be read.
            CertificateError: the file is not a certificate.
        """
        try:
            written = self._file.read_bytes()
        except FileNotFoundError:
            self.hide()
            return
        try:
            expires_at = msgspec.json.decode(written, type=_Certificate).certificate.expires_at
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):  # the three errors that mean "unreadable"
            raise CertificateError(f"{self._file} is not a certificate; have it made again") from None
        self._metrics.certificate_remaining_seconds.set(expires_at - self._clock())

    def hide(self) -> None:
        """Show that nothing is known."""
        self._metrics.certificate_remaining_seconds.set(math.nan)

    def close(self) -> None:
        """Do nothing."""
