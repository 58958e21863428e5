"""The gauges of all processes, of the tenants' stages, and of the history."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Final, get_args

from migration.flags.meaning import Tenant
from migration.history import History, Kind
from migration.model import Stage
from migration.processes.followed import FollowedFlags
from migration.processes.identity import code_version
from migration.processes.row import ProcessRow, Role
from migration.processes.table import ProcessTable
from migration.settings import MigrationSettings
from migration.telemetry import Metrics

_STATES: Final = ("live", "silent", "lost")
_ALL_SURFACES: Final = ""  #: the history's name for entries about no surface in particular


class ProcessGauges:
    """Shows how many processes run, whether they follow the newest flags, and how many known tenants are at each stage.

    Args:
        settings: the database, the surfaces.
        metrics: the gauges.
    """

    def __init__(self, settings: MigrationSettings, metrics: Metrics) -> None:
        self._table, self._metrics = ProcessTable.reading(settings), metrics
        metrics.processes_by_version.labels(code_version()).set(1)

    def show(self) -> None:
        """Read the reports of all processes. Raises ProcessesError."""
        told = self._table.told()
        states = Counter((one.row.role, one.state) for one in told)
        for role in get_args(Role):
            for state in _STATES:
                self._metrics.processes.labels(role, state).set(states[role, state])
        servers = [one.row for one in told if one.state in {"live", "silent"} and one.row.role == "server"]
        self._metrics.processes_behind.set(sum(row.flags_version != newest_of(servers, row.flags_source) for row in servers))
        counted = max((row for row in servers if row.counted_at is not None), key=lambda row: row.counted_at or 0.0, default=None)
        for surface in self._metrics.surfaces:
            for stage in Stage:
                known = math.nan if counted is None else counted.stage_counts.get(surface, {}).get(stage.value, 0)
                self._metrics.tenants.labels(surface, stage.value).set(known)

    def hide(self) -> None:
        """Show that nothing is known."""
        for role in get_args(Role):
            for state in _STATES:
                self._metrics.processes.labels(role, state).set(math.nan)
        self._metrics.processes_behind.set(math.nan)
        for surface in self._metrics.surfaces:
            for stage in Stage:
                self._metrics.tenants.labels(surface, stage.value).set(math.nan)

    def close(self) -> None:
        """Close all connections."""
        self._table.close()


def newest_of(servers: Sequence[ProcessRow], source: str) -> int | None:
    """Return the newest version of the flags of a source that any of the processes follows; None: none follows it."""
    return max((row.flags_version for row in servers if row.flags_source == source and row.flags_version is not None), default=None)


class WatchedStages:
    """Shows at which stage each tenant of the watch list is, as this process evaluates the flags.

    Args:
        flags: the flags that this process follows.
        metrics: the gauges.
    """

    def __init__(self, flags: FollowedFlags, metrics: Metrics) -> None:
        self._flags, self._metrics = flags, metrics

    def show(self) -> None:
        """Evaluate the flags for each watched tenant."""
        for surface in self._metrics.surfaces:
            for tenant in self._metrics.watched:
                at = self._flags.evaluator.evaluate(surface, Tenant(tenant_id=tenant), emergency=self._flags.emergency).plan.stage
                for stage in Stage:
                    self._metrics.tenant_stage.labels(surface, tenant, stage.value).set(int(stage is at))

    def hide(self) -> None:
        """Show that nothing is known."""
        for surface in self._metrics.surfaces:
            for tenant in self._metrics.watched:
                for stage in Stage:
                    self._metrics.tenant_stage.labels(surface, tenant, stage.value).set(math.nan)

    def close(self) -> None:
        """Do nothing."""


class HistoryGauges:
    """Shows how many entries of each kind the history has, and when the last one was written.

    The number comes from the database, so it survives restarts, and an increase is an entry that was written.

    Args:
        settings: the database.
        metrics: the gauges.
    """

    def __init__(self, settings: MigrationSettings, metrics: Metrics) -> None:
        self._history, self._metrics = History.of_settings(settings), metrics

    def show(self) -> None:
        """Count the entries. Raises HistoryError."""
        totals = self._history.totals()
        for surface in (_ALL_SURFACES, *self._metrics.surfaces):
            for kind in get_args(Kind):
                number, last = totals.get((surface, kind), (0, math.nan))
                self._metrics.history_entries.labels(surface, kind).set(number)
                self._metrics.history_last_seconds.labels(surface, kind).set(last)

    def hide(self) -> None:
        """Show that nothing is known."""
        for surface in (_ALL_SURFACES, *self._metrics.surfaces):
            for kind in get_args(Kind):
                self._metrics.history_entries.labels(surface, kind).set(math.nan)
                self._metrics.history_last_seconds.labels(surface, kind).set(math.nan)

    def close(self) -> None:
        """Close all connections."""
        self._history.close()
