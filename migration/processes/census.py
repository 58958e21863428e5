"""Counts, in a serving process, how many known tenants are at which stage. Each step is so short that it does not delay requests."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import Final

from migration.errors import MigrationError
from migration.flags.meaning import Tenant
from migration.processes.followed import FollowedFlags
from migration.processes.own_row import Counted, OwnRows
from migration.processes.table import ProcessTable

logger = logging.getLogger(__name__)

_SLICE: Final = 20  #: evaluations in one step, which takes less than a millisecond
_REST_S: Final = 0.005
_EVERY_S: Final = 30.0
_LOOK_S: Final = 1.0


class Census:
    """Counts in a separate thread, after every change of the flags and every half minute. For each source only one process counts.

    Args:
        flags: the flags to evaluate.
        surfaces: the surfaces to count for.
        rows: receives the count.
        table: lists the processes.
        tenants: the known tenants.
        clock: Unix seconds.
    """

    def __init__(
        self,
        flags: FollowedFlags,
        surfaces: Collection[str],
        rows: OwnRows,
        table: ProcessTable,
        tenants: Callable[[], Iterable[Tenant]],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._flags, self._surfaces, self._rows, self._table, self._tenants = flags, tuple(surfaces), rows, table, tenants
        self._clock = clock
        self._stop = threading.Event()
        self._counted_version: int | None = None
        self._due = 0.0
        self._problem: str | None = None

    def start(self) -> None:
        """Start."""
        threading.Thread(target=self._run, name="migration-census", daemon=True).start()

    def stop(self) -> None:
        """Stop counting; an unfinished count is dropped."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_S):
            if self._flags.status().version == self._counted_version and time.monotonic() < self._due:
                continue
            try:
                self.count()
                self._problem = None
            except MigrationError as error:
                if str(error) != self._problem:
                    logger.warning("known tenants are not counted: %s", error)
                self._problem = str(error)
            except Exception:
                logger.exception("known tenants are not counted")
            self._due = time.monotonic() + _EVERY_S

    def count(self) -> None:
        """Count once, if this process is the one that counts for its source.

        Raises:
            MigrationError: processes or tenants cannot be read.
        """
        version = self._flags.status().version
        if not self._is_ours():
            self._rows.counted, self._counted_version = None, version
            return
        stages = {surface: Counter[str]() for surface in self._surfaces}
        known = done = 0
        for tenant in self._tenants():
            known += 1
            for surface, counts in stages.items():
                counts[self._flags.evaluator.evaluate(surface, tenant, emergency=False).stage.value] += 1
                done += 1
                if done % _SLICE == 0 and self._stop.wait(_REST_S):
                    return
            if self._flags.status().version != version:
                return  # the next check starts again
        self._rows.counted, self._counted_version = Counted(tenants=known, stages=stages, at=self._clock()), version

    def _is_ours(self) -> bool:
        own = self._rows.server()
        servers = [told.row.process_id for told in self._table.told() if told.state == "live" and told.row.role == "server"]
        return own.process_id == min([*servers, own.process_id])
