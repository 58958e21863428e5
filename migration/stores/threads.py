"""`ThreadReader` reads a thread's runs, completely at every stage of the migration."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from migration.errors import OutboxError
from migration.stages import Plan, Store
from migration.stores.coverage import Coverage
from migration.stores.outbox import Outbox
from migration.stores.run import STORES, RunStore, StoredRun, key_of, other
from migration.telemetry import Metrics

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadView:
    """The runs of a thread that could be read."""

    runs: tuple[StoredRun, ...]  #: oldest first
    complete: bool  #: False: a store that may contain more did not answer


class ThreadReader:
    """Reads each surface's runs from its serving engine's store.

    Runs that still wait for that store are read from the outbox. If the store is not known to be complete, or does not answer, the other
    store is read too. So a thread never becomes shorter.

    Args:
        stores: both stores.
        outbox: the runs that wait for the stores.
        coverage: knows which runs the stores lack.
        plan: returns the current plan of a surface for a tenant.
        surfaces: the surfaces that are being migrated.
        metrics: count failures.
        timeout_s: seconds that a store may take to answer.
    """

    def __init__(
        self,
        *,
        stores: Mapping[Store, RunStore],
        outbox: Outbox,
        coverage: Coverage,
        plan: Callable[[str, str], Plan],
        surfaces: Collection[str],
        metrics: Metrics,
        timeout_s: float = 5.0,
    ) -> None:
        self._stores, self._outbox, self._coverage = stores, outbox, coverage
        self._plan, self._surfaces, self._metrics, self._timeout_s = plan, tuple(surfaces), metrics, timeout_s

    async def thread(self, tenant_id: str, user_id: str, thread_id: str, newest: int | None = None, /) -> ThreadView:
        """Return the thread's runs of all surfaces. Never raises: a read that fails is counted and makes the view incomplete."""
        # Waiting runs are read first: a run that is delivered meanwhile is then in both results, and never missing from both.
        owed, lacking = await asyncio.gather(self._owed(tenant_id, user_id, thread_id), self._lacking(tenant_id))
        thread = (tenant_id, user_id, thread_id)
        sources = {(surface, self._plan(surface, tenant_id).writes[0]) for surface in self._surfaces}
        wanted = {store for _, store in sources} | {other(store) for _, store in sources & lacking}
        found = await self._read(wanted, thread, newest)
        found |= await self._read({other(store) for store in wanted - set(found)} - wanted, thread, newest)
        whole = all(
            len(found) == len(STORES) or any(store in found and (surface, store) not in lacking for store in STORES)
            for surface in self._surfaces
        )
        runs = [run for read in (*found.values(), owed or ()) for run in read]
        ordered = _in_order(runs)
        return ThreadView(runs=ordered if newest is None else ordered[-newest:], complete=whole and owed is not None)

    async def _owed(self, *thread: str) -> list[StoredRun] | None:
        try:
            return await self._outbox.of_thread(*thread)
        except OutboxError as error:
            self._failed("the outbox", error)
            return None

    async def _lacking(self, tenant_id: str) -> set[tuple[str, Store]]:
        try:
            return await self._coverage.lacking(self._surfaces, tenant_id)
        except OutboxError as error:
            self._failed("what the stores lack", error)
            return {(surface, store) for surface in self._surfaces for store in STORES}

    async def _read(self, stores: Collection[Store], thread: tuple[str, str, str], newest: int | None) -> dict[Store, list[StoredRun]]:
        """Return the runs of each store; a store that does not answer is missing."""

        async def read(store: Store) -> list[StoredRun] | None:
            try:
                async with asyncio.timeout(self._timeout_s):
                    return await self._stores[store].thread(*thread, newest)
            except Exception as error:  # noqa: BLE001 - a chat is served even if a store's driver raises an unexpected error
                self._failed(f"the {store} store", error)
                return None

        read_all = await asyncio.gather(*(read(store) for store in stores))
        return {store: runs for store, runs in zip(stores, read_all, strict=True) if runs is not None}

    def _failed(self, what: str, error: Exception) -> None:
        self._metrics.failed("stores.read")
        logger.warning("%s could not be read for a thread: %s", what, type(error).__name__)


def _in_order(runs: Iterable[StoredRun]) -> tuple[StoredRun, ...]:
    """Return each run once, oldest first; of runs that began at the same time, the smaller id first."""
    once = {key_of(run): run for run in runs}
    return tuple(sorted(once.values(), key=lambda run: (run.started_at, run.run_id)))
