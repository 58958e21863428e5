"""Other data that an edit needs: known tenants, run stores, processes, history. Opened from the settings on first use."""

import math
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final

from migration.errors import OutboxError, ProcessesError
from migration.flags import TenantAttributes
from migration.flags.meaning import FlagData, Tenant
from migration.processes import ProcessTable, Told, known_tenants, pinned
from migration.settings import MigrationSettings

if TYPE_CHECKING:
    from migration.history import Entry, History
    from migration.processes import Confirmation
    from migration.stores import Coverage, StoresDatabase


#: Seconds that an edit waits for a check of the run stores; if this is not enough for all runs, the last check in the background decides.
_CHECK_S: Final = 5.0


class EditParts:
    """Everything an edit needs except the flags. It must be closed.

    Args:
        settings: name the sources of this data.
    """

    def __init__(self, settings: MigrationSettings) -> None:
        self.settings = settings
        self.notes: list[str] = []  #: one sentence for each source that could not be read

    @cached_property
    def _attributes(self) -> TenantAttributes:
        attributes = TenantAttributes(self.settings)
        attributes.start()
        attributes.close()  # reading once is enough for one edit
        if attributes.problem is not None:
            self._note(attributes.problem)
        return attributes

    @cached_property
    def _table(self) -> ProcessTable:
        return ProcessTable.reading(self.settings)

    @cached_property
    def _stores(self) -> "StoresDatabase":
        from migration.stores import StoresDatabase

        return StoresDatabase(self.settings.outbox())

    @cached_property
    def _history(self) -> "History":
        from migration.history import History

        return History.of_settings(self.settings)

    def close(self) -> None:
        """Close what was opened."""
        for name in ("_table", "_stores", "_history"):
            if name in self.__dict__:
                self.__dict__[name].close()

    def known(self, data: FlagData, surface: str | None) -> list[Tenant]:
        """Return the known tenants with their attributes; a source that cannot be read is left out, and reported.

        Raises:
            ConfigurationError: the callable for attributes cannot be imported.
        """
        attributes = self._attributes
        stored = [*self.settings.tenants, *(self._stored(surface) if surface is not None else ())]
        found: list[Tenant] = []
        try:
            found.extend(known_tenants(self._table, data, attributes, stored=stored))
        except ProcessesError as error:
            self._note(f"served tenants are not among the known ones: {error}")
            found = [attributes.tenant(one) for one in dict.fromkeys([*stored, *pinned(data)])]
        return found

    def tenant(self, data: FlagData, tenant_id: str) -> Tenant:
        """Return the tenant with its known attributes."""
        return next((one for one in self.known(data, None) if one.tenant_id == tenant_id), None) or self._attributes.tenant(tenant_id)

    def _stored(self, surface: str) -> list[str]:
        """Return the tenants whose runs are missing in one of the run stores; this is known without reading the stores."""
        coverage = self.coverage()
        if coverage is None:
            return []
        try:
            return sorted({*coverage.gaps_now(surface, "user"), *coverage.gaps_now(surface, "legacy")})
        except OutboxError as error:
            self._note(f"tenants of the run stores are not among the known ones: {error}")
            return []

    def coverage(self) -> "Coverage | None":
        """Return what is known about the run stores; None: no finished runs are stored."""
        if not self.settings.stores:
            return None
        from migration.stores import Coverage

        return Coverage(self._stores)

    def recheck(self, surface: str) -> None:
        """Check for a few seconds whether the backfilled run stores still have every run, and store the result.

        Raises:
            StoreError: the stores cannot be opened or read.
            OutboxError: the proofs cannot be read or stored.
            ConfigurationError: NETRA_MIGRATION_STORES names nothing that can be imported.
        """
        coverage = self.coverage()
        if coverage is None:
            return
        from migration.import_strings import load
        from migration.stores import Outbox, recheck_now

        for one, store in coverage.proved_now():
            if one == surface and coverage.unproved_now(surface, store, most_age_s=math.inf) is None:
                opener = load(self.settings.stores, self.settings.import_path)
                recheck_now(opener, surface, store, coverage, Outbox(self._stores), at_most_s=_CHECK_S)

    def processes(self) -> Sequence[Told] | None:
        """Return the processes that may serve, by their own reports; None: they cannot be read, which is reported."""
        try:
            return [told for told in self._table.told() if told.serves]
        except ProcessesError as error:
            self._note(f"it is not known what the processes do: {error}")
            return None

    def confirm(self, version: int, wait_s: float) -> "Confirmation":
        """Wait until the serving processes follow this version of the flags, and return what they do."""
        from migration.processes import confirm

        return confirm(self.settings, lambda row: row.flags_version is not None and row.flags_version >= version, wait_s=wait_s)

    def keep(self, entry: "Entry") -> None:
        """Append to the history.

        Raises:
            HistoryError: it cannot be written.
        """
        self._history.append(entry)

    def _note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)
